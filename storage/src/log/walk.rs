//! Walking over the frames of one segment file, over damage too.
//!
//! Headers are read and checked for every frame, payloads only for those asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::frame::{self, FrameHeader, Salt};
use super::segment;
use crate::Position;

/// How much is read from the file at once. Bytes.
const CHUNK: usize = 256 << 10;

/// A window that had to be larger than this is given back afterwards. Bytes.
const KEEP: usize = 4 << 20;

/// A frame whose header is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub(super) position: Position,
    pub(super) header: FrameHeader,
}

impl Located {
    /// Where the next frame starts.
    pub(super) fn end(&self) -> Position {
        Position(self.position.0.saturating_add(self.header.frame_len()))
    }
}

/// What comes next in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Frame(Located),
    /// No frame can be made out in these bytes.
    Damage {
        bytes: u64,
    },
}

/// A place in a segment file, moving forward.
#[derive(Debug)]
pub(super) struct Walk {
    window: Window,
    salt: Salt,
    base: Position,
    next: Position,
}

impl Walk {
    /// Starts at the segment's first frame.
    pub(super) fn new(file: File, salt: Salt, base: Position) -> Self {
        Self {
            window: Window::new(file),
            salt,
            base,
            next: base,
        }
    }

    /// Where the segment's first frame is.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// Where the next step starts.
    pub(super) fn position(&self) -> Position {
        self.next
    }

    /// Goes back, or forward, to a place where a frame is known to start.
    pub(super) fn seek(&mut self, position: Position) {
        self.next = position;
    }

    /// Steps over the next frame that ends before `limit`; `None` at the limit.
    pub(super) fn step(&mut self, limit: Position) -> io::Result<Option<Step>> {
        if self.next >= limit {
            return Ok(None);
        }
        let start = self.next;
        if let Some(located) = self.frame_at(start, limit)? {
            self.next = located.end();
            return Ok(Some(Step::Frame(located)));
        }
        self.next = self.resync(start, limit)?;
        Ok(Some(Step::Damage {
            bytes: self.next.0 - start.0,
        }))
    }

    /// The frame that starts at `position`, if there is one.
    pub(super) fn frame_at(
        &mut self,
        position: Position,
        limit: Position,
    ) -> io::Result<Option<Located>> {
        let offset = self.offset(position);
        let bytes = self.window.at(offset, frame::HEADER_LEN)?;
        Ok(locate(bytes, self.salt, position, limit))
    }

    /// The payload of a frame, decompressed; `None` if it is damaged.
    pub(super) fn payload(&mut self, located: &Located) -> io::Result<Option<Vec<u8>>> {
        let offset = self.offset(located.position) + frame::HEADER_LEN as u64;
        let stored = self.window.at(offset, located.header.stored_len())?;
        Ok(located.header.unpack(stored))
    }

    /// Whether the payload of a frame is what was written.
    pub(super) fn is_intact(&mut self, located: &Located) -> io::Result<bool> {
        let offset = self.offset(located.position) + frame::HEADER_LEN as u64;
        let stored = self.window.at(offset, located.header.stored_len())?;
        Ok(located.header.is_intact(stored))
    }

    /// The next place behind `damaged` where a whole frame starts, or `limit`.
    fn resync(&mut self, damaged: Position, limit: Position) -> io::Result<Position> {
        let mut from = damaged.0 + 1;
        while from < limit.0 {
            let offset = self.offset(Position(from));
            let (salt, bytes) = (self.salt, self.window.at(offset, CHUNK)?);
            let n_places = (bytes.len() + 1).saturating_sub(frame::HEADER_LEN) as u64;
            if n_places == 0 {
                break;
            }
            let found = (from..from + n_places)
                .zip(bytes.windows(frame::HEADER_LEN))
                .find_map(|(place, bytes)| locate(bytes, salt, Position(place), limit));
            match found {
                Some(located) if self.is_intact(&located)? => return Ok(located.position),
                Some(located) => from = located.position.0 + 1,
                None => from += n_places,
            }
        }
        Ok(limit)
    }

    fn offset(&self, position: Position) -> u64 {
        segment::HEADER_LEN + position.0.saturating_sub(self.base.0)
    }
}

fn locate(bytes: &[u8], salt: Salt, position: Position, limit: Position) -> Option<Located> {
    let header = FrameHeader::parse(bytes, salt, position)?;
    let located = Located { position, header };
    (located.end() <= limit).then_some(located)
}

/// The part of a file that was read last.
#[derive(Debug)]
struct Window {
    file: File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(file: File) -> Self {
        Self {
            file,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// `length` bytes from `offset`; fewer at the end of the file.
    fn at(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        if self.cached(offset, length).is_none() {
            self.fill(offset, length.max(CHUNK))?;
        }
        let skipped = offset.saturating_sub(self.start) as usize;
        let rest = self.bytes.get(skipped..).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest))
    }

    fn cached(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let skipped = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(skipped..skipped.checked_add(length)?)
    }

    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        self.start = offset;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.bytes.resize(length, 0);
        let mut n_read = 0;
        while let Some(space) = self
            .bytes
            .get_mut(n_read..)
            .filter(|space| !space.is_empty())
        {
            match self.file.read_at(space, offset + n_read as u64) {
                Ok(0) => break,
                Ok(n) => n_read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(n_read);
        Ok(())
    }
}
