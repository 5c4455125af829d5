//! Small things done to files and folders, each durable when it returns.

use std::cmp::Reverse;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::day::Day;
use super::error::ArchiveError;
use super::file_name::{FileName, WriterId};
use super::fuse;
use super::table::Table;
use crate::Position;

/// File in the archive's folder that names the writer.
pub(super) const WRITER: &str = ".writer";
/// File in the archive's folder: the log position that the files reach.
pub(super) const POSITION: &str = ".position";

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TablePath {
    pub(super) table: Table,
    pub(super) day: Day,
    pub(super) name: FileName,
}

impl TablePath {
    /// Folder that holds it, below the archive's.
    pub(super) fn folder(&self, root: &Path) -> PathBuf {
        root.join(self.table.name()).join(self.day.folder())
    }

    /// Where it is, below the archive's folder.
    pub(super) fn path(&self, root: &Path) -> PathBuf {
        self.folder(root).join(self.name.to_string())
    }
}

impl fmt::Display for TablePath {
    /// `TABLE/date=YYYY-MM-DD/NAME`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}",
            self.table.name(),
            self.day.folder(),
            self.name
        )
    }
}

/// Days for which a table has a folder, in order.
pub(super) fn days(root: &Path, table: Table) -> Result<Vec<Day>, ArchiveError> {
    Ok(days_of(&list(&root.join(table.name()))?))
}

/// The days that folders of these names are for, in order.
pub(super) fn days_of(names: &[String]) -> Vec<Day> {
    let mut days: Vec<Day> = names
        .iter()
        .filter_map(|name| Day::from_folder(name))
        .collect();
    days.sort_unstable();
    days
}

/// Files of a table and day that hold its rows, by writer and position. Files with other names are
/// not ours and left out, and so are those that another one [supersedes](FileName::supersedes).
pub(super) fn files(root: &Path, table: Table, day: Day) -> Result<Vec<TablePath>, ArchiveError> {
    let names = list(&root.join(table.name()).join(day.folder()))?;
    let ours = names.iter().filter_map(|name| FileName::parse(name));
    let names = current(ours.collect()).into_iter();
    Ok(names.map(|name| TablePath { table, day, name }).collect())
}

/// The names that no other one supersedes, by writer and position.
pub(super) fn current(mut names: Vec<FileName>) -> Vec<FileName> {
    // What a file supersedes comes behind it.
    names.sort_by_key(|name| (name.writer.0, name.from, Reverse(name.to)));
    let mut current: Vec<FileName> = Vec::with_capacity(names.len());
    for name in names {
        // Of those kept, the last one of a writer reaches furthest.
        if !current.last().is_some_and(|last| last.supersedes(name)) {
            current.push(name);
        }
    }
    current
}

/// The highest position in the names of this writer's files.
pub(super) fn highest_position(root: &Path, writer: WriterId) -> Result<Position, ArchiveError> {
    let mut highest = Position::default();
    for table in Table::ALL {
        for day in days(root, table)? {
            let ours = files(root, table, day)?.into_iter().map(|file| file.name);
            let ours = ours
                .filter(|name| name.writer == writer)
                .map(|name| name.to);
            highest = highest.max(ours.max().unwrap_or_default());
        }
    }
    Ok(highest)
}

/// Names in a folder that are UTF-8; none if there is no such folder.
pub(super) fn list(folder: &Path) -> Result<Vec<String>, ArchiveError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ArchiveError::io("list", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ArchiveError::io("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// The whole of a small text file; `None` if there is none.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, ArchiveError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ArchiveError::io("read", path)(error)),
    }
}

/// Replaces a small file: a reader sees the old text or the new one, whatever happens.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), ArchiveError> {
    let temporary = path.with_extension("tmp");
    let mut file = fuse::step()
        .and_then(|()| File::create(&temporary))
        .map_err(ArchiveError::io("create", &temporary))?;
    fuse::step()
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(ArchiveError::io("write", &temporary))?;
    rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes a folder and its parents up to `root`, which must be there.
pub(super) fn make_folder(root: &Path, folder: &Path) -> Result<(), ArchiveError> {
    if folder == root || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(root);
    make_folder(root, parent)?;
    match fuse::step().and_then(|()| fs::create_dir(folder)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(ArchiveError::io("create", folder)(error))
        }
        _ => sync_folder(parent),
    }
}

/// Renames a file or a folder.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), ArchiveError> {
    fuse::step()
        .and_then(|()| fs::rename(from, to))
        .map_err(ArchiveError::io("rename", from))
}

/// Makes renames and new names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ArchiveError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(ArchiveError::io("sync", folder))
}

/// Removes a file, which may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), ArchiveError> {
    match fuse::step().and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ArchiveError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ranges: &[(u64, u64, u64)]) -> Vec<FileName> {
        let name = |&(writer, from, to): &(u64, u64, u64)| FileName {
            writer: WriterId(writer),
            from: Position(from),
            to: Position(to),
        };
        ranges.iter().map(name).collect()
    }

    fn check_current(all: &[(u64, u64, u64)], expected: &[(u64, u64, u64)]) {
        assert_eq!(current(names(all)), names(expected), "{all:?}");
    }

    #[test]
    fn a_file_stands_for_those_whose_stretch_of_the_log_it_holds() {
        check_current(&[(1, 0, 10), (1, 10, 20)], &[(1, 0, 10), (1, 10, 20)]);
        check_current(&[(1, 0, 10), (1, 10, 20), (1, 0, 20)], &[(1, 0, 20)]);
        check_current(
            &[(1, 10, 20), (1, 0, 15), (1, 0, 10)],
            &[(1, 0, 15), (1, 10, 20)],
        );
        check_current(&[(2, 0, 10), (1, 0, 20)], &[(1, 0, 20), (2, 0, 10)]);
    }
}
