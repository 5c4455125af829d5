//! What is known to be in the bucket, for whoever removes files from the archive's folder.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::plan::{self, Sized};
use super::store::Store;
use super::{Bucket, pass};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::table::Table;

/// Which of our files the bucket has. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Uploaded(Known);

#[derive(Clone, Debug, Default)]
enum Known {
    /// There is no bucket.
    #[default]
    Nothing,
    /// As the mirror saw it last; nothing before it has looked.
    ByMirror(Arc<Shared>),
    /// As the bucket says when it is asked.
    ByBucket(WriterId, Arc<dyn Store>),
}

#[derive(Debug)]
struct Shared {
    writer: WriterId,
    partitions: Mutex<HashMap<(Table, Day), Vec<FileName>>>,
}

impl Uploaded {
    pub(super) fn of_mirror(writer: WriterId) -> Self {
        let partitions = Mutex::default();
        Self(Known::ByMirror(Arc::new(Shared { writer, partitions })))
    }

    pub(super) fn of_bucket(writer: WriterId, bucket: Bucket) -> Self {
        Self(Known::ByBucket(writer, Arc::from(bucket.0)))
    }

    /// Whether files of a day of the archive's folder have still to go up. If so, retention by age
    /// leaves the day, unless the disk must have its room.
    ///
    /// # Errors
    /// When a bucket that is asked does not answer.
    pub(in crate::archive) fn is_awaited(
        &self,
        table: Table,
        day: Day,
        files: impl Iterator<Item = (FileName, u64)>,
    ) -> Result<bool, ArchiveError> {
        // Files of others the mirror leaves to their own leadsman.
        let ours = |writer| {
            let files = files.filter(move |(name, _)| name.writer == writer);
            let files = files.map(|(name, bytes)| Sized { name, bytes });
            files.collect::<Vec<_>>()
        };
        match &self.0 {
            Known::Nothing => Ok(false),
            Known::ByMirror(shared) => {
                Ok(!self.awaited(table, day, &ours(shared.writer)).is_empty())
            }
            Known::ByBucket(writer, store) => {
                let local = ours(*writer);
                let remote = pass::remote(&**store, *writer, table, day)?;
                let whole = plan::whole(&local, &remote);
                Ok(!plan::lacking(&local, &whole).is_empty())
            }
        }
    }

    /// Those of our files of a day that the mirror has not seen in the bucket.
    pub(super) fn awaited(&self, table: Table, day: Day, files: &[Sized]) -> Vec<Sized> {
        let Known::ByMirror(shared) = &self.0 else {
            return Vec::new();
        };
        let partitions = shared.lock();
        let there = partitions.get(&(table, day)).map_or(&[][..], Vec::as_slice);
        plan::lacking(files, there)
    }

    /// Notes what the bucket has of a partition that is in the archive's folder too.
    pub(super) fn note(&self, table: Table, day: Day, names: Vec<FileName>) {
        if let Known::ByMirror(shared) = &self.0 {
            shared.lock().insert((table, day), names);
        }
    }

    /// Keeps only partitions that are still in the archive's folder.
    pub(super) fn keep(&self, is_there: impl Fn(Table, Day) -> bool) {
        if let Known::ByMirror(shared) = &self.0 {
            shared
                .lock()
                .retain(|&(table, day), _| is_there(table, day));
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Table, Day), Vec<FileName>>> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
