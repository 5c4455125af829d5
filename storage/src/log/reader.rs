//! The reading end.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::cursor;
use super::entry::Entry;
use super::error::LogError;
use super::segment_reader::{Batch, SegmentReader};
use super::shared::{Progress, Segment, Shared, State};
use super::writer::Command;
use crate::Position;

/// Records taken from memory at once.
const FETCH_RECORDS: usize = 32;

/// Where a reader starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// At its durable cursor; at the oldest record if there is none yet.
    Cursor,
    /// Here, wherever its durable cursor is. The cursor moves here too.
    Position(Position),
    /// At the end: only what comes from now on. Leaves no cursor and holds no segment back.
    Tail,
}

/// Reads the log in order, each record at least once over the life of its cursor.
///
/// A reader that keeps up is fed from memory, one that lags from the segments. If records are
/// deleted for the disk budget before it got to them, it goes on behind them, and
/// [`super::LogStats`] says what it missed.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    name: String,
    progress: watch::Receiver<Progress>,
    /// Fetched, and not handed out yet.
    ready: VecDeque<Entry>,
    /// Everything before it has been handed out.
    position: Position,
    /// Everything before it is in `ready` or has been handed out.
    fetched: Position,
    segment: Option<SegmentReader>,
}

/// What a reader has to do for its next record.
enum Plan {
    Ready(Entry),
    Read(Box<Job>),
    Wait,
    Finished,
}

/// A read from a segment, which may block.
struct Job {
    path: PathBuf,
    open: Option<SegmentReader>,
    segment: Segment,
    from: Position,
}

impl Plan {
    fn wait_or_finish(progress: Progress) -> Self {
        if progress.is_closed {
            Self::Finished
        } else {
            Self::Wait
        }
    }
}

type Done = Result<(Option<SegmentReader>, Segment, Batch), LogError>;

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, name: String, start: Position) -> Self {
        let progress = shared.progress.subscribe();
        Self {
            shared,
            name,
            progress,
            ready: VecDeque::new(),
            position: start,
            fetched: start,
            segment: None,
        }
    }

    /// The next record; waits for it. Cancel safe: a record is handed out or comes again.
    ///
    /// # Errors
    /// [`LogError::Closed`] at the end of a closed log. [`LogError::Io`] if a segment cannot be
    /// read; trying again goes on at the same place.
    pub async fn next(&mut self) -> Result<Entry, LogError> {
        loop {
            self.progress.mark_unchanged();
            match self.plan() {
                Plan::Ready(entry) => return Ok(entry),
                Plan::Read(job) => match tokio::task::spawn_blocking(move || job.run()).await {
                    Ok(done) => self.accept(done?),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                Plan::Wait => self
                    .progress
                    .changed()
                    .await
                    .map_err(|_| LogError::Closed)?,
                Plan::Finished => return Err(LogError::Closed),
            }
        }
    }

    /// The next record, if there is one now. Blocks on the disk where the reader lags.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn try_next(&mut self) -> Result<Option<Entry>, LogError> {
        loop {
            match self.plan() {
                Plan::Ready(entry) => return Ok(Some(entry)),
                Plan::Read(job) => {
                    let done = job.run()?;
                    self.accept(done);
                }
                Plan::Wait => return Ok(None),
                Plan::Finished => return Err(LogError::Closed),
            }
        }
    }

    /// Everything before `end` is done with: it will not come again, and may be deleted.
    ///
    /// # Errors
    /// If the cursor cannot be written. The reader can go on and commit again.
    pub fn commit(&mut self, end: Position) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let cursor = shared
            .state()
            .readers
            .get(&self.name)
            .and_then(|state| state.cursor.clone());
        if let Some(cursor) = cursor {
            cursor::lock(&cursor).advance(end)?;
        }
        let mut state = shared.state();
        if let Some(reader) = state.readers.get_mut(&self.name) {
            reader.committed = reader.committed.max(end);
        }
        let all = state.committed_by_all();
        let first_end = state.segments.values().next().map(|segment| segment.end);
        if state.segments.len() > 1 && all >= first_end {
            // Fails only when the log is closed: the next one that opens it prunes.
            let _ = shared.commands.send(Command::Prune);
        }
        Ok(())
    }

    /// Where the next record will come from.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What is between here and the end. Bytes, as framed.
    pub fn lag_bytes(&self) -> u64 {
        self.progress.borrow().end.0.saturating_sub(self.position.0)
    }

    fn plan(&mut self) -> Plan {
        let shared = Arc::clone(&self.shared);
        let progress = *shared.progress.borrow();
        let mut state = shared.state();
        if let Some(entry) = self.hand_out(&mut state) {
            return Plan::Ready(entry);
        }
        if let Some(entries) = state.tail.fetch(self.fetched, FETCH_RECORDS) {
            self.fetched = entries.last().map_or(self.fetched, |last| last.end);
            self.ready = entries.into();
            return match self.hand_out(&mut state) {
                Some(entry) => Plan::Ready(entry),
                None => Plan::wait_or_finish(progress),
            };
        }
        let Some(segment) = state.segment_from(self.fetched) else {
            return Plan::wait_or_finish(progress);
        };
        drop(state);
        Plan::Read(Box::new(Job {
            path: shared.segment_path(segment.base),
            open: self
                .segment
                .take()
                .filter(|open| open.base() == segment.base),
            segment,
            from: self.fetched.max(segment.base),
        }))
    }

    /// Hands out what is ready, but not what was deleted meanwhile: that is counted as lost.
    fn hand_out(&mut self, state: &mut State) -> Option<Entry> {
        let oldest = state.oldest().unwrap_or_default();
        while let Some(entry) = self.ready.pop_front() {
            if entry.position >= oldest {
                self.position = entry.end;
                if let Some(reader) = state.readers.get_mut(&self.name) {
                    reader.handed_out = entry.end;
                }
                return Some(entry);
            }
        }
        None
    }

    /// Takes what was read, unless its segment has been deleted (and counted) meanwhile.
    fn accept(&mut self, (open, segment, batch): (Option<SegmentReader>, Segment, Batch)) {
        let mut state = self.shared.state();
        if !state.segments.contains_key(&segment.base) {
            self.fetched = segment.end;
            return;
        }
        if let Some(reader) = state.readers.get_mut(&self.name) {
            reader.losses.damaged_frames += batch.damaged_frames;
            reader.losses.damaged_bytes += batch.damaged_bytes;
        }
        drop(state);
        if batch.damaged_frames > 0 {
            tracing::warn!(reader = %self.name, frames = batch.damaged_frames,
                bytes = batch.damaged_bytes, "reader stepped over damage in the log");
        }
        self.segment = open;
        self.fetched = batch.next;
        self.ready = batch.entries.into();
    }
}

impl Job {
    fn run(self) -> Done {
        let segment = self.segment;
        let open = match self.open {
            Some(open) => Some(open),
            None => SegmentReader::open(&self.path, segment)?,
        };
        let Some(mut open) = open else {
            return Ok((None, segment, Batch::unreadable(self.from, segment.end)));
        };
        let batch = open.read(self.from, segment.end)?;
        Ok((Some(open), segment, batch))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let Some(reader) = state.readers.get_mut(&self.name) else {
            return;
        };
        reader.is_open = false;
        let Some(cursor) = reader.cursor.clone() else {
            state.readers.remove(&self.name);
            return;
        };
        // What was handed out and not committed will be read again.
        reader.handed_out = reader.committed;
        drop(state);
        if let Err(error) = cursor::sync(&cursor) {
            tracing::warn!(
                error = error.describe(),
                "cursor may be older after a power cut"
            );
        }
    }
}
