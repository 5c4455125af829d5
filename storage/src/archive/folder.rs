//! The archive's folder, which one process has at a time, and the moments at which files appear
//! in its tables.
//!
//! Inside the process the flush and the keeper share it: each holds [`ArchiveFolder::publishing`]
//! while it moves files that are written already, and never longer.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::day::Day;
use super::error::ArchiveError;
use super::keeper;
use super::table::Table;

const LOCK: &str = ".lock";

/// A folder of tables that this process may change.
#[derive(Debug)]
pub(super) struct ArchiveFolder {
    root: PathBuf,
    publishing: Mutex<()>,
    /// Days that were dropped, and of which the writer does not know yet.
    dropped: Mutex<Vec<(Table, Day)>>,
    _lock: File,
}

impl ArchiveFolder {
    /// Takes the folder, which is made if need be, and removes what an interrupted keeper left.
    ///
    /// # Errors
    /// When another process has it, or the file system refuses.
    pub(super) fn open(root: &Path) -> Result<Self, ArchiveError> {
        fs::create_dir_all(root).map_err(ArchiveError::io("create", root))?;
        let lock = lock(root)?;
        keeper::remove_leftovers(root)?;
        Ok(Self {
            root: root.to_owned(),
            publishing: Mutex::new(()),
            dropped: Mutex::default(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// While it is held nobody else changes which files the tables have.
    pub(super) fn publishing(&self) -> MutexGuard<'_, ()> {
        self.publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A day of a table is gone.
    pub(super) fn note_dropped(&self, table: Table, day: Day) {
        let dropped = self.dropped.lock();
        dropped
            .unwrap_or_else(PoisonError::into_inner)
            .push((table, day));
    }

    /// Days that are gone since this was asked last.
    pub(super) fn take_dropped(&self) -> Vec<(Table, Day)> {
        let dropped = self.dropped.lock();
        std::mem::take(&mut *dropped.unwrap_or_else(PoisonError::into_inner))
    }
}

fn lock(root: &Path) -> Result<File, ArchiveError> {
    let path = root.join(LOCK);
    let file = File::create(&path).map_err(ArchiveError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::Locked {
            path: root.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(ArchiveError::io("lock", &path)(error)),
    }
}
