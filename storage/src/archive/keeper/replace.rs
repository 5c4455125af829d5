//! Files of a table and day are replaced by others at one moment.
//!
//! The day's folder is made anew beside the tables, under `.keeping/`: hard links of the files that
//! stay, and the new files. Then the two folders change places. A reader that lists the folder, ours
//! or any other, sees the old files or the new ones. A crash leaves either, and rubbish under
//! `.keeping/`, which the next open removes.
//!
//! Where the file system cannot exchange folders or has no hard links, the new files are moved in and
//! then the old ones removed: between the two our own readers go by the rule that a file
//! [supersedes](FileName::supersedes) those it was made from, others see rows twice.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::FileName;
use crate::archive::files::{self, TablePath};
use crate::archive::folder::ArchiveFolder;
use crate::archive::fuse;
use crate::archive::table::Table;

/// Folder of everything that is being made or removed, below the archive's.
const FOLDER: &str = ".keeping";

/// A new file, written and synced.
#[derive(Clone, Debug)]
pub(in crate::archive) struct Staged {
    /// What it will be.
    pub(in crate::archive) file: TablePath,
    /// Where it is, from [`staged_path`].
    pub(in crate::archive) path: PathBuf,
}

/// The folder of what is being made. It is made itself if need be.
pub(super) fn folder(root: &Path) -> Result<PathBuf, ArchiveError> {
    let folder = root.join(FOLDER);
    files::make_folder(root, &folder)?;
    Ok(folder)
}

/// Where a file is written before it gets its place. The folder is made if need be.
pub(in crate::archive) fn staged_path(
    root: &Path,
    file: &TablePath,
) -> Result<PathBuf, ArchiveError> {
    Ok(folder(root)?.join(format!("{}.{}.{}", file.table.name(), file.day, file.name)))
}

/// Removes what an interrupted keeper left. Nothing in there is anybody's data.
pub(in crate::archive) fn remove_leftovers(root: &Path) -> Result<(), ArchiveError> {
    remove_tree(&root.join(FOLDER))
}

/// Puts `added` in the place of `removed`, all of one table and day. Either all of that is visible
/// when it returns an error, or nothing.
pub(in crate::archive) fn replace(
    folder: &ArchiveFolder,
    table: Table,
    day: Day,
    added: &[Staged],
    removed: &[FileName],
) -> Result<(), ArchiveError> {
    let root = folder.root();
    let live = root.join(table.name()).join(day.folder());
    let next = root.join(FOLDER).join(live_name(table, day));
    files::make_folder(root, &root.join(FOLDER))?;
    remove_tree(&next)?;
    {
        let _publishing = folder.publishing();
        let swap = Swap {
            live: &live,
            next: &next,
            added,
            removed,
        };
        if live.is_dir() {
            swap.exchange()?;
        } else {
            files::make_folder(root, &root.join(table.name()))?;
            swap.appear()?;
        }
    }
    remove_tree(&next)
}

/// Takes a day of a table away: it is gone at one moment.
pub(in crate::archive) fn drop_day(
    folder: &ArchiveFolder,
    table: Table,
    day: Day,
) -> Result<(), ArchiveError> {
    let root = folder.root();
    let live = root.join(table.name()).join(day.folder());
    let trash = root.join(FOLDER).join(live_name(table, day));
    files::make_folder(root, &root.join(FOLDER))?;
    remove_tree(&trash)?;
    {
        let _publishing = folder.publishing();
        files::rename(&live, &trash)?;
        folder.note_dropped(table, day);
    }
    files::sync_folder(&root.join(table.name()))?;
    remove_tree(&trash)
}

fn live_name(table: Table, day: Day) -> String {
    format!("{}.{}", table.name(), day.folder())
}

/// A day's folder, and the one that takes its place.
struct Swap<'a> {
    live: &'a Path,
    next: &'a Path,
    added: &'a [Staged],
    removed: &'a [FileName],
}

