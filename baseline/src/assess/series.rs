//! One series of a signal: whose it is, how it stands, and what was told of it.

use std::sync::Arc;

use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Target, UnixMillis};

use super::alarm::Patience;
use super::state::{Sample, State};
use super::words;
use crate::catalogue::Signal;
use crate::judge::Verdict;

/// The rules by which a series is judged as it comes.
const RULES: [Rule; 2] = [Rule::Threshold, Rule::Band];

/// A series of a signal.
#[derive(Clone, Debug)]
pub(super) struct Assessed {
    pub(super) target: Arc<Target>,
    /// Beyond those of the target.
    pub(super) labels: Labels,
    pub(super) signal_idx: usize,
    pub(super) state: State,
    open: Vec<Open>,
}

/// A trouble that fires.
#[derive(Clone, Copy, Debug)]
struct Open {
    rule: Rule,
    severity: Severity,
    since: UnixMillis,
}

/// What a sample came to.
pub(super) struct Step {
    pub(super) verdict: Option<Verdict>,
    pub(super) findings: Vec<Finding>,
}

impl Assessed {
    pub(super) fn new(
        target: &Arc<Target>,
        labels: Labels,
        signal_idx: usize,
        state: State,
    ) -> Self {
        Self {
            target: Arc::clone(target),
            labels,
            signal_idx,
            state,
            open: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, signal: &Signal, sample: &Sample<'_>) -> Step {
        let verdict = self.state.step(signal, sample);
        let turned = RULES.into_iter().filter_map(|rule| {
            let firing = self.state.firing(signal, rule);
            self.turn(signal, sample, verdict, rule, firing)
        });
        Step {
            findings: turned.collect(),
            verdict,
        }
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
                let since = self.state.since(rule).unwrap_or(sample.time);
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
            labels: &self.labels,
            rule: open.rule,
            severity: open.severity,
            value: sample.value,
            verdict: &verdict,
            lasted: sample.time.0 - open.since.0,
        };
        Finding {
            id: self.id(signal, open.rule),
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

    /// It is silent: what is open is over, as far as can be told.
    pub(super) fn end(&mut self, signal: &Signal, time: UnixMillis) -> Vec<Finding> {
        let sample = Sample {
            time,
            value: f64::NAN,
            is_guarded: &|_| false,
            patience: Patience { hold: 0, calm: 0 },
            least: 0.0,
        };
        let open = std::mem::take(&mut self.open).into_iter();
        let resolved = FindingState::Resolved;
        open.map(|open| self.finding(signal, &sample, None, resolved, open))
            .collect()
    }

    fn id(&self, signal: &Signal, rule: Rule) -> FindingId {
        FindingId::of(self.target.id(), &signal.name, &self.labels, rule)
    }

    /// The ids of what may be found of it.
    pub(super) fn ids(&self, signal: &Signal) -> [FindingId; 2] {
        RULES.map(|rule| self.id(signal, rule))
    }

    /// Goes on with a finding of this series that is open.
    pub(super) fn resume(&mut self, signal: &Signal, finding: &Finding) {
        self.state.resume(signal, finding);
        self.open.push(Open {
            rule: finding.rule,
            severity: finding.severity,
            since: finding.since,
        });
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        !self.open.is_empty()
    }
}
