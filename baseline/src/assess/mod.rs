//! Signals judged as they come: what is out of the ordinary or beyond a threshold, and since when.
//!
//! An [`Assessor`] takes the samples of signals in the order of time, keeps a judge and the alarms
//! of each series, and says what begins to fire and what is over. It does not know where samples
//! come from, nor who is told; why something is as it is it does not know either.

mod alarm;
mod functions;
mod incident;
mod series;
mod shares;
mod state;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use proto::finding::{FindingId, FindingState};
use proto::metrics::{Family, MetricBatch, MetricKind, Series, SeriesId, is_absent};
use proto::target::TargetId;
use proto::{Finding, Labels, Target, UnixMillis};

use crate::catalogue::{Direction, FromProfile, Signal};
use crate::derived::{Derived, Element};
use crate::judge::Verdict;
use alarm::Patience;
use incident::Incidents;
pub(crate) use incident::incident_number;
use series::Assessed;
use shares::Shares;
use state::{Sample, State};
pub(crate) use words::ucum;

/// Judges the signals of all targets.
#[derive(Clone, Debug, Default)]
pub struct Assessor {
    signals: Vec<Arc<Signal>>,
    /// Of `signals`, by the name of the metric that holds them.
    by_metric: HashMap<String, usize>,
    series: HashMap<SeriesId, Assessed>,
    /// What is known of series from before the start that were not met since.
    learned: HashMap<SeriesId, State>,
    /// What was open before the start, of series that were not met since.
    resumed: HashMap<FindingId, Finding>,
    incidents: Incidents,
    /// The metrics that hold limits of signals.
    limit_metrics: HashSet<String>,
    /// By target, metric, and the labels beyond those of the target.
    limits: HashMap<(TargetId, String, Labels), f64>,
    /// By target, and by the part of its signals: see [`proto::metrics::Layout::part`].
    bands: HashMap<(TargetId, String), Derived>,
    shares: Shares,
    options: Options,
}

/// A series that is judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which series of the archive it is.
    pub id: SeriesId,
    /// Whose it is.
    pub target: Arc<Target>,
    /// Its labels beyond those of the target.
    pub labels: Labels,
    /// Of what signal.
    pub signal: Arc<Signal>,
    /// What it must not reach.
    pub limit: Option<f64>,
}

/// How patient an assessor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a value has to be out of its band until that is told.
    pub hold: Duration,
    /// How long a trouble has to be gone until it is over.
    pub calm: Duration,
}

/// A series that was known for longer is kept a while when its target goes. Milliseconds.
const LEAST_WORTH: i64 = 900_000;
/// What is usual of a series is kept so long while it is silent. Milliseconds.
const LONGEST_SILENCE: i64 = 86_400_000;

impl Default for Options {
    /// Ten minutes and five.
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(600),
            calm: Duration::from_secs(300),
        }
    }
}

impl Options {
    fn patience(self) -> Patience {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Patience {
            hold: millis(self.hold),
            calm: millis(self.calm),
        }
    }
}

/// The metrics of bands, with the label `signal` beside those of the series, and what they say.
pub const FAMILIES: [(&str, &str); 4] = [
    (
        "leadsman_baseline_expected",
        "What was expected of a signal, in its unit.",
    ),
    (
        "leadsman_baseline_lower",
        "Lower end of what is usual for a signal, in its unit.",
    ),
    (
        "leadsman_baseline_upper",
        "Upper end of what is usual for a signal, in its unit.",
    ),
    (
        "leadsman_baseline_score",
        "How surprising a signal is: 0 to 1, 0.5 and more where something begins.",
    ),
];

/// What the samples of one batch came to.
#[derive(Debug, Default)]
pub struct Assessment {
    /// What begins to fire or is over.
    pub findings: Vec<Finding>,
    /// What was expected of each sample, its band and its score, as samples: see [`FAMILIES`].
    pub bands: Option<MetricBatch>,
}

