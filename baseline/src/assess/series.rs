//! One series of a signal: its judge, its alarms, and what is open.

use std::sync::Arc;

use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Target, UnixMillis};

use super::alarm::{Alarm, Patience};
use super::words;
use crate::catalogue::{self, Direction, Signal, Threshold};
use crate::judge::{Judge, Options, Verdict};

/// How long a value has to be out of its band until that is told. Milliseconds.
const BAND_HOLD: i64 = 10 * 60_000;
/// How long a trouble has to be gone until it is over. Milliseconds.
const CALM: i64 = 5 * 60_000;
/// After how long what is out of the ordinary counts as usual. Milliseconds.
const ACCEPTED_AFTER: i64 = 86_400_000;
/// For how long a series has to be known until its band is believed: what is less than a day says
/// nothing about the hours to come. Milliseconds.
const LEAST_KNOWN: i64 = 86_400_000;

/// A series of a signal.
#[derive(Debug)]
pub(super) struct Assessed {
    pub(super) target: Arc<Target>,
    /// Beyond those of the target.
    pub(super) labels: Labels,
    pub(super) last_time: UnixMillis,
    judge: Judge,
    first_time: UnixMillis,
    /// One for each of the signal's thresholds.
    thresholds: Vec<Alarm>,
    band: Alarm,
    /// Half the width of the band when its alarm was last quiet: what is out of the ordinary widens
    /// the judge's band at once, and must not make itself usual.
    usual_width: f64,
    open: Vec<Open>,
}

/// A trouble that fires.
#[derive(Clone, Copy, Debug)]
struct Open {
    rule: Rule,
    severity: Severity,
    since: UnixMillis,
}

/// One sample and what else is known at its time.
pub(super) struct Sample<'a> {
    pub(super) time: UnixMillis,
    /// NaN when the series ends.
    pub(super) value: f64,
    /// Whether a threshold counts now.
    pub(super) is_guarded: &'a dyn Fn(&Threshold) -> bool,
}

/// What a sample came to.
pub(super) struct Step {
    pub(super) verdict: Option<Verdict>,
    pub(super) findings: Vec<Finding>,
}

impl Assessed {
    pub(super) fn new(signal: &Signal, target: &Arc<Target>, labels: Labels) -> Self {
        Self {
            target: Arc::clone(target),
            labels,
            last_time: UnixMillis(i64::MIN),
            judge: Judge::new(Options::default()),
            first_time: UnixMillis(i64::MAX),
            thresholds: vec![Alarm::Quiet; signal.thresholds.len()],
            band: Alarm::Quiet,
            usual_width: f64::INFINITY,
            open: Vec::new(),
        }
    }

    /// Takes a sample. One that is not later than the last is not judged again.
    pub(super) fn step(&mut self, signal: &Signal, sample: &Sample<'_>) -> Step {
        let mut findings = Vec::new();
        let is_new = sample.time > self.last_time;
        let verdict = (is_new && sample.value.is_finite()).then(|| {
            self.first_time = self.first_time.min(sample.time);
            let verdict = self.judge.observe(sample.time.0, sample.value);
            self.as_usual(sample.time, verdict)
        });
        self.last_time = sample.time;
        self.step_thresholds(signal, sample);
        self.step_band(signal, sample, verdict);
        for rule in [Rule::Threshold, Rule::Band] {
            let firing = self.firing(signal, rule);
            findings.extend(self.turn(signal, sample, verdict, rule, firing));
        }
        Step { verdict, findings }
    }

    /// A verdict with the band as it was before anything was out of it, for a day at the most: then
    /// the new is usual.
    fn as_usual(&mut self, time: UnixMillis, verdict: Verdict) -> Verdict {
        let (Alarm::Pending { since } | Alarm::Firing { since, .. }) = self.band else {
            self.usual_width = verdict.upper - verdict.expected;
            return verdict;
        };
        if time.0.saturating_sub(since.0) > ACCEPTED_AFTER {
            return verdict;
        }
        Verdict {
            lower: verdict.expected - self.usual_width,
            upper: verdict.expected + self.usual_width,
            ..verdict
        }
    }

    fn step_thresholds(&mut self, signal: &Signal, sample: &Sample<'_>) {
        for (alarm, threshold) in self.thresholds.iter_mut().zip(&signal.thresholds) {
            let is_bad = threshold.bound.holds(sample.value) && (sample.is_guarded)(threshold);
            let hold = i64::try_from(threshold.hold.as_millis()).unwrap_or(i64::MAX);
            alarm.step(sample.time, is_bad, Patience { hold, calm: CALM });
        }
    }

    fn step_band(&mut self, signal: &Signal, sample: &Sample<'_>, verdict: Option<Verdict>) {
        let known = sample.time.0.saturating_sub(self.first_time.0);
        let is_known = known >= LEAST_KNOWN;
        let is_bad = is_known && verdict.is_some_and(|v| is_out(signal, sample.value, &v));
        let patience = Patience {
            hold: BAND_HOLD,
            calm: CALM,
        };
        self.band.step(sample.time, is_bad, patience);
    }

