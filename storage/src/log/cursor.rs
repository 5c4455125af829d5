//! Durable cursors: how far each reader has come.
//!
//! A cursor's file is 56 bytes: `leadscur`, then two slots of sequence number, position and
//! CRC-32C (of both), 8 + 8 + 8 bytes, little-endian. A commit overwrites the older slot in
//! place: it needs no space on a full disk, and a torn write leaves the other slot.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::LogError;
use super::wire::Input;
use crate::Position;

const MAGIC: &[u8; 8] = b"leadscur";
const SLOT_LEN: usize = 24;
const FILE_LEN: usize = MAGIC.len() + 2 * SLOT_LEN;

/// Longest name of a reader, escaped. A file name may have 255 bytes.
const MAX_FILE_NAME: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    sequence: u64,
    position: Position,
}

/// One reader's cursor. It reaches the disk by itself as soon as the disk takes it: until then a
/// restart begins at the oldest record, so that records come twice and none is lost.
#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    /// `None` until it is on the disk.
    file: Option<Arc<File>>,
    latest: Slot,
    unsynced: bool,
}

impl Cursor {
    /// A new cursor, which [`sync`] creates. It replaces a damaged one.
    pub(super) fn new(path: PathBuf, position: Position) -> Self {
        Self {
            path,
            file: None,
            latest: Slot {
                sequence: 0,
                position,
            },
            unsynced: true,
        }
    }

    /// Opens an existing cursor; `None` if it is not there or damaged.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, LogError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io("open", path)(error)),
        };
        let mut bytes = [0; FILE_LEN];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(LogError::io("read", path)(error)),
        }
        let Some(latest) = latest_slot(&bytes) else {
            tracing::warn!(path = %path.display(), "damaged cursor, its reader starts again");
            return Ok(None);
        };
        Ok(Some(Self {
            path: path.to_owned(),
            file: Some(Arc::new(file)),
            latest,
            unsynced: false,
        }))
    }

    /// How far the reader has come.
    pub(super) fn position(&self) -> Position {
        self.latest.position
    }

    /// Moves to a position, back too. It survives the death of the process at once, and a power
    /// cut after [`sync`].
    pub(super) fn store(&mut self, position: Position) -> Result<(), LogError> {
        let slot = Slot {
            sequence: self.latest.sequence + 1,
            position,
        };
        if let Some(file) = &self.file {
            file.write_all_at(&encode_slot(slot), offset_of(slot))
                .map_err(LogError::io("write to", &self.path))?;
        }
        self.latest = slot;
        self.unsynced = true;
        Ok(())
    }

    /// Moves forward; stays where it is further already.
    pub(super) fn advance(&mut self, position: Position) -> Result<(), LogError> {
        match position > self.latest.position {
            true => self.store(position),
            false => Ok(()),
        }
    }

    /// Deletes the cursor.
    pub(super) fn delete(&self) -> Result<(), LogError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LogError::io("delete", &self.path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Locks a cursor.
pub(super) fn lock(cursor: &Mutex<Cursor>) -> MutexGuard<'_, Cursor> {
    cursor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes what was stored survive a power cut. The cursor is not locked while the disk works: a
/// reader that commits must not wait for it.
pub(super) fn sync(cursor: &Mutex<Cursor>) -> Result<(), LogError> {
    let (path, file, latest) = {
        let mut cursor = lock(cursor);
        if !std::mem::take(&mut cursor.unsynced) {
            return Ok(());
        }
        (cursor.path.clone(), cursor.file.clone(), cursor.latest)
    };
    let synced = match file {
        Some(file) => file.sync_data().map_err(LogError::io("sync", &path)),
        None => create(&path, latest).and_then(|file| {
            let mut cursor = lock(cursor);
            let latest = cursor.latest;
            cursor.file = Some(Arc::new(file));
            cursor.store(latest.position)
        }),
    };
    synced.inspect_err(|_| lock(cursor).unsynced = true)
}

/// Creates the file of a cursor, whole or not at all.
fn create(path: &Path, slot: Slot) -> Result<File, LogError> {
    let mut bytes = MAGIC.to_vec();
    bytes.resize(FILE_LEN, 0);
    let staged = path.with_extension("new");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&staged)
        .map_err(LogError::io("create", &staged))?;
    file.write_all_at(&bytes, 0)
        .and_then(|()| file.write_all_at(&encode_slot(slot), offset_of(slot)))
        .map_err(LogError::io("write to", &staged))?;
    file.sync_all().map_err(LogError::io("sync", &staged))?;
    fs::rename(&staged, path).map_err(LogError::io("create", path))?;
    path.parent().map_or(Ok(()), sync_folder)?;
    Ok(file)
}

