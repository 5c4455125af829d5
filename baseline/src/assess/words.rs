//! What a finding says, in words.

use proto::Labels;
use proto::finding::{FindingState, Rule, Severity};

use crate::catalogue::{self, Comparison, Signal, Threshold, Unit};
use crate::judge::Verdict;
use crate::profiles::{CREATOR_LABEL, FUNCTION_LABEL, STATE_LABEL};

/// What was seen of a signal.
pub(super) struct Seen<'a> {
    pub(super) signal: &'a Signal,
    /// Of its series, beyond those of the target.
    pub(super) labels: &'a Labels,
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    pub(super) value: f64,
    pub(super) verdict: &'a Verdict,
    /// For how long it has been so. Milliseconds.
    pub(super) lasted: i64,
}

impl Seen<'_> {
    /// One line.
    pub(super) fn title(&self, state: FindingState) -> String {
        let title = self.subject();
        if state == FindingState::Resolved {
            return match self.value.is_finite() {
                true => format!("{title} is {} again", self.amount(self.value)),
                false => format!("{title} is no longer reported"),
            };
        }
        let now = self.amount(self.value);
        match self.threshold() {
            Some(threshold) => format!("{title} is {now}, {}", self.limit(threshold)),
            None => format!("{title} is {now}, usually {}", self.usual()),
        }
    }

    /// Some sentences.
    pub(super) fn explanation(&self, state: FindingState) -> String {
        let lasted = Unit::Seconds.format(self.lasted as f64 / 1000.0);
        let mut text = match state {
            FindingState::Resolved => format!("It lasted for {lasted}."),
            FindingState::Firing | FindingState::Pending => format!(
                "{} has been like this for {lasted}; it is {} now.",
                self.subject(),
                self.amount(self.value)
            ),
        };
        if let Some(threshold) = self.threshold() {
            text += &format!(" The limit is {}", self.limit(threshold));
            if !threshold.source.is_empty() {
                text += &format!(" ({})", threshold.source);
            }
            text += ".";
        }
        if self.verdict.expected.is_finite() {
            let expected = self.amount(self.verdict.expected);
            text += &format!(
                " At this hour {expected} is expected, {} is usual.",
                self.usual()
            );
        }
        if let Some(healthy) = &self.signal.healthy {
            let side = side(healthy.bound.comparison);
            let bound = self.amount(healthy.bound.value);
            text += &format!(" Healthy is {side} {bound} ({}).", healthy.source);
        }
        if !self.signal.help.is_empty() {
            text += &format!(" {}", self.signal.help.trim_end());
        }
        text
    }

    /// What it is about: of profiles, one function, state or creator among others.
    fn subject(&self) -> String {
        let title = &self.signal.title;
        let of = |label| self.labels.get(label);
        match (of(FUNCTION_LABEL), of(STATE_LABEL), of(CREATOR_LABEL)) {
            _ if self.signal.from_profile().is_none() => title.clone(),
            (Some(function), ..) => format!("{title} in {function}"),
            (_, Some(one), _) | (_, _, Some(one)) => format!("{title} ({one})"),
            _ => title.clone(),
        }
    }

    /// The threshold of this severity that is passed, if it is a matter of thresholds.
    fn threshold(&self) -> Option<&Threshold> {
        let severity = match self.severity {
            Severity::Critical => catalogue::Severity::Critical,
            Severity::Info | Severity::Warning => catalogue::Severity::Warning,
        };
        let mut thresholds = self.signal.thresholds.iter();
        thresholds.find(|t| self.rule == Rule::Threshold && t.severity == severity)
    }

    fn limit(&self, threshold: &Threshold) -> String {
        let side = side(threshold.bound.comparison);
        let mut limit = format!("{side} {}", self.amount(threshold.bound.value));
        if !threshold.hold.is_zero() {
            limit += &format!(
                " for {}",
                Unit::Seconds.format(threshold.hold.as_secs_f64())
            );
        }
        limit
    }

    fn usual(&self) -> String {
        let (lower, upper) = (self.verdict.lower, self.verdict.upper);
        format!("{} to {}", self.amount(lower), self.amount(upper))
    }

    fn amount(&self, value: f64) -> String {
        self.signal.unit.format(value)
    }
}

fn side(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Above => "above",
        Comparison::Below => "below",
    }
}

/// A unit as OTLP and the archive have it (UCUM).
pub(crate) fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio | Unit::Count | Unit::Cores => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
        Unit::PerSecond => "1/s",
        Unit::BytesPerSecond => "By/s",
    }
}
