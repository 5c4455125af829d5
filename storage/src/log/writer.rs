//! The writer thread: takes queued records, writes them in groups, syncs, publishes.
//!
//! A record is acknowledged, and seen by readers, after its sync. When the disk fails, the
//! segment is given up (after a failed sync nobody knows what reached the disk), the records
//! stay in memory, and a new segment is tried until one takes them.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::Record;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::active::Active;
use super::appender::QUEUE_UNIT;
use super::cursor;
use super::disk::Disk;
use super::entry::Entry;
use super::error::LogError;
use super::frame::{MAX_PAYLOAD, Salt, TooLong};
use super::queue::CommandReceiver;
use super::segment::SegmentHeader;
use super::shared::{Segment, Shared};
use crate::Position;

/// The buffer goes to the file when it is this long. Bytes.
const WRITE_BYTES: usize = 1 << 20;

/// Longest time from writing a record that somebody waits for to its sync. Others that come meanwhile are
/// synced with it: on the disk of an etcd ten syncs a second more are not felt, a hundred are.
pub const AWAITED_SYNC: Duration = Duration::from_millis(100);

/// Pauses between attempts while the disk fails.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Cursors are made to survive a power cut this often. What is lost with one comes twice.
const CURSOR_SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Queued),
    /// A reader has left a segment behind.
    Prune,
    /// Write what is queued, then stop.
    Close(oneshot::Sender<Result<(), LogError>>),
}

/// How soon a record has to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// With the others.
    None,
    /// Somebody waits for it.
    Awaited,
}

/// A record that is not durable yet.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) record: Record,
    pub(super) ack: oneshot::Sender<Result<Position, LogError>>,
    /// Its share of the queue's space, given back when it is durable.
    pub(super) space: OwnedSemaphorePermit,
    pub(super) haste: Haste,
}

impl Queued {
    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.space.num_permits() * QUEUE_UNIT
    }
}

/// A record that is in the segment, or in its buffer, but not synced.
struct Unsynced {
    queued: Queued,
    position: Position,
    end: Position,
}

/// The disk is failing.
struct Fault {
    since: Instant,
    retry_at: Instant,
    pause: Duration,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Box<dyn Disk>,
    commands: CommandReceiver,
    active: Option<Active>,
    /// Everything before it is durable; where a new segment starts.
    durable: Position,
    /// Where the last segment ended: less than `durable` if positions jumped at opening.
    previous_end: Position,
    backlog: VecDeque<Queued>,
    unsynced: VecDeque<Unsynced>,
    sync_at: Option<Instant>,
    fault: Option<Fault>,
    wants_prune: bool,
    cursors_synced: Instant,
    cursors_fail: bool,
    closing: Option<oneshot::Sender<Result<(), LogError>>>,
}

impl Writer {
    /// A writer that goes on at the shared end. `previous_end` is where the last segment ended.
    pub(super) fn new(
        shared: Arc<Shared>,
        disk: Box<dyn Disk>,
        commands: CommandReceiver,
        previous_end: Position,
    ) -> Self {
        let durable = shared.progress.borrow().end;
        Self {
            shared,
            disk,
            commands,
            active: None,
            durable,
            previous_end,
            backlog: VecDeque::new(),
            unsynced: VecDeque::new(),
            sync_at: None,
            fault: None,
            wants_prune: false,
            cursors_synced: Instant::now(),
            cursors_fail: false,
            closing: None,
        }
    }

    /// Works until it is asked to close.
    pub(super) fn run(mut self) {
        self.shared.prune(0);
        while self.closing.is_none() {
            self.receive();
            if std::mem::take(&mut self.wants_prune) {
                self.shared.prune(0);
            }
            if self
                .fault
                .as_ref()
                .is_none_or(|fault| fault.retry_at <= Instant::now())
            {
                self.turn();
            }
            if self.cursors_synced.elapsed() >= CURSOR_SYNC_INTERVAL {
                self.sync_cursors();
            }
        }
        self.close();
    }

    /// Waits for something to do, and takes what is queued.
    fn receive(&mut self) {
        let retry_at = self.fault.as_ref().map(|fault| fault.retry_at);
        for command in self.commands.receive(retry_at.or(self.sync_at)) {
            self.take(command);
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Append(queued) => self.backlog.push_back(queued),
            Command::Prune => self.wants_prune = true,
            Command::Close(reply) => self.closing = Some(reply),
        }
    }

    fn turn(&mut self) {
        let is_retry = self.fault.is_some();
        let written = self.write_backlog().and_then(|()| {
            let is_due = self.sync_at.is_some_and(|at| at <= Instant::now());
            if is_due || is_retry {
                self.sync()
            } else {
                Ok(())
            }
        });
        match written {
            // Nothing may be left to write: what waited was refused.
            Ok(()) if is_retry => self.recover(),
            Ok(()) => {}
            Err(error) => self.fail(error),
        }
    }

    fn write_backlog(&mut self) -> Result<(), LogError> {
        while !self.backlog.is_empty() {
            self.roll_if_full()?;
            let mut active = match self.active.take() {
                Some(active) => active,
                None => self.open_segment()?,
            };
            self.fill(&mut active);
            let written = active.write();
            let base = active.segment().base;
            self.active = Some(active);
            let path = self.shared.segment_path(base);
            written.map_err(LogError::io("write to", &path))?;
        }
        Ok(())
    }

