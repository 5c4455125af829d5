//! Where signals stand: what is found about them, else what their last value says.

use std::collections::HashMap;
use std::sync::Arc;

use baseline::catalogue::{Direction, Signal};
use proto::UnixMillis;
use proto::finding::FindingState;

use super::model::{SignalReport, State, Story, TargetReport};

/// A signal without a sample for this long at the end is no longer reported. Milliseconds. As long
/// as the judge waits.
const SILENT_AFTER: i64 = 15 * 60_000;

/// What is known of all targets.
pub(super) struct Known<'a> {
    /// What is open.
    pub(super) open: Vec<&'a Story>,
    /// What is open, and what was over in the range.
    pub(super) all: Vec<&'a Story>,
    /// The end of the range, for spans that have none.
    pub(super) end: UnixMillis,
    /// When there was the last sample of any series.
    pub(super) latest: Option<UnixMillis>,
}

impl Known<'_> {
    /// Fills in the states and spans of a target's signals, and orders them.
    pub(super) fn judge(&self, target: &mut TargetReport) {
        let values: HashMap<String, Vec<f64>> = values(target);
        let labels = target.labels.clone();
        let is_of = |story: &Story, signal: &SignalReport| {
            let last = story.last();
            let is_target = labels
                .iter()
                .all(|(name, value)| last.target.labels.get(name) == Some(value));
            is_target && last.signal == signal.signal.name && last.labels == signal.labels
        };
        for signal in &mut target.signals {
            let spans = self.all.iter().filter(|story| is_of(story, signal));
            signal.spans = spans.map(|story| self.span(story)).collect();
            let open = self.open.iter().filter(|story| is_of(story, signal));
            let found = open.map(|story| match story.last().state {
                FindingState::Pending => State::Pending,
                FindingState::Firing | FindingState::Resolved => {
                    State::Firing(story.last().severity)
                }
            });
            signal.state = found.max().unwrap_or_else(|| self.seen(signal, &values));
        }
        // Stable: else as in the catalogue.
        target
            .signals
            .sort_by_key(|signal| std::cmp::Reverse(signal.state.max(State::Silent)));
    }

    fn span(&self, story: &Story) -> (i64, i64) {
        let last = story.last();
        let end = match last.is_open() {
            true => self.end,
            false => last.time,
        };
        (last.since.0, end.0)
    }

    /// What the last value says.
    fn seen(&self, report: &SignalReport, values: &HashMap<String, Vec<f64>>) -> State {
        let Some((time, value)) = report.last else {
            return State::Silent;
        };
        let is_silent = |latest: UnixMillis| latest.0.saturating_sub(time.0) > SILENT_AFTER;
        if self.latest.is_some_and(is_silent) {
            return State::Silent;
        }
        if is_beyond(&report.signal, value, values) {
            return State::Beyond;
        }
        match report.band() {
            None => State::Unknown,
            Some(band) if is_out(&report.signal, value, band) => State::Unusual,
            Some(_) => State::Usual,
        }
    }
}

/// The last values of signals by name, for thresholds that depend on others.
fn values(target: &TargetReport) -> HashMap<String, Vec<f64>> {
    let mut values: HashMap<String, Vec<f64>> = HashMap::new();
    for signal in &target.signals {
        let of_name = values.entry(signal.signal.name.clone()).or_default();
        of_name.extend(signal.last.map(|(_, value)| value));
    }
    values
}

/// Whether a value is beyond a threshold that counts now.
fn is_beyond(signal: &Arc<Signal>, value: f64, values: &HashMap<String, Vec<f64>>) -> bool {
    signal.thresholds.iter().any(|threshold| {
        let counts = threshold.only_while.as_ref().is_none_or(|guard| {
            let others = values.get(&guard.signal);
            others.is_some_and(|others| others.iter().any(|other| guard.bound.holds(*other)))
        });
        counts && threshold.bound.holds(value)
    })
}

/// Whether a value is out of its band on a side that is bad, and by enough to tell: as the judge sees
/// it, but for the expected value, which is in the middle of the band.
fn is_out(signal: &Signal, value: f64, (lower, upper): (f64, f64)) -> bool {
    let expected = f64::midpoint(lower, upper);
    let is_high = value > upper && signal.bad != Direction::Down;
    let is_low = value < lower && signal.bad != Direction::Up;
    (is_high || is_low) && (value - expected).abs() >= signal.least_change
}
