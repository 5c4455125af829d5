//! What a reader gets.

use proto::Record;

use crate::Position;

/// A record with its place in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is.
    pub position: Position,
    /// Where to go on after it: what [`super::Reader::commit`] takes.
    pub end: Position,
    /// What was appended.
    pub record: Record,
}
