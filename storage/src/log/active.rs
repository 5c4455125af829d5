//! The segment that is being written: records become frames in a buffer, the buffer goes to the
//! file.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use proto::metrics::{Layout, LayoutId};
use proto::{Record, Target};

use super::codec::{self, Kind, LayoutRef};
use super::disk::SegmentFile;
use super::frame::{FrameEncoder, TooLong};
use super::segment::{self, SegmentHeader};
use super::shared::Segment;
use crate::Position;

/// Scratch space that is kept from one record to the next. Bytes.
const KEEP: usize = 4 << 20;

/// A segment open for writing.
pub(super) struct Active {
    file: Box<dyn SegmentFile>,
    header: SegmentHeader,
    /// Frames that are not in the file yet. At first the segment's header.
    buffer: Vec<u8>,
    /// End of the buffered frames.
    end: Position,
    layouts: HashMap<LayoutId, Vec<Defined>>,
    frames: FrameEncoder,
    payload: Vec<u8>,
}

/// A layout that this segment defines. Layouts of one id may still differ in how their target is
/// reached, which is no part of the id.
struct Defined {
    target: Arc<Target>,
    place: LayoutRef,
}

/// Where a record is going to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) position: Position,
    pub(super) end: Position,
}

impl Active {
    pub(super) fn new(file: Box<dyn SegmentFile>, header: SegmentHeader) -> Self {
        Self {
            file,
            header,
            buffer: header.encode(),
            end: header.base,
            layouts: HashMap::new(),
            frames: FrameEncoder::default(),
            payload: Vec::new(),
        }
    }

    /// The segment with everything that was appended so far.
    pub(super) fn segment(&self) -> Segment {
        Segment {
            base: self.header.base,
            end: self.end,
            salt: Some(self.header.salt),
        }
    }

    /// Bytes that wait for [`Active::write`].
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Adds a record to the buffer, after its layout if that is new here.
    pub(super) fn append(&mut self, record: &Record) -> Result<Span, TooLong> {
        let layout = match record {
            Record::Metrics(batch) => self.define(&batch.layout)?,
            Record::Profile(_) | Record::Traces(_) | Record::Event(_) | Record::Finding(_) => {
                LayoutRef(0)
            }
        };
        self.payload.clear();
        let kind = codec::encode_record(&mut self.payload, record, layout);
        let position = self.end;
        self.frame(kind)?;
        Ok(Span {
            position,
            end: self.end,
        })
    }

    /// Hands the buffer to the file.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let result = self.file.append(&self.buffer);
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        self.payload.shrink_to(KEEP);
        self.frames.shrink_to(KEEP);
        result
    }

    /// Makes what was written survive a power cut.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    /// Gives the segment up after an error: nothing behind `durable` counts.
    pub(super) fn abandon(mut self, durable: Position) {
        let length = segment::HEADER_LEN + durable.0.saturating_sub(self.header.base.0);
        // Best effort: the next segment's header says where this one ends.
        let _ = self.file.truncate(length);
    }

    fn define(&mut self, layout: &Arc<Layout>) -> Result<LayoutRef, TooLong> {
        let known = self.layouts.get(&layout.id).map_or(&[][..], Vec::as_slice);
        if let Some(defined) = known
            .iter()
            .find(|defined| *defined.target == *layout.target)
        {
            return Ok(defined.place);
        }
        let place = LayoutRef(self.end.0 - self.header.base.0);
        self.payload.clear();
        codec::encode_layout(&mut self.payload, layout);
        self.frame(Kind::Layout)?;
        let target = Arc::clone(&layout.target);
        self.layouts
            .entry(layout.id)
            .or_default()
            .push(Defined { target, place });
        Ok(place)
    }

    /// Frames the payload.
    fn frame(&mut self, kind: Kind) -> Result<(), TooLong> {
        let length = self.frames.append(
            &mut self.buffer,
            kind,
            &self.payload,
            self.header.salt,
            self.end,
        )?;
        self.end = Position(self.end.0 + length);
        Ok(())
    }
}
