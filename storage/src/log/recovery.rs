//! Opening a log folder: what is in it, and where it really ends.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::cursor::{self, Cursor};
use super::error::LogError;
use super::segment::{self, HEADER_LEN, HeaderError, SegmentHeader};
use super::shared::{ReaderState, Segment};
use super::walk::{Step, Walk};
use crate::Position;

/// What a log folder holds.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) segments: BTreeMap<Position, Segment>,
    pub(super) readers: BTreeMap<String, ReaderState>,
    /// Where the last segment ends.
    pub(super) end: Position,
    /// What was cut off the last segment. Bytes.
    pub(super) torn_bytes: u64,
}

/// A segment file as it was found.
struct Found {
    path: PathBuf,
    base: Position,
    /// `None` if damaged.
    header: Option<SegmentHeader>,
    /// End by the length of the file.
    file_end: Position,
}

/// The folder of the cursors in a log folder.
pub(super) fn cursors_folder(folder: &Path) -> PathBuf {
    folder.join("cursors")
}

/// Reads what is in a log folder, and cuts a torn end off.
pub(super) fn recover(folder: &Path) -> Result<Recovered, LogError> {
    let readers = find_cursors(&cursors_folder(folder))?;
    let mut found = find_segments(folder)?;
    found.sort_by_key(|segment| segment.base);
    let mut torn_bytes = 0;
    while let Some(last) = found.last_mut() {
        let good_end = cut_torn_end(last)?;
        torn_bytes += last.file_end.0 - good_end.0;
        last.file_end = good_end;
        if good_end > last.base {
            break;
        }
        // Nothing was ever durable in it.
        fs::remove_file(&last.path).map_err(LogError::io("delete", &last.path))?;
        found.pop();
    }
    let segments = settle_ends(&found);
    let end = segments
        .values()
        .next_back()
        .map_or(Position(0), |segment| segment.end);
    Ok(Recovered {
        segments,
        readers,
        end,
        torn_bytes,
    })
}

/// The segments of a log that another process may write at this moment, in order; nothing is
/// changed. The end of the last one may be torn.
pub(super) fn find_readable(folder: &Path) -> Result<Vec<Segment>, LogError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = find_segments(folder)?;
    found.sort_by_key(|segment| segment.base);
    Ok(settle_ends(&found).into_values().collect())
}

/// A segment ends where the next one says it did: what lies behind was given up by the writer,
/// what is missing before is damage that readers will come across.
fn settle_ends(found: &[Found]) -> BTreeMap<Position, Segment> {
    let mut segments = BTreeMap::new();
    for (idx, this) in found.iter().enumerate() {
        let next = found.get(idx + 1);
        let end = match next.and_then(|next| next.header) {
            Some(next) => next.previous_end.clamp(this.base, next.base),
            None => next.map_or(this.file_end, |next| this.file_end.min(next.base)),
        };
        if end > this.file_end {
            let bytes = end.0 - this.file_end.0;
            tracing::error!(path = %this.path.display(), bytes, "log lacks bytes it once had");
        }
        let salt = this.header.map(|header| header.salt);
        segments.insert(
            this.base,
            Segment {
                base: this.base,
                end,
                salt,
            },
        );
    }
    segments
}

fn find_segments(folder: &Path) -> Result<Vec<Found>, LogError> {
    let mut found = Vec::new();
    for (name, path) in list(folder)? {
        let Some(base) = segment::base_of(&name) else {
            continue;
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            // Deleted since it was listed, by whoever writes the log.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(LogError::io("open", &path)(error)),
        };
        let length = file.metadata().map_err(LogError::io("read", &path))?.len();
        let header = read_header(&mut file, &path, base)?;
        let file_end = Position(base.0.saturating_add(length.saturating_sub(HEADER_LEN)));
        found.push(Found {
            path,
            base,
            header,
            file_end,
        });
    }
    Ok(found)
}

fn read_header(
    file: &mut File,
    path: &Path,
    base: Position,
) -> Result<Option<SegmentHeader>, LogError> {
    let mut bytes = Vec::new();
    file.take(HEADER_LEN)
        .read_to_end(&mut bytes)
        .map_err(LogError::io("read", path))?;
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header.base == base => Ok(Some(header)),
        Err(HeaderError::Version(version)) => Err(LogError::Version {
            path: path.to_owned(),
            version,
            newest: segment::VERSION,
        }),
        Ok(_) | Err(HeaderError::Damaged) => {
            tracing::warn!(path = %path.display(), "log segment has a damaged header");
            Ok(None)
        }
    }
}

/// Cuts off what follows the last whole frame, and returns where that is.
fn cut_torn_end(last: &Found) -> Result<Position, LogError> {
    let Some(header) = last.header else {
        return Ok(last.file_end);
    };
    let file = File::open(&last.path).map_err(LogError::io("open", &last.path))?;
    let mut walk = Walk::new(file, header.salt, header.base);
    let good_end =
        last_good_end(&mut walk, last.file_end).map_err(LogError::io("read", &last.path))?;
    if good_end < last.file_end {
        let bytes = last.file_end.0 - good_end.0;
        tracing::warn!(path = %last.path.display(), bytes, "cut a torn end off the log");
        let length = HEADER_LEN + good_end.0 - last.base.0;
        OpenOptions::new()
            .write(true)
            .open(&last.path)
            .and_then(|file| file.set_len(length).and_then(|()| file.sync_all()))
            .map_err(LogError::io("truncate", &last.path))?;
    }
    Ok(good_end)
}

fn last_good_end(walk: &mut Walk, file_end: Position) -> io::Result<Position> {
    let mut good_end = walk.position();
    while let Some(step) = walk.step(file_end)? {
        if let Step::Frame(located) = step
            && walk.is_intact(&located)?
        {
            good_end = located.end();
        }
    }
    Ok(good_end)
}

fn find_cursors(folder: &Path) -> Result<BTreeMap<String, ReaderState>, LogError> {
    let mut readers = BTreeMap::new();
    for (file_name, path) in list(folder)? {
        let Some(name) = cursor::reader_of(&file_name) else {
            continue;
        };
        let Some(cursor) = Cursor::open(&path)? else {
            continue;
        };
        let committed = cursor.position();
        let reader = ReaderState {
            cursor: Some(Arc::new(Mutex::new(cursor))),
            committed,
            handed_out: committed,
            ..ReaderState::default()
        };
        readers.insert(name, reader);
    }
    Ok(readers)
}

/// Files in a folder with their names; names that are not UTF-8 are not ours.
fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>, LogError> {
    let entries = fs::read_dir(folder).map_err(LogError::io("read", folder))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(LogError::io("read", folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            files.push((name, entry.path()));
        }
    }
    Ok(files)
}