impl Swap<'_> {
    /// The day has files already.
    fn exchange(&self) -> Result<(), ArchiveError> {
        match self.prepare() {
            Err(error) if is_unsupported(&error) => return self.one_by_one(),
            prepared => prepared?,
        }
        match exchange_folders(self.next, self.live) {
            Err(error) if is_unsupported(&error) => self.one_by_one(),
            Err(error) => Err(error),
            Ok(()) => self.sync_parents(),
        }
    }

    /// The day has no files yet.
    fn appear(&self) -> Result<(), ArchiveError> {
        make_empty(self.next)?;
        self.move_added(self.next)?;
        files::sync_folder(self.next)?;
        files::rename(self.next, self.live)?;
        self.sync_parents()
    }

    /// Makes the new folder, whole and durable.
    fn prepare(&self) -> Result<(), ArchiveError> {
        make_empty(self.next)?;
        let removed: Vec<String> = self.removed.iter().map(FileName::to_string).collect();
        let stays = |name: &String| !removed.contains(name);
        for name in files::list(self.live)?.into_iter().filter(stays) {
            let from = self.live.join(&name);
            fuse::step()
                .and_then(|()| fs::hard_link(&from, self.next.join(&name)))
                .map_err(ArchiveError::io("link", &from))?;
        }
        self.move_added(self.next)?;
        // Whoever was allowed to read the day still is.
        let metadata = fs::metadata(self.live).map_err(ArchiveError::io("inspect", self.live))?;
        fs::set_permissions(self.next, metadata.permissions())
            .map_err(ArchiveError::io("set permissions of", self.next))?;
        files::sync_folder(self.next)
    }

    /// Moves the new files into a folder, from wherever an attempt before left them.
    fn move_added(&self, to: &Path) -> Result<(), ArchiveError> {
        for staged in self.added {
            let name = staged.file.name.to_string();
            let attempted = self.next.join(&name);
            let is_attempted = attempted.exists() && to != self.next;
            let from = if is_attempted {
                &attempted
            } else {
                &staged.path
            };
            files::rename(from, &to.join(name))?;
        }
        Ok(())
    }

    /// In with the new files, out with the old ones.
    fn one_by_one(&self) -> Result<(), ArchiveError> {
        self.move_added(self.live)?;
        files::sync_folder(self.live)?;
        for name in self.removed {
            files::remove(&self.live.join(name.to_string()))?;
        }
        files::sync_folder(self.live)
    }

    fn sync_parents(&self) -> Result<(), ArchiveError> {
        for folder in [self.live, self.next] {
            folder.parent().map_or(Ok(()), files::sync_folder)?;
        }
        Ok(())
    }
}

fn exchange_folders(one: &Path, other: &Path) -> Result<(), ArchiveError> {
    fuse::step()
        .and_then(|()| {
            renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(io::Error::from)
        })
        .map_err(ArchiveError::io("exchange", other))
}

pub(super) fn make_empty(folder: &Path) -> Result<(), ArchiveError> {
    fuse::step()
        .and_then(|()| fs::create_dir(folder))
        .map_err(ArchiveError::io("create", folder))
}

/// Removes a folder and what is in it; there may be none.
pub(super) fn remove_tree(folder: &Path) -> Result<(), ArchiveError> {
    let removed = fuse::step().and_then(|()| fs::remove_dir_all(folder));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ArchiveError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Whether the file system has no such operation, or not for what is there.
fn is_unsupported(error: &ArchiveError) -> bool {
    let ArchiveError::Io { action, source, .. } = error else {
        return false;
    };
    let unsupported = [
        Errno::NOSYS,
        Errno::NOTSUP,
        Errno::INVAL,
        Errno::PERM,
        Errno::MLINK,
        Errno::XDEV,
    ];
    let errno = source.raw_os_error().map(Errno::from_raw_os_error);
    matches!(*action, "link" | "exchange")
        && errno.is_some_and(|errno| unsupported.contains(&errno))
}
