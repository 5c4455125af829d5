//! Reading the records of one segment, a batch at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::metrics::Layout;

use super::codec::{self, Kind, LayoutRef};
use super::entry::Entry;
use super::error::LogError;
use super::frame::Salt;
use super::shared::Segment;
use super::walk::{Located, Step, Walk};
use super::weight;
use super::wire::DecodeError;
use crate::Position;

/// A batch ends when its records hold this much memory. Bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Layouts kept decoded. Bytes.
const LAYOUT_BYTES: usize = 32 << 20;

/// An open segment with the layouts read from it.
#[derive(Debug)]
pub(super) struct SegmentReader {
    base: Position,
    path: PathBuf,
    source: Source,
}

#[derive(Debug)]
struct Source {
    walk: Walk,
    layouts: HashMap<LayoutRef, Arc<Layout>>,
    layout_bytes: usize,
}

/// What was read in one go.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    /// Where to go on.
    pub(super) next: Position,
    pub(super) damaged_frames: u64,
    pub(super) damaged_bytes: u64,
}

/// Why a record could not be read.
enum Failure {
    /// The rest of the segment may be fine.
    Damaged,
    Io(io::Error),
}

impl From<DecodeError> for Failure {
    fn from(_: DecodeError) -> Self {
        Self::Damaged
    }
}

impl SegmentReader {
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// Opens a segment. `None` if the file is missing, or no frame of it can be checked.
    pub(super) fn open(path: &Path, segment: Segment) -> Result<Option<Self>, LogError> {
        let Some(salt) = segment.salt else {
            return Ok(None);
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io("open", path)(error)),
        };
        Ok(Some(Self::new(file, salt, path.to_owned(), segment.base)))
    }

    /// Reads from an open file; `path` is for messages.
    pub(super) fn new(file: File, salt: Salt, path: PathBuf, base: Position) -> Self {
        let walk = Walk::new(file, salt, base);
        let source = Source {
            walk,
            layouts: HashMap::new(),
            layout_bytes: 0,
        };
        Self { base, path, source }
    }

    /// Reads from `from` up to `limit`, or as much as makes a batch.
    pub(super) fn read(&mut self, from: Position, limit: Position) -> Result<Batch, LogError> {
        let failed = LogError::io("read", &self.path);
        self.source.read(from, limit).map_err(failed)
    }
}

impl Source {
    fn read(&mut self, from: Position, limit: Position) -> io::Result<Batch> {
        let mut batch = Batch {
            entries: Vec::new(),
            next: from,
            damaged_frames: 0,
            damaged_bytes: 0,
        };
        let mut batch_bytes = 0;
        self.walk.seek(from);
        while batch_bytes < BATCH_BYTES {
            let step = self.walk.step(limit)?;
            batch.next = self.walk.position();
            match step {
                None => break,
                Some(Step::Damage { bytes }) => batch.damage(bytes),
                Some(Step::Frame(frame)) if !frame.header.kind.is_record() => {}
                Some(Step::Frame(frame)) => match self.entry(&frame, limit) {
                    Ok(entry) => {
                        batch_bytes += weight::of_record(&entry.record);
                        batch.entries.push(entry);
                    }
                    Err(Failure::Damaged) => batch.damage(frame.header.frame_len()),
                    Err(Failure::Io(error)) => return Err(error),
                },
            }
        }
        Ok(batch)
    }

    fn entry(&mut self, frame: &Located, limit: Position) -> Result<Entry, Failure> {
        let payload = self
            .walk
            .payload(frame)
            .map_err(Failure::Io)?
            .ok_or(Failure::Damaged)?;
        let resolve = |place| self.layout(place, limit);
        let record = codec::decode_record(frame.header.kind, &payload, resolve)?;
        Ok(Entry {
            position: frame.position,
            end: frame.end(),
            record,
        })
    }

    fn layout(&mut self, place: LayoutRef, limit: Position) -> Result<Arc<Layout>, Failure> {
        if let Some(layout) = self.layouts.get(&place) {
            return Ok(Arc::clone(layout));
        }
        let position = Position(self.walk.base().0.saturating_add(place.0));
        let frame = self.walk.frame_at(position, limit).map_err(Failure::Io)?;
        let frame = frame.filter(|frame| frame.header.kind == Kind::Layout);
        let frame = frame.ok_or(DecodeError::UnknownLayout)?;
        let payload = self
            .walk
            .payload(&frame)
            .map_err(Failure::Io)?
            .ok_or(Failure::Damaged)?;
        let layout = Arc::new(codec::decode_layout(&payload)?);
        self.keep(place, &layout);
        Ok(layout)
    }

    fn keep(&mut self, place: LayoutRef, layout: &Arc<Layout>) {
        self.layout_bytes += weight::of_layout(layout);
        if self.layout_bytes > LAYOUT_BYTES {
            self.layouts.clear();
            self.layout_bytes = weight::of_layout(layout);
        }
        self.layouts.insert(place, Arc::clone(layout));
    }
}

impl Batch {
    /// A segment of which nothing can be read.
    pub(super) fn unreadable(from: Position, end: Position) -> Self {
        let mut batch = Self {
            entries: Vec::new(),
            next: end,
            damaged_frames: 0,
            damaged_bytes: 0,
        };
        batch.damage(end.0.saturating_sub(from.0));
        batch
    }

    fn damage(&mut self, bytes: u64) {
        self.damaged_frames += 1;
        self.damaged_bytes += bytes;
    }
}