    /// Moves records from the backlog into the segment's buffer, as many as fit.
    fn fill(&mut self, active: &mut Active) {
        let limit = self.shared.options.segment_bytes;
        while active.buffered() < WRITE_BYTES && active.segment().file_bytes() < limit {
            let Some(queued) = self.backlog.pop_front() else {
                return;
            };
            match active.append(&queued.record) {
                Ok(span) => {
                    let wait = self.shared.options.sync_interval;
                    let due = Instant::now()
                        + match queued.haste {
                            Haste::None => wait,
                            Haste::Awaited => wait.min(AWAITED_SYNC),
                        };
                    self.sync_at = Some(self.sync_at.map_or(due, |at| at.min(due)));
                    let (position, end) = (span.position, span.end);
                    self.unsynced.push_back(Unsynced {
                        queued,
                        position,
                        end,
                    });
                }
                Err(TooLong(bytes)) => {
                    self.shared.counters.refused_records.add(1);
                    let error = LogError::TooLarge {
                        bytes,
                        limit: MAX_PAYLOAD,
                    };
                    let _ = queued.ack.send(Err(error));
                }
            }
        }
    }

    fn open_segment(&mut self) -> Result<Active, LogError> {
        self.shared.prune(self.shared.options.segment_bytes);
        let path = self.shared.segment_path(self.durable);
        let file = self
            .disk
            .create(&path)
            .map_err(LogError::io("create", &path))?;
        // Random, and nobody outside can know it.
        let salt = Salt(RandomState::new().hash_one(self.durable.0));
        let (base, previous_end) = (self.durable, self.previous_end);
        Ok(Active::new(
            file,
            SegmentHeader {
                salt,
                base,
                previous_end,
            },
        ))
    }

    fn roll_if_full(&mut self) -> Result<(), LogError> {
        let limit = self.shared.options.segment_bytes;
        let is_full = |active: &Active| active.segment().file_bytes() >= limit;
        if self.active.as_ref().is_some_and(is_full) {
            self.sync()?;
            self.active = None;
        }
        Ok(())
    }

    /// Makes what was written durable, then tells everyone.
    fn sync(&mut self) -> Result<(), LogError> {
        self.sync_at = None;
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        let segment = active.segment();
        if segment.end == self.durable {
            return Ok(());
        }
        let started = Instant::now();
        let synced = active.sync();
        self.shared.counters.syncs.add(1);
        self.shared
            .counters
            .sync_nanos
            .add(started.elapsed().as_nanos() as u64);
        synced.map_err(LogError::io(
            "sync",
            &self.shared.segment_path(segment.base),
        ))?;
        let is_new = segment.base == self.durable;
        self.durable = segment.end;
        self.previous_end = segment.end;
        self.publish(segment);
        if is_new {
            // The segment before is closed now, and may have been passed already.
            self.shared.prune(0);
        }
        self.recover();
        self.acknowledge();
        Ok(())
    }

    fn publish(&self, segment: Segment) {
        let entries = self.unsynced.iter().map(|written| Entry {
            position: written.position,
            end: written.end,
            record: written.queued.record.clone(),
        });
        self.shared.publish(segment, entries);
    }

    fn acknowledge(&mut self) {
        self.shared
            .counters
            .appended_records
            .add(self.unsynced.len() as u64);
        for written in self.unsynced.drain(..) {
            // Whoever appended it may not care.
            let _ = written.queued.ack.send(Ok(written.position));
        }
    }

    /// Gives the segment up and goes back to what is durable.
    fn fail(&mut self, error: LogError) {
        self.shared.counters.write_errors.add(1);
        if let Some(active) = self.active.take() {
            active.abandon(self.durable);
        }
        while let Some(written) = self.unsynced.pop_back() {
            self.backlog.push_front(written.queued);
        }
        self.sync_at = None;
        let now = Instant::now();
        let pause = match &self.fault {
            Some(fault) => (fault.pause * 2).min(LAST_RETRY),
            None => {
                tracing::error!(error = error.describe(), "log cannot write, trying again");
                FIRST_RETRY
            }
        };
        let since = self.fault.as_ref().map_or(now, |fault| fault.since);
        self.fault = Some(Fault {
            since,
            retry_at: now + pause,
            pause,
        });
        self.shared.fault.send_replace(Some(Arc::new(error)));
    }

    fn recover(&mut self) {
        if let Some(fault) = self.fault.take() {
            let seconds = fault.since.elapsed().as_secs_f64();
            tracing::info!(seconds, "log writes again");
            self.shared.fault.send_replace(None);
        }
    }

    fn sync_cursors(&mut self) {
        self.cursors_synced = Instant::now();
        let state = self.shared.state();
        let cursors: Vec<_> = state
            .readers
            .values()
            .filter_map(|reader| reader.cursor.clone())
            .collect();
        drop(state);
        let mut failure = None;
        for cursor in cursors {
            failure = cursor::sync(&cursor).err().or(failure);
        }
        let failed = std::mem::replace(&mut self.cursors_fail, failure.is_some());
        if let Some(error) = failure.filter(|_| !failed) {
            tracing::warn!(
                error = error.describe(),
                "cursors are not safe from a power cut, trying again"
            );
        }
    }

    /// Writes what is left, once; what cannot be written is not acknowledged.
    fn close(mut self) {
        self.shared.queue.close();
        for command in self.commands.take() {
            self.take(command);
        }
        let result = self.write_backlog().and_then(|()| self.sync());
        if let Err(error) = &result {
            let unsynced = self.unsynced.drain(..).map(|written| written.queued);
            for queued in unsynced.chain(self.backlog.drain(..)) {
                let _ = queued.ack.send(Err(error.clone()));
            }
        }
        self.sync_cursors();
        self.shared
            .progress
            .send_modify(|progress| progress.is_closed = true);
        if let Some(reply) = self.closing.take() {
            let _ = reply.send(result);
        }
    }
}
