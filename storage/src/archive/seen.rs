//! Ids that a day's files already hold: series and stacks are written once a day.
//!
//! They are kept sorted, eight bytes each: whoever asks for many asks in their order, which costs a
//! step each and no look-up.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use arrow_array::{Int64Array, StructArray};
use tracing::warn;

use super::day::Day;
use super::error::ArchiveError;
use super::files;
use super::reading::{self, Columns};
use super::table::Table;

/// Days whose ids are kept; more are read again from their files when rows for them come.
const MAX_DAYS: usize = 3;
/// Times that a day is listed while its files are merged meanwhile.
const MAX_LISTS: usize = 4;

/// A set of ids, which are hashes themselves.
pub(super) type IdSet = HashSet<u64, BuildHasherDefault<IdHasher>>;

/// Ids of one table by day.
#[derive(Debug)]
pub(super) struct SeenIds {
    table: Table,
    column: &'static str,
    /// Sorted, each id once.
    days: BTreeMap<Day, Vec<u64>>,
}

impl SeenIds {
    /// For a table and its column of ids.
    pub(super) fn new(table: Table, column: &'static str) -> Self {
        Self {
            table,
            column,
            days: BTreeMap::new(),
        }
    }

    /// Whether an id is known to be in a file of a day. Days that are not loaded know none.
    pub(super) fn contains(&self, day: Day, id: u64) -> bool {
        let ids = self.days.get(&day);
        ids.is_some_and(|ids| ids.binary_search(&id).is_ok())
    }

    /// The same for many ids of a day, in their order.
    pub(super) fn in_order(&self, day: Day) -> SeenInOrder<'_> {
        SeenInOrder(self.days.get(&day).map_or(&[], Vec::as_slice))
    }

    /// Reads the ids of a day from its files, unless they are here.
    pub(super) fn load(&mut self, root: &Path, day: Day) -> Result<(), ArchiveError> {
        if self.days.contains_key(&day) {
            return Ok(());
        }
        let mut ids = Vec::new();
        // Files may be merged while they are read: then the list has others.
        for _ in 0..MAX_LISTS {
            if self.read(root, day, &mut ids)? == Listed::Read {
                break;
            }
        }
        self.days.insert(day, sorted(ids));
        Ok(())
    }

    fn read(&self, root: &Path, day: Day, ids: &mut Vec<u64>) -> Result<Listed, ArchiveError> {
        for file in files::files(root, self.table, day)? {
            let path = file.path(root);
            match read_ids(&path, self.column, ids) {
                Err(error) if error.is_gone() => return Ok(Listed::Changed),
                Err(error) => {
                    warn!(path = %path.display(), error = %crate::ErrorChain(&error), "skipped a damaged archive file");
                }
                Ok(()) => {}
            }
        }
        Ok(Listed::Read)
    }

    /// The files of a day of some table are gone: if it is this one, so are their ids.
    pub(super) fn forget(&mut self, table: Table, day: Day) {
        if table == self.table {
            self.days.remove(&day);
        }
    }

    /// Adds ids that are in a file now, and forgets the oldest days.
    pub(super) fn extend(&mut self, day: Day, ids: impl IntoIterator<Item = u64>) {
        let known = self.days.entry(day).or_default();
        let n_known = known.len();
        known.extend(ids);
        if known.len() > n_known {
            *known = sorted(std::mem::take(known));
        }
        while self.days.len() > MAX_DAYS {
            self.days.pop_first();
        }
    }
}

/// A place among the ids of a day.
pub(super) struct SeenInOrder<'a>(&'a [u64]);

impl SeenInOrder<'_> {
    /// Whether an id is among them. Each one asked for is no less than the one before.
    pub(super) fn contains(&mut self, id: u64) -> bool {
        // Nearly always it is the first one: series come back flush after flush.
        while let [first, rest @ ..] = self.0
            && *first < id
        {
            self.0 = rest;
        }
        self.0.first() == Some(&id)
    }
}

/// In order, each once, and with no room for more.
fn sorted(mut ids: Vec<u64>) -> Vec<u64> {
    // Of two sorted runs, which is what there is after the first flush, it makes one.
    ids.sort();
    ids.dedup();
    ids.shrink_to_fit();
    ids
}

/// Whether the files of a list were there to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    Read,
    Changed,
}

/// A file that cannot be read must not stop the archive: its ids are then written once more.
fn read_ids(path: &Path, column: &str, ids: &mut Vec<u64>) -> Result<(), ArchiveError> {
    for batch in reading::open(path, &[column])? {
        let batch = StructArray::from(batch?);
        let column: &Int64Array = Columns::new(&batch, path).get(column)?;
        ids.extend(column.values().iter().map(|id| id.cast_unsigned()));
    }
    Ok(())
}

/// Takes an id as its own hash.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::UnixMillis;

    use super::*;

    proptest! {
        #[test]
        fn ids_are_known_once_they_were_added(
            added in prop::collection::vec(prop::collection::vec(0u64..40, 0..20), 0..4),
            asked in prop::collection::btree_set(0u64..40, 0..30),
        ) {
            let day = Day::of(UnixMillis(0)).unwrap();
            let mut seen = SeenIds::new(Table::MetricSeries, "series_id");
            let mut expected = HashSet::new();
            for ids in added {
                expected.extend(ids.iter().copied());
                seen.extend(day, ids);
            }
            let mut in_order = seen.in_order(day);
            for id in asked {
                prop_assert_eq!(seen.contains(day, id), expected.contains(&id));
                prop_assert_eq!(in_order.contains(id), expected.contains(&id));
            }
        }
    }
}
