//! Figures of the log, at one moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::shared::{Losses, Shared, State};
use crate::Position;

/// What the log looks like, and what it has done since it was opened.
#[derive(Clone, Debug)]
pub struct LogStats {
    /// Segment files.
    pub n_segments: usize,
    /// What they take on the disk. Bytes.
    pub bytes: u64,
    /// The oldest position that can be read.
    pub oldest: Position,
    /// Everything before it is durable.
    pub end: Position,
    /// Memory of the recent records. Bytes.
    pub tail_bytes: usize,
    /// Memory of the records that wait to become durable. Bytes.
    pub queued_bytes: usize,
    /// Records made durable.
    pub appended_records: u64,
    /// Records refused: queue full while the disk takes nothing, or too large.
    pub refused_records: u64,
    /// Syncs of segments to the disk.
    pub n_syncs: u64,
    /// Time they took together.
    pub sync_time: Duration,
    /// Failures to write. The log tries again until it succeeds.
    pub write_errors: u64,
    /// Bytes cut off the end at opening: a write that was under way when the process died.
    pub torn_bytes: u64,
    /// Why nothing can be written at the moment.
    pub fault: Option<String>,
    /// Every reader with a cursor, and the open ones without.
    pub readers: Vec<ReaderStats>,
}

/// One reader of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderStats {
    /// Its name.
    pub name: String,
    /// Whether it is open.
    pub is_open: bool,
    /// Its durable cursor, or how far it has come if it has none.
    pub cursor: Position,
    /// What it has still to do. Bytes, as framed.
    pub lag_bytes: u64,
    /// What it missed since the log was opened.
    pub losses: Losses,
}

/// Counts since the log was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) appended_records: Counter,
    pub(super) refused_records: Counter,
    pub(super) syncs: Counter,
    pub(super) sync_nanos: Counter,
    pub(super) write_errors: Counter,
    pub(super) torn_bytes: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Shared {
    pub(super) fn stats(&self) -> LogStats {
        let end = self.progress.borrow().end;
        let state = self.state();
        let queue_units = self
            .options
            .queue_bytes
            .div_ceil(super::appender::QUEUE_UNIT)
            .max(1);
        let free_units = self.queue.available_permits();
        let counters = &self.counters;
        LogStats {
            n_segments: state.segments.len(),
            bytes: state
                .segments
                .values()
                .map(super::shared::Segment::file_bytes)
                .sum(),
            oldest: state.oldest().unwrap_or(end),
            end,
            tail_bytes: state.tail.bytes(),
            queued_bytes: queue_units.saturating_sub(free_units) * super::appender::QUEUE_UNIT,
            appended_records: counters.appended_records.get(),
            refused_records: counters.refused_records.get(),
            n_syncs: counters.syncs.get(),
            sync_time: Duration::from_nanos(counters.sync_nanos.get()),
            write_errors: counters.write_errors.get(),
            torn_bytes: counters.torn_bytes.get(),
            fault: self.fault.borrow().as_ref().map(|fault| fault.describe()),
            readers: reader_stats(&state, end),
        }
    }
}

fn reader_stats(state: &State, end: Position) -> Vec<ReaderStats> {
    let oldest = state.oldest().unwrap_or(end);
    let describe = |(name, reader): (&String, &super::shared::ReaderState)| ReaderStats {
        name: name.clone(),
        is_open: reader.is_open,
        cursor: reader.committed,
        lag_bytes: end.0.saturating_sub(reader.committed.max(oldest).0),
        losses: reader.losses,
    };
    state.readers.iter().map(describe).collect()
}
