//! Where an entry is in the log.

use std::fmt;

/// A place in the log: bytes of framed entries since the log was first created. It only grows,
/// over restarts and pruning too, so positions order everything that was ever sounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