/// Where a slot is in the file.
fn offset_of(slot: Slot) -> u64 {
    MAGIC.len() as u64 + slot.sequence % 2 * SLOT_LEN as u64
}

/// Makes created and renamed files of a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LogError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(LogError::io("sync", folder))
}

/// The file of a reader's cursor. Everything but ASCII letters, digits, `_` and `-` is escaped,
/// so a name cannot reach out of the folder.
pub(super) fn file_name(reader: &str) -> Result<String, LogError> {
    let mut name = String::new();
    for byte in reader.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.is_empty() || name.len() > MAX_FILE_NAME {
        return Err(LogError::ReaderName(reader.to_owned()));
    }
    name.push_str(".cursor");
    Ok(name)
}

/// The reader whose cursor has this file name; `None` for other files.
pub(super) fn reader_of(file_name: &str) -> Option<String> {
    let mut rest = file_name.strip_suffix(".cursor")?.bytes();
    let mut name = Vec::new();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            name.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            name.push(byte);
        }
    }
    String::from_utf8(name).ok()
}

fn encode_slot(slot: Slot) -> [u8; SLOT_LEN] {
    let mut bytes = [0; SLOT_LEN];
    let (fields, crc) = bytes.split_at_mut(16);
    fields[..8].copy_from_slice(&slot.sequence.to_le_bytes());
    fields[8..].copy_from_slice(&slot.position.0.to_le_bytes());
    crc[..4].copy_from_slice(&crc32c::crc32c(fields).to_le_bytes());
    bytes
}

fn decode_slot(bytes: &[u8]) -> Option<Slot> {
    let mut input = Input::new(bytes);
    let sequence = input.u64_le().ok()?;
    let position = Position(input.u64_le().ok()?);
    let crc = input.u32_le().ok()?;
    (crc32c::crc32c(bytes.get(..16)?) == crc).then_some(Slot { sequence, position })
}

fn latest_slot(bytes: &[u8]) -> Option<Slot> {
    let slots = bytes.strip_prefix(MAGIC)?;
    slots
        .chunks_exact(SLOT_LEN)
        .filter_map(decode_slot)
        .max_by_key(|slot| slot.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_commit_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cursor");
        let cursor = Mutex::new(Cursor::new(path.clone(), Position(1)));
        sync(&cursor).unwrap();
        lock(&cursor).store(Position(2)).unwrap();
        lock(&cursor).store(Position(3)).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        // Creating it took the sequence 1, so 3 is in the second slot.
        bytes[MAGIC.len() + SLOT_LEN + 3] ^= 1;
        fs::write(&path, bytes).unwrap();
        let opened = Cursor::open(&path).unwrap().unwrap();
        assert_eq!(opened.position(), Position(2));
    }

    #[test]
    fn a_damaged_cursor_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cursor");
        for content in [
            "",
            "leadscur",
            "something else entirely, but long enough to be read…",
        ] {
            fs::write(&path, content).unwrap();
            assert!(Cursor::open(&path).unwrap().is_none());
            sync(&Mutex::new(Cursor::new(path.clone(), Position(9)))).unwrap();
            let opened = Cursor::open(&path).unwrap().unwrap();
            assert_eq!(opened.position(), Position(9));
        }
    }

    #[test]
    fn names_cannot_reach_out_of_the_folder_and_come_back() {
        let name = "otlp ../../etc/http://[::1]:4317/é";
        let file = file_name(name).unwrap();
        assert!(!file.contains(['/', ' ']) && file.is_ascii(), "{file}");
        assert_eq!(reader_of(&file).as_deref(), Some(name));
        assert!(file_name("").is_err());
        assert!(file_name(&"x".repeat(1000)).is_err());
    }
}