impl Assessor {
    /// An assessor that has seen nothing.
    pub fn new(signals: impl IntoIterator<Item = Arc<Signal>>, options: Options) -> Self {
        let signals: Vec<_> = signals.into_iter().collect();
        let by_metric = signals.iter().enumerate();
        Self {
            by_metric: by_metric.map(|(idx, s)| (s.metric_name(), idx)).collect(),
            limit_metrics: signals
                .iter()
                .filter_map(|s| s.limit_metric_name())
                .collect(),
            signals,
            options,
            ..Self::default()
        }
    }

    /// The signal of a name.
    pub fn signal(&self, name: &str) -> Option<&Signal> {
        let mut signals = self.signals.iter();
        signals.find(|signal| signal.name == name).map(Arc::as_ref)
    }

    /// The metrics of signals that are kept and not judged: there is nothing to learn of them.
    pub fn kept_only(&self) -> Vec<String> {
        let kept_only = self.signals.iter().filter(|s| s.bad == Direction::None);
        let names = kept_only.map(|signal| signal.metric_name());
        names.collect()
    }

    /// Takes what a series was before, in the order of time: nothing is found, but what is usual is
    /// learned, and what is out of the ordinary at the end is known to be. `labels` are all of the
    /// series. It waits there until the series is met.
    pub fn learn(&mut self, labels: &Labels, samples: impl IntoIterator<Item = (UnixMillis, f64)>) {
        let signal = self.by_metric.get(labels.metric_name());
        let Some(signal) = signal.and_then(|&idx| self.signals.get(idx)) else {
            return;
        };
        if signal.bad == Direction::None {
            return;
        }
        let is_of_functions = is_of_functions(signal);
        let learned = self.learned.entry(SeriesId(labels.hash64()));
        let state = learned.or_insert_with(|| State::new(signal));
        for (time, value) in samples {
            let sample = Sample {
                time,
                value,
                is_guarded: &|_| true,
                patience: self.options.patience(),
                least: 0.0,
            };
            state.step(signal, &sample);
            if is_of_functions {
                self.shares.note(labels, time);
            }
        }
        state.is_learned();
    }

    /// Goes on with what was found before a restart and is not over: when its series is met, it
    /// fires, and is not told again.
    pub fn resume(&mut self, open: impl IntoIterator<Item = Finding>) {
        let firing = open.into_iter().filter(|f| f.state == FindingState::Firing);
        self.resumed
            .extend(firing.map(|finding| (finding.id, finding)));
    }

    /// Takes the signals of one target at one time.
    pub fn assess(&mut self, batch: &MetricBatch) -> Assessment {
        let mut findings = Vec::new();
        let mut verdicts = Vec::new();
        let values = self.values(batch);
        let limits = self.limits(batch);
        let is_guarded = |threshold: &crate::catalogue::Threshold| {
            threshold.only_while.as_ref().is_none_or(|guard| {
                let mut guards = values.iter().filter(|(one, _)| one.name == guard.signal);
                guards.any(|(_, value)| guard.bound.holds(*value))
            })
        };
        for (idx, (series, &value)) in batch.layout.series.iter().zip(&batch.values).enumerate() {
            // A trouble whose series has ended is over after a while, as any.
            let is_in_trouble = || {
                self.series
                    .get(&series.id)
                    .is_some_and(Assessed::is_in_trouble)
            };
            if is_absent(value) && !is_in_trouble() {
                continue;
            }
            let Some(&signal_idx) = self.by_metric.get(series.labels.metric_name()) else {
                continue;
            };
            let Some(signal) = self.signals.get(signal_idx).map(Arc::clone) else {
                continue;
            };
            if signal.bad == Direction::None {
                continue;
            }
            if !self.series.contains_key(&series.id) {
                self.meet(signal_idx, &batch.layout.target, series);
            }
            let Some(assessed) = self.series.get_mut(&series.id) else {
                continue;
            };
            let limit = limits.get(&idx).copied().unwrap_or_default();
            let sample = Sample {
                time: batch.time_of(idx),
                value: if value.is_finite() { value } else { f64::NAN },
                is_guarded: &is_guarded,
                patience: limit.patience(self.options.patience()),
                least: limit.least,
            };
            let step = assessed.step(&signal, &sample);
            for finding in step.findings {
                self.incidents.note(finding, &mut findings);
            }
            // Functions are so many that four series more for each would be most of an archive.
            if !is_of_functions(&signal) {
                verdicts.extend(step.verdict.map(|verdict| (signal_idx, series, verdict)));
            }
        }
        self.note_limits(batch);
        let bands = self.bands(batch, &verdicts);
        if batch.is_end() {
            self.forget_young(batch);
        }
        Assessment { findings, bands }
    }

