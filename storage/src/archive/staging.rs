//! All files of a flush appear, or none does.
//!
//! Files are written into `.staging/` and made durable there. One intent file, which lists
//! them, is the commit: before it is in place a crash leaves nothing behind, from then on they
//! are moved into their tables, after a crash by the next open. Moving is idempotent.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::day::Day;
use super::error::ArchiveError;
use super::file_name::FileName;
use super::files::{self, TablePath};
use super::table::Table;
use crate::{ErrorChain, Position};

const FOLDER: &str = ".staging";
const INTENT: &str = "intent.json";

/// The staging folder of an archive, and the flush that is committed but not yet moved.
#[derive(Debug)]
pub(super) struct Staging {
    root: PathBuf,
    folder: PathBuf,
    committed: Option<Intent>,
}

/// What a flush wrote.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    /// The files, in the order in which they become visible.
    pub(super) files: Vec<TablePath>,
    /// The log position that the archive has reached with them.
    pub(super) to: Position,
}

impl Staging {
    /// Opens the staging folder and finishes what a crash interrupted: moves the files of a
    /// committed flush, removes those of any other. What a full disk does not let be moved now
    /// is moved before the next flush.
    pub(super) fn open(root: &Path) -> Result<Self, ArchiveError> {
        let folder = root.join(FOLDER);
        files::make_folder(root, &folder)?;
        let committed = read_intent(&folder.join(INTENT))?;
        let mut staging = Self {
            root: root.to_owned(),
            folder,
            committed,
        };
        match staging.publish() {
            Ok(()) => staging.discard()?,
            Err(error) => {
                warn!(error = %ErrorChain(&error), "files of the last flush are not in their tables yet");
            }
        }
        Ok(staging)
    }

    /// Where a file is written before it is moved into its table.
    pub(super) fn path(&self, file: &TablePath) -> PathBuf {
        self.folder
            .join(format!("{}.{}.{}", file.table.name(), file.day, file.name))
    }

    /// Commits a flush whose files are in place under [`Staging::path`], each synced. When this
    /// returns they survive a crash; [`Staging::publish`] moves them.
    pub(super) fn commit(&mut self, intent: Intent) -> Result<(), ArchiveError> {
        files::sync_folder(&self.folder)?;
        let path = self.folder.join(INTENT);
        let text = encode_intent(&intent)
            .map_err(|error| ArchiveError::io("encode", &path)(error.into()))?;
        files::write_text(&path, &text)?;
        self.committed = Some(intent);
        Ok(())
    }

    /// Moves the files of a committed flush into their tables. Nothing to do without one; may
    /// be called again after an error.
    pub(super) fn publish(&mut self) -> Result<(), ArchiveError> {
        let Some(intent) = &self.committed else {
            return Ok(());
        };
        for file in &intent.files {
            self.move_into_place(file)?;
        }
        let mut folders: Vec<_> = intent.files.iter().map(|f| f.folder(&self.root)).collect();
        folders.dedup();
        for folder in folders {
            files::sync_folder(&folder)?;
        }
        files::write_text(&self.root.join(files::POSITION), &intent.to.to_string())?;
        files::remove(&self.folder.join(INTENT))?;
        files::sync_folder(&self.folder)?;
        self.committed = None;
        Ok(())
    }

    /// Removes files that were staged and not committed. The intent goes first: there may be one
    /// whose commit was refused half-way.
    pub(super) fn discard(&self) -> Result<(), ArchiveError> {
        files::remove(&self.folder.join(INTENT))?;
        files::sync_folder(&self.folder)?;
        for name in files::list(&self.folder)? {
            files::remove(&self.folder.join(name))?;
        }
        Ok(())
    }

    /// The position that the last flush reached, as written down by it; `None` if that is missing
    /// or damaged.
    pub(super) fn position(&self) -> Result<Option<Position>, ArchiveError> {
        if let Some(intent) = &self.committed {
            return Ok(Some(intent.to));
        }
        let path = self.root.join(files::POSITION);
        let Some(text) = files::read_text(&path)? else {
            return Ok(None);
        };
        let position = text.parse().ok().map(Position);
        if position.is_none() {
            warn!(path = %path.display(), "damaged position, taken from the names of the files");
        }
        Ok(position)
    }

    fn move_into_place(&self, file: &TablePath) -> Result<(), ArchiveError> {
        let (from, to) = (self.path(file), file.path(&self.root));
        if !from.exists() {
            // Moved before an error or a crash. Since then it may have been merged or dropped.
            return Ok(());
        }
        files::make_folder(&self.root, &file.folder(&self.root))?;
        files::rename(&from, &to)
    }
}

/// Where the flush started that is committed but perhaps not moved, if there is one.
pub(super) fn intended_from(root: &Path) -> Result<Option<Position>, ArchiveError> {
    let intent = read_intent(&root.join(FOLDER).join(INTENT))?;
    Ok(intent.and_then(|intent| intent.files.iter().map(|file| file.name.from).min()))
}

/// The intent as it is on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIntent {
    version: u32,
    to: u64,
    files: Vec<RawFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    table: String,
    date: String,
    name: String,
}

const INTENT_VERSION: u32 = 1;

fn encode_intent(intent: &Intent) -> Result<String, serde_json::Error> {
    let files = intent.files.iter().map(|file| RawFile {
        table: file.table.name().to_owned(),
        date: file.day.to_string(),
        name: file.name.to_string(),
    });
    let raw = RawIntent {
        version: INTENT_VERSION,
        to: intent.to.0,
        files: files.collect(),
    };
    serde_json::to_string(&raw)
}

fn read_intent(path: &Path) -> Result<Option<Intent>, ArchiveError> {
    let Some(text) = files::read_text(path)? else {
        return Ok(None);
    };
    let raw: RawIntent = serde_json::from_str(&text)
        .map_err(|error| ArchiveError::damaged(path, error.to_string()))?;
    if raw.version != INTENT_VERSION {
        let what = format!("version {} instead of {INTENT_VERSION}", raw.version);
        return Err(ArchiveError::damaged(path, what));
    }
    let files: Option<Vec<TablePath>> = raw.files.iter().map(parse_file).collect();
    let files = files.ok_or_else(|| ArchiveError::damaged(path, "unknown table, date or name"))?;
    Ok(Some(Intent {
        files,
        to: Position(raw.to),
    }))
}

fn parse_file(raw: &RawFile) -> Option<TablePath> {
    Some(TablePath {
        table: Table::parse(&raw.table)?,
        day: Day::parse(&raw.date)?,
        name: FileName::parse(&raw.name)?,
    })
}
