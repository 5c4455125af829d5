//! What a report says, before it is written in any language.

use std::sync::Arc;

use baseline::catalogue::{Signal, Unit};
use baseline::explain::Change;
use proto::finding::Severity;
use proto::{Finding, Labels, UnixMillis};

use super::chart::Point;
use crate::cli::findings::trouble::{Trouble, value_of};

/// The state of targets against what is usual.
pub(super) struct Report {
    /// Of when.
    pub(super) range: Range,
    /// When it was made.
    pub(super) made: UnixMillis,
    /// Of which archive.
    pub(super) place: String,
    /// Of which targets; empty: of all.
    pub(super) asked: String,
    /// Those in trouble first.
    pub(super) targets: Vec<TargetReport>,
    /// What is open, the worst first.
    pub(super) incidents: Vec<Incident>,
    /// What was over in the range, the last to end first.
    pub(super) over: Vec<Story>,
    /// The time of the last sample.
    pub(super) latest: Option<UnixMillis>,
    /// What was not read, as there is no room for it.
    pub(super) left_out: Vec<String>,
    /// What could not be read, in sentences.
    pub(super) problems: Vec<String>,
}

/// A range of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) from: UnixMillis,
    pub(super) to: UnixMillis,
}

/// What is open together on one target.
pub(super) struct Incident {
    /// The worst first; one at least.
    pub(super) stories: Vec<Story>,
}

/// A trouble, and what is known beside it.
pub(super) struct Story {
    pub(super) trouble: Trouble,
    /// What is judged, if the catalogue has it.
    pub(super) signal: Option<Arc<Signal>>,
    /// What profiles say.
    pub(super) evidence: Vec<Evidence>,
}

/// What one kind of profile says of a trouble.
pub(super) struct Evidence {
    /// `process_cpu`, `memory`, …
    pub(super) kind: String,
    /// The command lines that show it: a table, and a flame graph in a file.
    pub(super) commands: [String; 2],
    /// The time before, and the trouble itself; `None` if there are no profiles from then.
    pub(super) before: Option<Range>,
    pub(super) during: Range,
    /// When the time before was: on the day before, ….
    pub(super) compared_with: &'static str,
    /// Functions with a larger share than before.
    pub(super) changes: Vec<Change>,
    /// How it differs, as SVG.
    pub(super) flame: Option<String>,
}

/// A target and its signals.
pub(super) struct TargetReport {
    /// Without the name of a metric.
    pub(super) labels: Labels,
    /// Whether the last scrape had an answer, if it is known.
    pub(super) is_up: Option<bool>,
    /// Those in trouble first, else as in the catalogue.
    pub(super) signals: Vec<SignalReport>,
}

/// One series of a signal.
pub(super) struct SignalReport {
    pub(super) signal: Arc<Signal>,
    /// Beyond those of the target.
    pub(super) labels: Labels,
    /// In order of time.
    pub(super) points: Vec<Point>,
    /// Times and values of the ends of what was usual.
    pub(super) lower: Vec<(i64, f64)>,
    pub(super) upper: Vec<(i64, f64)>,
    /// The last value, and when.
    pub(super) last: Option<(UnixMillis, f64)>,
    /// When there were findings about it.
    pub(super) spans: Vec<(i64, i64)>,
    pub(super) state: State,
}

/// Where a signal stands, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// In its band.
    Usual,
    /// It is not known yet what is usual.
    Unknown,
    /// Nothing is heard of it any more.
    Silent,
    /// Out of its band, but not for long or not by much.
    Unusual,
    /// Beyond a threshold, but not for long.
    Beyond,
    /// Something is seen, but not for long enough to tell anybody.
    Pending,
    /// Something is found.
    Firing(Severity),
}

impl Report {
    /// What is open, the worst first.
    pub(super) fn open(&self) -> impl Iterator<Item = &Story> {
        self.incidents.iter().flat_map(|incident| &incident.stories)
    }

    /// Series of signals of all targets.
    pub(super) fn n_signals(&self) -> usize {
        self.targets.iter().map(|target| target.signals.len()).sum()
    }

    /// Whether what is usual is known of anything.
    pub(super) fn has_bands(&self) -> bool {
        let mut signals = self.targets.iter().flat_map(|target| &target.signals);
        signals.any(|signal| !signal.upper.is_empty())
    }
}

impl Story {
    /// Where it stands.
    pub(super) fn last(&self) -> &Finding {
        self.trouble.last()
    }

    /// A value of it, for people.
    pub(super) fn value(&self, value: f64) -> String {
        match &self.signal {
            _ if value.is_nan() => "unknown".to_owned(),
            Some(signal) => signal.unit.format(value),
            None => value_of(self.last(), value),
        }
    }

    /// What it was before, and at its worst that was told.
    pub(super) fn change(&self) -> [String; 2] {
        let told = self.trouble.at_its_worst();
        [told.before, told.now].map(|value| self.value(value))
    }

    /// The worst first: what fires before what is pending, then by severity, then the oldest.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let last = self.last();
        let is_pending = last.state == proto::finding::FindingState::Pending;
        (is_pending, std::cmp::Reverse(last.severity), last.since)
    }
}

impl Incident {
    /// The number that its findings share, and whose they are: those of one incident are of one
    /// target.
    pub(super) fn worst(&self) -> Option<&Story> {
        self.stories.first()
    }
}

impl TargetReport {
    /// `etcd 127.0.0.1:2379`, with what else tells it from others.
    pub(super) fn name(&self) -> String {
        let label = |name| self.labels.get(name).unwrap_or_default();
        let name = format!("{} {}", label("job"), label("instance"));
        let others = self.labels.iter();
        let others = others.filter(|(name, _)| !matches!(*name, "job" | "instance"));
        let others: Vec<String> = others
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match others.is_empty() {
            true => name.trim().to_owned(),
            false => format!("{} ({})", name.trim(), others.join(", ")),
        }
    }

    /// The worst state of its signals.
    pub(super) fn worst(&self) -> State {
        let states = self.signals.iter().map(|signal| signal.state);
        states.max().unwrap_or(State::Usual)
    }
}

impl SignalReport {
    /// `WAL fsync, 99th percentile`, with its labels.
    pub(super) fn name(&self) -> String {
        match self.labels.is_empty() {
            true => self.signal.title.clone(),
            false => format!("{} {}", self.signal.title, self.labels),
        }
    }

    /// A value of it, for people.
    pub(super) fn value(&self, value: f64) -> String {
        self.unit().format(value)
    }

    pub(super) fn unit(&self) -> Unit {
        self.signal.unit
    }

    /// The least and the greatest value in the range.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        let min = self.points.iter().map(|point| point.min).reduce(f64::min)?;
        let max = self.points.iter().map(|point| point.max).reduce(f64::max)?;
        Some((min, max))
    }

    /// What is usual at the end of the range.
    pub(super) fn band(&self) -> Option<(f64, f64)> {
        let (_, lower) = *self.lower.last()?;
        let (_, upper) = *self.upper.last()?;
        Some((lower, upper))
    }
}