    /// A series is seen for the first time since the start.
    fn meet(&mut self, signal_idx: usize, target: &Arc<Target>, series: &Series) {
        let Some(signal) = self.signals.get(signal_idx) else {
            return;
        };
        let state = self.learned.remove(&series.id);
        let state = state.unwrap_or_else(|| State::new(signal));
        let labels = Labels::from_pairs(own_labels(target, &series.labels));
        let mut assessed = Assessed::new(target, labels, signal_idx, state);
        for id in assessed.ids(signal) {
            if let Some(finding) = self.resumed.remove(&id) {
                assessed.resume(signal, &finding);
                self.incidents.resume(&finding);
            }
        }
        self.series.insert(series.id, assessed);
    }

    fn note_limits(&mut self, batch: &MetricBatch) {
        let target = &batch.layout.target;
        for (series, _, value) in batch.samples() {
            let name = series.labels.metric_name();
            if value.is_finite() && self.limit_metrics.contains(name) {
                let labels = Labels::from_pairs(own_labels(target, &series.labels));
                self.limits
                    .insert((target.id(), name.to_owned(), labels), value);
            }
        }
    }

    /// The limit of a series: that with its labels, or the one for all of the target's.
    fn limit_of(&self, signal: &Signal, target: &Target, labels: &Labels) -> Option<f64> {
        let name = signal.limit_metric_name()?;
        let of = |labels: &Labels| {
            self.limits
                .get(&(target.id(), name.clone(), labels.clone()))
        };
        of(labels).or_else(|| of(&Labels::default())).copied()
    }

    /// All series that have been judged for so long (milliseconds) but those of functions, whose chains
    /// only the stacks tell apart.
    pub fn judged(&self, known_for: i64) -> impl Iterator<Item = Judged> {
        let known = self.series.iter();
        let known = known.filter(move |(_, series)| series.state.known() >= known_for);
        known.filter_map(|(id, series)| {
            let signal = self.signals.get(series.signal_idx)?;
            (!is_of_functions(signal)).then(|| Judged {
                id: *id,
                limit: self.limit_of(signal, &series.target, &series.labels),
                target: Arc::clone(&series.target),
                labels: series.labels.clone(),
                signal: Arc::clone(signal),
            })
        })
    }

    /// Verdicts as samples.
    fn bands(
        &mut self,
        batch: &MetricBatch,
        verdicts: &[(usize, &Series, Verdict)],
    ) -> Option<MetricBatch> {
        let target = &batch.layout.target;
        let part = batch.layout.part().to_owned();
        let derived = self.bands.entry((target.id(), part));
        let derived = derived.or_insert_with(|| Derived::new(Arc::clone(target), families()));
        let parts = [
            |verdict: &Verdict| verdict.expected,
            |verdict: &Verdict| verdict.lower,
            |verdict: &Verdict| verdict.upper,
            |verdict: &Verdict| verdict.score,
        ];
        let signals = &self.signals;
        let elements = parts.map(|part| {
            let elements = verdicts.iter().filter_map(|(signal_idx, series, verdict)| {
                let mut labels = own_labels(target, &series.labels);
                labels.push(("signal", signals.get(*signal_idx)?.name.as_str()));
                let value = part(verdict);
                Some(Element { labels, value })
            });
            elements.collect()
        });
        derived.batch(batch.time, elements).0
    }

