//! Deleting the oldest segments: when every reader has passed them, or when the disk budget
//! says so, which is counted against each reader that had not.

use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::cursor::{self, Cursor};
use super::shared::{Segment, Shared, State};
use super::walk::{Step, Walk};
use crate::Position;

impl Shared {
    /// Deletes what can go, so that `reserve` more bytes are within the budget. The newest
    /// segment always stays.
    pub(super) fn prune(&self, reserve: u64) {
        loop {
            let state = self.state();
            let Some(oldest) = oldest_if_closed(&state) else {
                return;
            };
            let is_passed = state
                .committed_by_all()
                .is_some_and(|all| all >= oldest.end);
            let bytes: u64 = state.segments.values().map(Segment::file_bytes).sum();
            let budget = self.options.disk_budget_bytes;
            if !is_passed && bytes.saturating_add(reserve) <= budget {
                return;
            }
            // Also where all cursors have passed: a reader without one may be behind them.
            let mut readers = state.readers.values();
            let is_lost = readers.any(|reader| reader.handed_out < oldest.end);
            drop(state);
            let records = match is_lost {
                true => records_of(&self.segment_path(oldest.base), oldest),
                false => Vec::new(),
            };
            self.delete(oldest, &records);
        }
    }

    fn delete(&self, segment: Segment, records: &[Position]) {
        let mut state = self.state();
        state.segments.remove(&segment.base);
        let oldest = state.oldest().unwrap_or(segment.end);
        state.tail.drop_before(oldest);
        for (name, reader) in &mut state.readers {
            if reader.handed_out >= segment.end {
                continue;
            }
            let from = reader.handed_out.max(segment.base);
            let bytes = segment.end.0 - from.0;
            let n_records = records.iter().filter(|record| **record >= from).count();
            reader.losses.pruned_bytes += bytes;
            reader.losses.pruned_records += n_records as u64;
            reader.handed_out = segment.end;
            tracing::warn!(reader = %name, bytes, records = n_records,
                "log is over its disk budget, a reader lost what it had not read");
        }
        let behind = move_on(&mut state, segment.end);
        drop(state);
        for cursor in behind {
            if let Err(error) = cursor::lock(&cursor).advance(segment.end) {
                tracing::warn!(error = error.describe(), "failed to move a cursor on");
            }
        }
        let path = self.segment_path(segment.base);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "failed to delete a log segment");
        }
    }
}

/// Counts what was before `end` as done with; returns the cursors that say otherwise. So a cursor
/// that points before the oldest segment is always a sign of damage.
fn move_on(state: &mut State, end: Position) -> Vec<Arc<Mutex<Cursor>>> {
    let behind = state
        .readers
        .values_mut()
        .filter(|reader| reader.committed < end);
    behind
        .filter_map(|reader| {
            reader.committed = end;
            reader.cursor.clone()
        })
        .collect()
}

fn oldest_if_closed(state: &State) -> Option<Segment> {
    let mut segments = state.segments.values();
    let oldest = *segments.next()?;
    segments.next().map(|_| oldest)
}

/// Where the records of a segment are, as far as it can be read.
fn records_of(path: &Path, segment: Segment) -> Vec<Position> {
    let (Some(salt), Ok(file)) = (segment.salt, File::open(path)) else {
        return Vec::new();
    };
    let mut walk = Walk::new(file, salt, segment.base);
    let mut records = Vec::new();
    while let Ok(Some(step)) = walk.step(segment.end) {
        match step {
            Step::Frame(located) if located.header.kind.is_record() => {
                records.push(located.position);
            }
            Step::Frame(_) | Step::Damage { .. } => {}
        }
    }
    records
}
