//! A run of files → one.
//!
//! Memory: for each input a batch of rows and the pages they are in (8 MiB at most, as its pages have
//! 512 Ki rows of 16 bytes; of a file of a flush 3 MiB), and the pages of the row group that is being
//! written; for `stacks` all stacks of the run, each frame and text once. Eight large files of
//! `metric_points` took 107 MB in all, small ones 58 MB when they had ids in dictionaries.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::time::SystemTime;

use parquet::basic::ZstdLevel;

use super::input;
use super::pace::Pace;
use super::plan::Run;
use super::replace::{Staged, replace, staged_path};
use super::stacks;
use crate::archive::error::ArchiveError;
use crate::archive::files::{self, TablePath};
use crate::archive::folder::ArchiveFolder;
use crate::archive::merge::Merge;
use crate::archive::table::Table;
use crate::archive::table_file::{TableFile, Written};

/// What a job works with.
pub(in crate::archive) struct Bench<'a> {
    pub(in crate::archive) folder: &'a ArchiveFolder,
    pub(in crate::archive) pace: &'a mut Pace,
    /// For what is written.
    pub(in crate::archive) level: ZstdLevel,
}

/// Writes a run's files as one and puts that in their place.
pub(super) fn compact(bench: &mut Bench<'_>, run: &Run) -> Result<Written, ArchiveError> {
    let root = bench.folder.root();
    let Some(file) = run.output() else {
        return Ok(Written::default());
    };
    let path = staged_path(root, &file)?;
    let written = write(bench, run, &file, &path).and_then(|written| {
        let staged = Staged {
            file: file.clone(),
            path: path.clone(),
        };
        replace(bench.folder, run.table, run.day, &[staged], &run.inputs)?;
        Ok(written)
    });
    written.inspect_err(|_| {
        // On a full disk it takes space that the log could use.
        let _ = files::remove(&path);
    })
}

fn write(
    bench: &mut Bench<'_>,
    run: &Run,
    file: &TablePath,
    path: &Path,
) -> Result<Written, ArchiveError> {
    let inputs: Vec<TablePath> = inputs(run).collect();
    let newest = newest(bench.folder.root(), &inputs)?;
    let out = TableFile::create_merged(file, path, bench.level)?;
    let (n_read, out) = if run.table == Table::Stacks {
        stacks::merge(bench, &inputs, out)?
    } else {
        merge(bench, run.table, &inputs, out)?
    };
    let written = out.finish()?;
    let is_whole = if run.table.is_unique() || run.table == Table::Stacks {
        written.n_rows <= n_read && (written.n_rows > 0 || n_read == 0)
    } else {
        written.n_rows == n_read
    };
    if !is_whole {
        let what = format!("{} rows were made from {n_read}", written.n_rows);
        return Err(ArchiveError::damaged(path, what));
    }
    // Its rows are as old as they were.
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(newest))
        .map_err(ArchiveError::io("set the time of", path))?;
    Ok(written)
}

fn merge(
    bench: &mut Bench<'_>,
    table: Table,
    inputs: &[TablePath],
    mut out: TableFile,
) -> Result<(usize, TableFile), ArchiveError> {
    let (root, n_read) = (bench.folder.root(), Rc::new(Cell::new(0)));
    let inputs = inputs.iter().map(|file| input::open(root, file, &n_read));
    let inputs: Result<Vec<_>, ArchiveError> = inputs.collect();
    for batch in Merge::new(table, inputs?)? {
        out.write(batch?.columns().to_vec())?;
        bench.pace.pause()?;
    }
    Ok((n_read.get(), out))
}

fn inputs(run: &Run) -> impl Iterator<Item = TablePath> {
    run.inputs.iter().map(|name| TablePath {
        table: run.table,
        day: run.day,
        name: *name,
    })
}

fn newest(root: &Path, inputs: &[TablePath]) -> Result<SystemTime, ArchiveError> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for file in inputs {
        let path = file.path(root);
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
        newest = newest.max(modified.map_err(ArchiveError::io("inspect", &path))?);
    }
    Ok(newest)
}

/// Removes what a file stands for, if it can be read itself.
pub(super) fn tidy(
    bench: &mut Bench<'_>,
    file: &TablePath,
    old: &[crate::archive::file_name::FileName],
) -> Result<(), ArchiveError> {
    read_through(bench, file)?;
    replace(bench.folder, file.table, file.day, &[], old)
}

/// Of the files of a run, those that cannot be read to their end.
pub(super) fn unreadable(
    bench: &mut Bench<'_>,
    files: impl Iterator<Item = TablePath>,
) -> Result<HashSet<TablePath>, ArchiveError> {
    let mut unreadable = HashSet::new();
    for file in files {
        let read = catch_unwind(AssertUnwindSafe(|| read_through(bench, &file)));
        match read {
            Ok(Ok(())) => {}
            Ok(Err(ArchiveError::Stopped)) => return Err(ArchiveError::Stopped),
            // It was deleted by hand, or the disk fails for now.
            Ok(Err(ArchiveError::Io { .. })) => {}
            Ok(Err(_)) | Err(_) => {
                unreadable.insert(file);
            }
        }
    }
    Ok(unreadable)
}

/// The files a run is made from.
pub(super) fn sources(run: &Run) -> impl Iterator<Item = TablePath> {
    inputs(run)
}

fn read_through(bench: &mut Bench<'_>, file: &TablePath) -> Result<(), ArchiveError> {
    for batch in input::open(bench.folder.root(), file, &Rc::default())? {
        batch?;
        bench.pace.pause()?;
    }
    Ok(())
}
