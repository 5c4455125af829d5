//! What the appenders, the writer thread and the readers share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use super::cursor::Cursor;
use super::entry::Entry;
use super::error::LogError;
use super::frame::Salt;
use super::lock::FolderLock;
use super::queue::CommandSender;
use super::stats::Counters;
use super::tail::Tail;
use super::{LogOptions, segment};
use crate::Position;

/// One log folder, open.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: LogOptions,
    pub(super) state: Mutex<State>,
    pub(super) progress: watch::Sender<Progress>,
    /// Why nothing can be written at the moment.
    pub(super) fault: watch::Sender<Option<Arc<LogError>>>,
    /// Space in the queue, in units of [`super::appender::QUEUE_UNIT`].
    pub(super) queue: Arc<Semaphore>,
    pub(super) commands: CommandSender,
    pub(super) counters: Counters,
    pub(super) _lock: FolderLock,
}

/// How far the log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything before it is durable.
    pub(super) end: Position,
    /// Whether nothing more will come.
    pub(super) is_closed: bool,
}

#[derive(Debug)]
pub(super) struct State {
    /// Segments with durable records, by the position of their first frame.
    pub(super) segments: BTreeMap<Position, Segment>,
    pub(super) tail: Tail,
    /// Open readers, and closed ones that left a cursor.
    pub(super) readers: BTreeMap<String, ReaderState>,
}

/// The durable part of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) base: Position,
    pub(super) end: Position,
    /// `None` if the header is damaged, so that no frame can be read.
    pub(super) salt: Option<Salt>,
}

/// What is known of a reader, open or not.
#[derive(Debug, Default)]
pub(super) struct ReaderState {
    pub(super) is_open: bool,
    /// `None` if it reads along without holding anything back.
    pub(super) cursor: Option<Arc<Mutex<Cursor>>>,
    /// Everything before it is done with.
    pub(super) committed: Position,
    /// Everything before it has been handed out, or counted as lost.
    pub(super) handed_out: Position,
    pub(super) losses: Losses,
}

/// What a reader missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Records that were deleted for the disk budget before the reader got to them.
    pub pruned_records: u64,
    /// The bytes of those.
    pub pruned_bytes: u64,
    /// Places where the reader stepped over damage: one or more records each.
    pub damaged_frames: u64,
    /// The bytes of those.
    pub damaged_bytes: u64,
}

impl Segment {
    /// What its file takes. Bytes.
    pub(super) fn file_bytes(&self) -> u64 {
        segment::HEADER_LEN + self.end.0.saturating_sub(self.base.0)
    }
}

impl ReaderState {
    /// Notes what is missing of the log between `from` and `to`: what the reader has done with
    /// does not count. What was deleted for the disk budget is behind its cursor already.
    pub(super) fn note_missing(&mut self, name: &str, from: Position, to: Position) {
        let is_all = from <= self.committed;
        let from = from.max(self.committed);
        if from >= to {
            return;
        }
        if is_all {
            self.committed = to;
        }
        let bytes = to.0 - from.0;
        self.losses.damaged_frames += 1;
        self.losses.damaged_bytes += bytes;
        tracing::error!(
            reader = name,
            from = from.0,
            to = to.0,
            bytes,
            "segments of the log are missing that a reader had not read"
        );
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segment_path(&self, base: Position) -> PathBuf {
        segment::path_of(&self.options.path, base)
    }

    /// Makes records visible to readers, which are woken.
    pub(super) fn publish(&self, segment: Segment, entries: impl Iterator<Item = Entry>) {
        let mut state = self.state();
        state.segments.insert(segment.base, segment);
        for entry in entries {
            state.tail.push(entry);
        }
        drop(state);
        self.progress
            .send_modify(|progress| progress.end = segment.end);
    }
}

impl State {
    /// The segment to read next for what is at `position`, or behind it where it is gone.
    pub(super) fn segment_from(&self, position: Position) -> Option<Segment> {
        let within = self
            .segments
            .range(..=position)
            .next_back()
            .map(|(_, segment)| *segment);
        match within.filter(|segment| position < segment.end) {
            Some(segment) => Some(segment),
            None => self
                .segments
                .range(position..)
                .next()
                .map(|(_, segment)| *segment),
        }
    }

    /// Where the oldest record is that can still be read.
    pub(super) fn oldest(&self) -> Option<Position> {
        self.segments.keys().next().copied()
    }

    /// How far every reader with a cursor has come; `None` if there is none.
    pub(super) fn committed_by_all(&self) -> Option<Position> {
        let durable = self
            .readers
            .values()
            .filter(|reader| reader.cursor.is_some());
        durable.map(|reader| reader.committed).min()
    }
}
