//! What a decoder remembers of a page: the sequence of its lines and the series behind them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::metrics::Layout;

/// One piece of a page up to the value that follows it: a line's series text, or a run of
/// comments and blank lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// XXH3-64 of the piece.
    pub(super) hash: u64,
    /// Its length in bytes; 0 in pages of messages, which need none.
    pub(super) length: usize,
    /// What it stands for.
    pub(super) outcome: Outcome,
}

/// What a piece of a page stands for. The numbers are indices into the layout's series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Metadata: no value follows.
    Meta,
    /// A sample of this series.
    Series(u32),
    /// A sample that relabelling drops.
    Dropped,
    /// A sample of a series that was on the page already.
    Duplicate,
    /// The time at which this series was created.
    Created(u32),
    /// A creation time of a series that is not there.
    CreatedOfNone,
}

/// Samples of a page, as the `scrape_*` series count them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) n_scraped: usize,
    pub(super) n_post_relabel: usize,
    pub(super) n_added: usize,
}

/// The last good page.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) layout: Arc<Layout>,
    pub(super) slots: Vec<Slot>,
    pub(super) counts: Counts,
}

impl Known {
    /// What each piece stands for, by its hash.
    pub(super) fn by_hash(&self) -> HashMap<u64, Outcome, HashIsKey> {
        let known = self
            .slots
            .iter()
            .filter(|slot| matches!(slot.outcome, Outcome::Series(_) | Outcome::Dropped));
        known.map(|slot| (slot.hash, slot.outcome)).collect()
    }
}

/// For maps whose keys are hashes already.
pub(super) type HashIsKey = BuildHasherDefault<KeyHasher>;

/// Hands a `u64` key through as its own hash.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
