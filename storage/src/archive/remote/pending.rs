//! Which of the archive's folder has to be looked at.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::plan::Sized;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::WriterId;
use crate::archive::files;
use crate::archive::table::Table;

/// A folder that changed so shortly before may have changed again with the same time.
const SETTLED: Duration = Duration::from_secs(2);

/// State of a folder by which a change shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

/// A partition of the folder that may have something for the bucket.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) table: Table,
    pub(super) day: Day,
    /// Our current files.
    pub(super) local: Vec<Sized>,
    /// The folder before they were listed, if it shows every change since.
    stamp: Option<Stamp>,
}

/// What earlier passes found out. Nothing is lost with it but time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Partitions of the folder whose files are all in the bucket, as they were then.
    checked: HashMap<(Table, Day), Stamp>,
    /// Days with which something went wrong: they come last, and so keep no other one waiting.
    failed: HashSet<Day>,
    /// All partitions of the folder.
    all: BTreeMap<(Table, Day), Option<Stamp>>,
}

impl Seen {
    /// Everything is to be looked at again.
    pub(super) fn forget(&mut self) {
        self.checked.clear();
    }

    /// Whether the folder had such a partition.
    pub(super) fn is_here(&self, table: Table, day: Day) -> bool {
        self.all.contains_key(&(table, day))
    }

    /// Everything of a partition is in the bucket.
    pub(super) fn done(&mut self, partition: &Pending) {
        if let Some(stamp) = partition.stamp {
            let key = (partition.table, partition.day);
            self.checked.insert(key, stamp);
        }
    }

    /// A day is looked at now.
    pub(super) fn begin(&mut self, day: Day) {
        self.failed.remove(&day);
    }

    /// Something went wrong with a day.
    pub(super) fn failed(&mut self, day: Day) {
        self.failed.insert(day);
    }

    /// The partitions of the folder that have to be looked at, in the order in which they go up:
    /// the oldest day first, and of a day what is referred to before what refers to it.
    ///
    /// They are listed the other way round: then everything that a listed row refers to is listed.
    pub(super) fn pending(
        &mut self,
        root: &Path,
        writer: WriterId,
    ) -> Result<Vec<Pending>, ArchiveError> {
        self.all.clear();
        let mut pending = Vec::new();
        for table in Table::ALL.into_iter().rev() {
            for day in files::days(root, table)? {
                let stamp = stamp(root, table, day);
                self.all.insert((table, day), stamp);
                if stamp.is_some() && self.checked.get(&(table, day)) == stamp.as_ref() {
                    continue;
                }
                let local = local(root, writer, table, day)?;
                let stamp = stamp.filter(Stamp::is_settled);
                pending.push(Pending {
                    table,
                    day,
                    local,
                    stamp,
                });
            }
        }
        self.checked
            .retain(|key, stamp| self.all.get(key) == Some(&Some(*stamp)));
        self.failed
            .retain(|day| pending.iter().any(|one| one.day == *day));
        pending.sort_by_key(|one| (self.failed.contains(&one.day), one.day, one.table));
        Ok(pending)
    }
}

impl Stamp {
    fn is_settled(&self) -> bool {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let changed = Duration::from_secs(self.changed.0.max(0).cast_unsigned());
        since_1970.is_ok_and(|now| now > changed + SETTLED)
    }
}

fn stamp(root: &Path, table: Table, day: Day) -> Option<Stamp> {
    let folder = root.join(table.name()).join(day.folder());
    let meta = fs::metadata(folder).ok()?;
    Some(Stamp {
        inode: meta.ino(),
        changed: (meta.mtime(), meta.mtime_nsec()),
    })
}

fn local(
    root: &Path,
    writer: WriterId,
    table: Table,
    day: Day,
) -> Result<Vec<Sized>, ArchiveError> {
    let mut local = Vec::new();
    for file in files::files(root, table, day)? {
        let path = file.path(root);
        match fs::metadata(&path) {
            Ok(meta) if file.name.writer == writer => local.push(Sized {
                name: file.name,
                bytes: meta.len(),
            }),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ArchiveError::io("look at", &path)(error));
            }
            _ => {}
        }
    }
    Ok(local)
}
