//! What is in the tables: every file of every day, with its size. Looks at no file's contents.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::UnixMillis;

use crate::Position;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files;
use crate::archive::table::Table;

/// A folder that changed more recently may change again without its time telling.
const TICK: Duration = Duration::from_secs(2);

/// A file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) struct Entry {
    pub(in crate::archive) name: FileName,
    pub(in crate::archive) n_bytes: u64,
}

/// The files of a table and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::archive) struct DayFiles {
    /// By writer and position, with those that another one supersedes.
    pub(in crate::archive) entries: Vec<Entry>,
    /// When the newest of its rows came.
    pub(in crate::archive) modified: UnixMillis,
}

impl DayFiles {
    /// Size of all of them.
    pub(in crate::archive) fn n_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.n_bytes).sum()
    }
}

/// All tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::archive) struct Listing {
    pub(in crate::archive) days: BTreeMap<(Table, Day), DayFiles>,
    /// The archive's own writer, and how far its flushes are complete: a file beyond may belong to
    /// a flush whose other files have not appeared yet.
    pub(in crate::archive) written: Option<(WriterId, Position)>,
}

impl Listing {
    /// Size of all files.
    pub(in crate::archive) fn n_bytes(&self) -> u64 {
        self.days.values().map(DayFiles::n_bytes).sum()
    }

    /// Number of files.
    pub(in crate::archive) fn n_files(&self) -> usize {
        self.days.values().map(|files| files.entries.len()).sum()
    }

    /// Whether a file belongs to a flush that is complete.
    pub(super) fn is_complete(&self, name: FileName) -> bool {
        self.written
            .is_none_or(|(writer, reached)| name.writer != writer || name.to <= reached)
    }
}

/// Lists again and again; days whose folder has not changed are not read again.
#[derive(Debug, Default)]
pub(super) struct Lister {
    known: HashMap<(Table, Day), (SystemTime, DayFiles)>,
}

impl Lister {
    /// What is in the tables now.
    pub(super) fn list(&mut self, root: &Path) -> Result<Listing, ArchiveError> {
        // Before the files: what is listed may then only be more than what is complete.
        let written = written(root)?;
        let mut days = BTreeMap::new();
        let known = std::mem::take(&mut self.known);
        for table in Table::ALL {
            for day in files::days(root, table)? {
                let folder = root.join(table.name()).join(day.folder());
                let Some(changed) = changed(&folder)? else {
                    continue;
                };
                let files = match known.get(&(table, day)) {
                    Some((since, files)) if *since == changed => files.clone(),
                    _ => read(&folder)?,
                };
                if is_older(changed, TICK) {
                    self.known.insert((table, day), (changed, files.clone()));
                }
                days.insert((table, day), files);
            }
        }
        Ok(Listing { days, written })
    }
}

fn written(root: &Path) -> Result<Option<(WriterId, Position)>, ArchiveError> {
    let writer = files::read_text(&root.join(files::WRITER))?;
    let Some(writer) = writer.and_then(|text| WriterId::parse(&text)) else {
        return Ok(None);
    };
    let position = files::read_text(&root.join(files::POSITION))?;
    let position = position.and_then(|text| text.parse().ok()).map(Position);
    Ok(Some((writer, position.unwrap_or_default())))
}

/// When names in a folder changed last; `None` if it is gone.
fn changed(folder: &Path) -> Result<Option<SystemTime>, ArchiveError> {
    match fs::metadata(folder).and_then(|metadata| metadata.modified()) {
        Ok(changed) => Ok(Some(changed)),
        Err(error) => gone_or(folder, error).map(|()| None),
    }
}

fn is_older(time: SystemTime, than: Duration) -> bool {
    time.elapsed().is_ok_and(|age| age > than)
}

fn read(folder: &Path) -> Result<DayFiles, ArchiveError> {
    let names = files::list(folder)?;
    let (mut entries, mut modified) = (Vec::new(), UnixMillis(0));
    for name in names.iter().filter_map(|name| FileName::parse(name)) {
        let path: PathBuf = folder.join(name.to_string());
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => {
                gone_or(&path, error)?;
                continue;
            }
        };
        let time = metadata
            .modified()
            .map_err(ArchiveError::io("inspect", &path))?;
        modified = modified.max(millis(time));
        entries.push(Entry {
            name,
            n_bytes: metadata.len(),
        });
    }
    entries.sort_by_key(|entry| (entry.name.writer.0, entry.name.from, entry.name.to));
    Ok(DayFiles { entries, modified })
}

fn gone_or(path: &Path, error: std::io::Error) -> Result<(), ArchiveError> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(ArchiveError::io("inspect", path)(error)),
    }
}

/// A time of the file system.
pub(super) fn millis(time: SystemTime) -> UnixMillis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(since.as_millis() as i64)
}
