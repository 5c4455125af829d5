//! Rows of `targets` and `events` that are not in a file yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::fmt::friendly::SpanPrinter;
use proto::target::TargetId;
use proto::{Event, Target, UnixMillis};

use super::Facts;
use crate::archive::day::Day;

/// A row of `targets`: from `time` on it was so.
#[derive(Clone, Debug)]
pub(in crate::archive) struct TargetRow {
    pub(in crate::archive) target: Arc<Target>,
    pub(in crate::archive) time: UnixMillis,
    pub(in crate::archive) facts: Facts,
}

/// Rows by their day.
#[derive(Debug, Default)]
pub(in crate::archive) struct News {
    targets: BTreeMap<Day, Vec<TargetRow>>,
    events: BTreeMap<Day, Vec<Event>>,
    n_bytes: usize,
    n_outside: usize,
}

impl News {
    /// Adds an event. One whose time has no day is counted and left out.
    pub(super) fn event(&mut self, event: Event) {
        let Some(day) = Day::of(event.time) else {
            self.n_outside += 1;
            return;
        };
        self.n_bytes += size_of::<Event>() + event.kind.len() + event.message.len() + 40;
        self.events.entry(day).or_default().push(event);
    }

    /// Adds a row of a target.
    pub(super) fn target(&mut self, row: TargetRow) {
        let Some(day) = Day::of(row.time) else {
            self.n_outside += 1;
            return;
        };
        self.n_bytes += size_of::<TargetRow>() + 40;
        self.targets.entry(day).or_default().push(row);
    }

    /// Fills in the newest row of a target, if it is not in a file yet and of this day: what a
    /// target says first often comes a little later than the target. Tells whether it could.
    pub(super) fn complete(&mut self, id: TargetId, day: Day, facts: &Facts) -> bool {
        let rows = self.targets.get_mut(&day).map(|rows| rows.iter_mut());
        let row = rows.and_then(|mut rows| rows.rfind(|row| row.target.id() == id));
        row.map(|row| row.facts = facts.clone()).is_some()
    }

    /// What it holds in memory, about. Bytes.
    pub(in crate::archive) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Rows left out because their time has no day.
    pub(in crate::archive) fn n_outside(&self) -> usize {
        self.n_outside
    }

    /// Rows of `targets` of each day, in the table's order.
    pub(in crate::archive) fn targets(&self) -> impl Iterator<Item = (Day, Vec<&TargetRow>)> {
        self.targets.iter().map(|(day, rows)| {
            let mut rows: Vec<&TargetRow> = rows.iter().collect();
            rows.sort_by_key(|row| (row.target.job(), row.target.instance(), row.time));
            (*day, rows)
        })
    }

    /// The events alone.
    pub(super) fn into_events(self) -> Vec<Event> {
        self.events.into_values().flatten().collect()
    }

    /// Rows of `events` of each day, in the table's order.
    pub(in crate::archive) fn events(&self) -> impl Iterator<Item = (Day, Vec<&Event>)> {
        self.events.iter().map(|(day, events)| {
            let mut events: Vec<&Event> = events.iter().collect();
            events.sort_by_key(|event| event.time);
            (*day, events)
        })
    }
}

/// How long something lasted, for people: `2m 15s`.
pub(super) fn lasted(from: UnixMillis, to: UnixMillis) -> String {
    let millis = to.0.saturating_sub(from.0).max(0);
    // Nobody wants the milliseconds of what took minutes.
    let precision = if millis < 60_000 { 1 } else { 1000 };
    let duration = SignedDuration::from_millis(millis - millis % precision);
    SpanPrinter::new().duration_to_string(&duration)
}

/// A time as text, in UTC: `2026-11-21T22:26:40Z`.
pub(super) fn time_text(time: UnixMillis) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(time.0).ok()?;
    Some(time.to_string())
}
