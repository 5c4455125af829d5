//! What is known of one series: what is usual, and how its conditions stand. It does not know whose
//! series it is.

use proto::UnixMillis;
use proto::finding::{Finding, Rule, Severity};

use super::alarm::{Alarm, Patience};
use super::is_of_functions;
use crate::catalogue::{self, Direction, Signal, Threshold};
use crate::judge::{Judge, Options, Verdict};

/// After how long what is out of the ordinary counts as usual. Milliseconds.
const ACCEPTED_AFTER: i64 = 86_400_000;
/// For how long a series has to be known until its band is believed: what is less than a day says
/// nothing about the hours to come. Milliseconds.
const LEAST_KNOWN: i64 = 86_400_000;

/// By what a band may widen in an hour. What rises within minutes would widen it as fast as it rises.
const WIDENS_BY: f64 = 4.0;
/// In milliseconds.
const HOUR: f64 = 3_600_000.0;

/// What is known of one series of a signal.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) last_time: UnixMillis,
    first_time: UnixMillis,
    judge: Judge,
    /// One for each of the signal's thresholds.
    thresholds: Vec<Alarm>,
    band: Alarm,
    /// Half the width of the band while its alarm was last quiet: what is out of the ordinary widens
    /// the judge's band at once, and must not make itself usual. Infinite while there is none.
    usual_width: f64,
}

/// One sample and what else is known at its time.
pub(super) struct Sample<'a> {
    pub(super) time: UnixMillis,
    /// NaN when the series ends.
    pub(super) value: f64,
    /// Whether a threshold counts now.
    pub(super) is_guarded: &'a dyn Fn(&Threshold) -> bool,
    /// For values out of their band: thresholds have a hold of their own.
    pub(super) patience: Patience,
    /// The smallest change from what is expected that can be told now, beyond what the signal says.
    pub(super) least: f64,
}

impl State {
    pub(super) fn new(signal: &Signal) -> Self {
        Self {
            last_time: UnixMillis(i64::MIN),
            first_time: UnixMillis(i64::MAX),
            judge: Judge::new(Options::default()),
            thresholds: vec![Alarm::Quiet; signal.thresholds.len()],
            band: Alarm::Quiet,
            usual_width: f64::INFINITY,
        }
    }

    /// Takes a sample and says what was expected, once the series is known for long enough. One that
    /// is not later than the last is not judged again.
    pub(super) fn step(&mut self, signal: &Signal, sample: &Sample<'_>) -> Option<Verdict> {
        let is_new = sample.time > self.last_time;
        let verdict = (is_new && sample.value.is_finite()).then(|| {
            self.first_time = self.first_time.min(sample.time);
            let verdict = self.judge.observe(sample.time.0, sample.value);
            let passed = sample
                .time
                .0
                .saturating_sub(self.last_time.0.max(self.first_time.0));
            self.as_usual(signal, sample.time, passed, verdict)
        });
        self.last_time = sample.time;
        self.step_thresholds(signal, sample);
        let known = sample.time.0.saturating_sub(self.first_time.0);
        let verdict = verdict.filter(|_| known >= LEAST_KNOWN);
        self.step_band(signal, sample, verdict);
        verdict
    }

    /// A verdict with the band as it was before anything was out of it, for a day at the most: then
    /// the new is usual.
    fn as_usual(
        &mut self,
        signal: &Signal,
        time: UnixMillis,
        passed: i64,
        verdict: Verdict,
    ) -> Verdict {
        match self.band {
            Alarm::Quiet => {
                let hours = (passed as f64 / HOUR).max(0.0);
                // A change below the least one is not told anyway.
                let width = self.usual_width.max(signal.least_change);
                let widest = match is_of_functions(signal) {
                    true => f64::INFINITY, // their shares scatter with the load
                    false => width * WIDENS_BY.powf(hours),
                };
                // What is not a number yet limits nothing.
                self.usual_width = (verdict.upper - verdict.expected).min(widest);
            }
            Alarm::Pending { since } | Alarm::Firing { since, .. } => {
                if time.0.saturating_sub(since.0) > ACCEPTED_AFTER {
                    self.usual_width = f64::INFINITY;
                    return verdict;
                }
            }
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
            let patience = Patience {
                hold,
                ..sample.patience
            };
            alarm.step(sample.time, is_bad, patience);
        }
    }

    fn step_band(&mut self, signal: &Signal, sample: &Sample<'_>, verdict: Option<Verdict>) {
        let is_bad = verdict.is_some_and(|verdict| {
            let change = (sample.value - verdict.expected).abs();
            is_out(signal, sample.value, &verdict) && change >= sample.least
        });
        self.band.step(sample.time, is_bad, sample.patience);
    }

    /// What would be expected of a sample, and whether it would be out of that. Nothing is taken.
    pub(super) fn peek(
        &self,
        signal: &Signal,
        time: UnixMillis,
        value: f64,
    ) -> Option<(Verdict, bool)> {
        let sample = Sample {
            time,
            value,
            is_guarded: &|_| false,
            patience: Patience { hold: 0, calm: 0 },
            least: 0.0,
        };
        let verdict = self.clone().step(signal, &sample)?;
        Some((verdict, is_out(signal, value, &verdict)))
    }

    /// It was 0 at these times. Milliseconds.
    pub(super) fn was_nothing(&mut self, signal: &Signal, times: impl Iterator<Item = i64>) {
        for time in times {
            let sample = Sample {
                time: UnixMillis(time),
                value: 0.0,
                is_guarded: &|_| true,
                patience: Patience { hold: 0, calm: 0 },
                least: 0.0,
            };
            self.step(signal, &sample);
        }
        self.is_learned();
    }

    /// For how long it has been known, until its last sample. Milliseconds.
    pub(super) fn known(&self) -> i64 {
        self.last_time.0.saturating_sub(self.first_time.0).max(0)
    }

    /// How bad it is by a rule, if it fires.
    pub(super) fn firing(&self, signal: &Signal, rule: Rule) -> Option<Severity> {
        if rule == Rule::Band {
            return self.band.is_firing().then_some(Severity::Warning);
        }
        let alarms = self.thresholds.iter().zip(&signal.thresholds);
        let firing = alarms.filter(|(alarm, _)| alarm.is_firing());
        firing.map(|(_, threshold)| severity(threshold)).max()
    }

    /// Since when the alarm of a rule that fires has been there.
    pub(super) fn since(&self, rule: Rule) -> Option<UnixMillis> {
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

    /// What was learned from the past is not news: what fires at its end counts as pending, and
    /// fires with the next sample.
    pub(super) fn is_learned(&mut self) {
        for alarm in self.thresholds.iter_mut().chain([&mut self.band]) {
            if let Alarm::Firing { since, .. } = *alarm {
                *alarm = Alarm::Pending { since };
            }
        }
    }

    /// Goes on with what was found before a restart: it fires.
    pub(super) fn resume(&mut self, signal: &Signal, finding: &Finding) {
        let firing = Alarm::Firing {
            since: finding.since,
            quiet: None,
        };
        match finding.rule {
            Rule::Band => self.band = firing,
            _ => {
                let alarms = self.thresholds.iter_mut().zip(&signal.thresholds);
                let told = alarms.filter(|(_, t)| severity(t) <= finding.severity);
                told.for_each(|(alarm, _)| *alarm = firing);
            }
        }
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
