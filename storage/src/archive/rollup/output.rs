//! The files that a rollup writes.

use std::path::PathBuf;

use super::RollUp;
use super::plan::Stretch;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::FileName;
use crate::archive::files::{self, TablePath};
use crate::archive::table::Table;
use crate::archive::table_file::{TableFile, Written};

/// A file that is whole and durable, and not in its table yet.
#[derive(Clone, Debug)]
pub(in crate::archive) struct Staged {
    /// What it is to be.
    pub(in crate::archive) file: TablePath,
    /// Where it is.
    pub(in crate::archive) path: PathBuf,
    pub(in crate::archive) written: Written,
}

/// Writes files into the work folder.
pub(super) struct Output<'a> {
    job: &'a RollUp<'a>,
    day: Day,
    name: FileName,
    staged: Vec<Staged>,
}

impl<'a> Output<'a> {
    pub(super) fn new(job: &'a RollUp<'a>, stretch: &Stretch) -> Self {
        Self {
            job,
            day: stretch.day,
            name: stretch.name,
            staged: Vec::new(),
        }
    }

    /// Starts the file of a table.
    pub(super) fn create(&self, table: Table) -> Result<TableFile, ArchiveError> {
        let file = self.file(table);
        TableFile::create(&file, &self.path(&file), self.job.level)
    }

    /// Closes the file of a table, and removes it if it has no rows.
    pub(super) fn finish(&mut self, table: Table, out: TableFile) -> Result<(), ArchiveError> {
        let written = out.finish()?;
        let file = self.file(table);
        let path = self.path(&file);
        if written.n_rows == 0 {
            return files::remove(&path);
        }
        self.staged.push(Staged {
            file,
            path,
            written,
        });
        Ok(())
    }

    /// What was written, the file of the table `last` at the end.
    pub(super) fn into_staged(mut self, last: Table) -> Vec<Staged> {
        self.staged.sort_by_key(|staged| staged.file.table == last);
        self.staged
    }

    fn file(&self, table: Table) -> TablePath {
        TablePath {
            table,
            day: self.day,
            name: self.name,
        }
    }

    fn path(&self, file: &TablePath) -> PathBuf {
        let name = format!("{}.{}.{}", file.table.name(), file.day, file.name);
        self.job.work.join(name)
    }
}