    /// Signals and their values in a batch.
    fn values(&self, batch: &MetricBatch) -> Vec<(Arc<Signal>, f64)> {
        let named = batch.samples().filter_map(|(series, _, value)| {
            let idx = self.by_metric.get(series.labels.metric_name())?;
            Some((Arc::clone(self.signals.get(*idx)?), value))
        });
        named.collect()
    }

    /// Ends what had no sample since `earliest`: troubles of series that are silent are over, as far
    /// as can be told. A series is forgotten when it has been silent for longer than it was known,
    /// or for a day.
    pub fn end_silent(&mut self, earliest: UnixMillis, now: UnixMillis) -> Vec<Finding> {
        let mut findings = Vec::new();
        let silent = |series: &Assessed| series.state.last_time < earliest;
        for series in self
            .series
            .values_mut()
            .filter(|s| silent(s) && s.is_in_trouble())
        {
            let Some(signal) = self.signals.get(series.signal_idx) else {
                continue;
            };
            for finding in series.end(signal, now) {
                self.incidents.note(finding, &mut findings);
            }
        }
        let is_worth = |state: &State| {
            let silent_for = now.0.saturating_sub(state.last_time.0);
            state.last_time >= earliest || silent_for < state.known().min(LONGEST_SILENCE)
        };
        self.series.retain(|_, series| is_worth(&series.state));
        self.learned.retain(|_, state| is_worth(state));
        let ended = self
            .resumed
            .extract_if(|_, finding| finding.time < earliest);
        findings.extend(ended.map(|(_, finding)| Finding {
            state: FindingState::Resolved,
            time: now,
            now: f64::NAN,
            ..finding
        }));
        let alive: HashSet<_> = self
            .series
            .values()
            .map(|series| series.target.id())
            .collect();
        self.limits.retain(|(target, ..), _| alive.contains(target));
        self.bands.retain(|(target, _), _| alive.contains(target));
        let forgotten = UnixMillis(now.0.saturating_sub(LONGEST_SILENCE));
        let is_alive = |target| alive.contains(&target);
        let is_known = |id| self.series.contains_key(&id);
        self.shares.retain(is_alive, is_known, forgotten);
        findings
    }

    /// The signals of a target have ended: what was not known for long is not worth keeping.
    fn forget_young(&mut self, batch: &MetricBatch) {
        for series in &batch.layout.series {
            let is_young =
                |known: &Assessed| !known.is_in_trouble() && known.state.known() < LEAST_WORTH;
            if self.series.get(&series.id).is_some_and(is_young) {
                self.series.remove(&series.id);
            }
        }
        let target = batch.layout.target.id();
        if self
            .series
            .values()
            .all(|series| series.target.id() != target)
        {
            self.bands.retain(|(of, _), _| *of != target);
        }
    }

    /// Whether series of a target are judged.
    pub fn knows(&self, target: TargetId) -> bool {
        self.series
            .values()
            .any(|series| series.target.id() == target)
    }

    /// Number of series that are judged.
    pub fn n_series(&self) -> usize {
        self.series.len()
    }
}

fn is_of_functions(signal: &Signal) -> bool {
    let from = signal.from_profile();
    from.is_some_and(FromProfile::is_of_functions)
}

fn families() -> Arc<[Family]> {
    let family = |(name, help): (&str, &str)| Family {
        name: name.to_owned(),
        kind: MetricKind::Gauge,
        help: help.to_owned(),
        unit: String::new(),
    };
    FAMILIES.map(family).into()
}

/// Labels of a series beyond its name and those of its target.
fn own_labels<'a>(target: &Target, labels: &'a Labels) -> Vec<(&'a str, &'a str)> {
    let is_own =
        |(name, _): &(&str, &str)| *name != "__name__" && target.labels.get(name).is_none();
    labels.iter().filter(is_own).collect()
}