    /// How bad it is by a rule, if it fires.
    fn firing(&self, signal: &Signal, rule: Rule) -> Option<Severity> {
        if rule == Rule::Band {
            return self.band.is_firing().then_some(Severity::Warning);
        }
        let alarms = self.thresholds.iter().zip(&signal.thresholds);
        let firing = alarms.filter(|(alarm, _)| alarm.is_firing());
        firing.map(|(_, threshold)| severity(threshold)).max()
    }

    /// What has changed since the sample before. A trouble may get worse, and then keeps its
    /// severity until it is over.
    fn turn(
        &mut self,
        signal: &Signal,
        sample: &Sample<'_>,
        verdict: Option<Verdict>,
        rule: Rule,
        firing: Option<Severity>,
    ) -> Option<Finding> {
        let open_idx = self.open.iter().position(|open| open.rule == rule);
        let before = open_idx.and_then(|idx| self.open.get(idx).copied());
        let (state, open) = match (before, firing) {
            (None, Some(severity)) => {
                let since = self.since(rule).unwrap_or(sample.time);
                let open = Open {
                    rule,
                    severity,
                    since,
                };
                (FindingState::Firing, open)
            }
            (Some(before), Some(severity)) if severity > before.severity => {
                (FindingState::Firing, Open { severity, ..before })
            }
            (Some(before), None) => (FindingState::Resolved, before),
            (None, None) | (Some(_), Some(_)) => return None,
        };
        self.open.retain(|open| open.rule != rule);
        if state == FindingState::Firing {
            self.open.push(open);
        }
        Some(self.finding(signal, sample, verdict, state, open))
    }

    /// Since when the alarm of a rule that fires has been there.
    fn since(&self, rule: Rule) -> Option<UnixMillis> {
        let alarms: &[Alarm] = match rule {
            Rule::Band => std::slice::from_ref(&self.band),
            _ => &self.thresholds,
        };
        let firing = alarms.iter().filter_map(|alarm| match alarm {
            Alarm::Firing { since, .. } => Some(*since),
            Alarm::Quiet | Alarm::Pending { .. } => None,
        });
        firing.min()
    }

    fn finding(
        &self,
        signal: &Signal,
        sample: &Sample<'_>,
        verdict: Option<Verdict>,
        state: FindingState,
        open: Open,
    ) -> Finding {
        let verdict = verdict.unwrap_or(Verdict {
            score: f64::NAN,
            expected: f64::NAN,
            lower: f64::NAN,
            upper: f64::NAN,
        });
        let seen = words::Seen {
            signal,
            rule: open.rule,
            severity: open.severity,
            value: sample.value,
            verdict: &verdict,
            lasted: sample.time.0 - open.since.0,
        };
        Finding {
            id: FindingId::of(self.target.id(), &signal.name, &self.labels, open.rule),
            incident: 0,
            target: Arc::clone(&self.target),
            signal: signal.name.clone(),
            labels: self.labels.clone(),
            rule: open.rule,
            state,
            severity: open.severity,
            time: sample.time,
            since: open.since,
            unit: words::ucum(signal.unit).to_owned(),
            before: verdict.expected,
            now: sample.value,
            lower: verdict.lower,
            upper: verdict.upper,
            score: verdict.score,
            title: seen.title(state),
            explanation: seen.explanation(state),
            cause: String::new(),
            remedy: signal.remedy.clone(),
            links: Vec::new(),
            captures: Vec::new(),
        }
    }

    /// What was learned from the past is not news: what fires at its end counts as pending and
    /// fires with the next sample, unless it is resumed.
    pub(super) fn is_learned(&mut self) {
        self.open.clear();
        for alarm in self.thresholds.iter_mut().chain([&mut self.band]) {
            if let Alarm::Firing { since, .. } = *alarm {
                *alarm = Alarm::Pending { since };
            }
        }
    }

    /// Goes on with a finding that is open, if it is one of this series.
    pub(super) fn resume(&mut self, signal: &Signal, finding: &Finding) -> bool {
        let id = FindingId::of(
            self.target.id(),
            &finding.signal,
            &self.labels,
            finding.rule,
        );
        if id != finding.id {
            return false;
        }
        let firing = Alarm::Firing {
            since: finding.since,
            quiet: None,
        };
        match finding.rule {
            Rule::Band => self.band = firing,
            Rule::Threshold => {
                let alarms = self.thresholds.iter_mut().zip(&signal.thresholds);
                let told = alarms.filter(|(_, t)| severity(t) <= finding.severity);
                told.for_each(|(alarm, _)| *alarm = firing);
            }
            Rule::Change | Rule::Trend | Rule::Function => return false,
        }
        self.open.push(Open {
            rule: finding.rule,
            severity: finding.severity,
            since: finding.since,
        });
        true
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        !self.open.is_empty()
    }
}

/// Whether a value is out of its band, on the bad side, and by enough to matter.
fn is_out(signal: &Signal, value: f64, verdict: &Verdict) -> bool {
    let is_high = value > verdict.upper && signal.bad != Direction::Down;
    let is_low = value < verdict.lower && signal.bad != Direction::Up;
    (is_high || is_low) && (value - verdict.expected).abs() >= signal.least_change
}

fn severity(threshold: &Threshold) -> Severity {
    match threshold.severity {
        catalogue::Severity::Warning => Severity::Warning,
        catalogue::Severity::Critical => Severity::Critical,
    }
}
