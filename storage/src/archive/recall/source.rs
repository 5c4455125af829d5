//! Where files are read from: the archive's folder, or anything else that holds the same tables.
//!
//! Recall asks for days, lists and files through [`Files`] and knows no more of where they are. An
//! implementation that fetches files keeps them in a folder of its own and opens them there:
//! recall reads a file at many places, and often the same one again.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::Position;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::WriterId;
use crate::archive::files::{self, TablePath};
use crate::archive::staging;
use crate::archive::table::Table;

/// The tables of an archive. Files are immutable; one that was listed may be gone when it is opened
/// (compacted, or expired): recall then lists again.
pub(in crate::archive) trait Files: fmt::Debug + Send + Sync {
    /// Days for which a table may have files, in order.
    fn days(&self, table: Table) -> Result<Vec<Day>, ArchiveError>;

    /// The current files of a table and day: those that no other one supersedes
    /// (see [`files::current`]), by writer and position.
    fn files(&self, table: Table, day: Day) -> Result<Vec<TablePath>, ArchiveError>;

    /// Whether files of different tables come one by one, those that are referred to first.
    fn come_one_by_one(&self) -> bool {
        false
    }

    /// Opens a file for reading at any place. If it is gone, an error that
    /// [`ArchiveError::is_gone`] knows.
    fn open(&self, file: &TablePath) -> Result<File, ArchiveError>;

    /// What messages call a file.
    fn describe(&self, file: &TablePath) -> PathBuf;

    /// The writer whose newest records may still be in a log beside the files, and the position up
    /// to which its files reach: of that writer no file beyond it counts. `None` where there is no
    /// such writer: then all files count.
    fn written(&self) -> Result<Option<(WriterId, Position)>, ArchiveError>;
}

/// A folder of tables on this machine.
#[derive(Clone, Debug)]
pub(in crate::archive) struct LocalFiles {
    root: PathBuf,
}

impl LocalFiles {
    /// The archive in the folder `root`.
    pub(in crate::archive) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }
}

impl Files for LocalFiles {
    fn days(&self, table: Table) -> Result<Vec<Day>, ArchiveError> {
        files::days(&self.root, table)
    }

    fn files(&self, table: Table, day: Day) -> Result<Vec<TablePath>, ArchiveError> {
        files::files(&self.root, table, day)
    }

    fn open(&self, file: &TablePath) -> Result<File, ArchiveError> {
        let path = file.path(&self.root);
        File::open(&path).map_err(ArchiveError::io("open", &path))
    }

    fn describe(&self, file: &TablePath) -> PathBuf {
        file.path(&self.root)
    }

    fn written(&self) -> Result<Option<(WriterId, Position)>, ArchiveError> {
        let writer = files::read_text(&self.root.join(files::WRITER))?;
        let Some(writer) = writer.and_then(|text| WriterId::parse(&text)) else {
            return Ok(None);
        };
        let position = files::read_text(&self.root.join(files::POSITION))?;
        if let Some(position) = position.and_then(|text| text.parse().ok()) {
            return Ok(Some((writer, Position(position))));
        }
        // Never flushed, in its first flush, or lost: as the archive itself finds it at its start.
        let position = match staging::intended_from(&self.root)? {
            Some(from) => from,
            None => files::highest_position(&self.root, writer)?,
        };
        Ok(Some((writer, position)))
    }
}
