//! Signals judged as they come: what is out of the ordinary or beyond a threshold, and since when.
//!
//! An [`Assessor`] takes the samples of signals in the order of time, keeps a judge and the alarms
//! of each series, and says what begins to fire and what is over. It does not know where samples
//! come from, nor who is told; why something is as it is it does not know either.

mod alarm;
mod incident;
mod series;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use proto::finding::FindingState;
use proto::metrics::{MetricBatch, SeriesId, is_absent, is_stale};
use proto::{Finding, Labels, LabelsBuilder, Target, UnixMillis};

use crate::catalogue::Signal;
use incident::Incidents;
use series::{Assessed, Sample};

/// Judges the signals of all targets.
#[derive(Debug, Default)]
pub struct Assessor {
    signals: Vec<Arc<Signal>>,
    /// Of `signals`, by the name of the metric that holds them.
    by_metric: HashMap<String, usize>,
    series: HashMap<SeriesId, Assessed>,
    incidents: Incidents,
}

/// What was expected of a sample, and how surprising it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The signal's name.
    pub signal: String,
    /// Labels of the series beyond those of its target.
    pub labels: Labels,
    /// What was expected. All in the signal's unit.
    pub expected: f64,
    /// Lower end of what is usual.
    pub lower: f64,
    /// Upper end of what is usual.
    pub upper: f64,
    /// See [`crate::judge::Verdict::score`].
    pub score: f64,
}

/// What the samples of one batch came to.
#[derive(Debug, Default)]
pub struct Assessment {
    /// What begins to fire or is over.
    pub findings: Vec<Finding>,
    /// One for each sample for which something was expected.
    pub bands: Vec<Band>,
}

impl Assessor {
    /// An assessor that has seen nothing.
    pub fn new(signals: impl IntoIterator<Item = Arc<Signal>>) -> Self {
        let signals: Vec<_> = signals.into_iter().collect();
        let by_metric = signals.iter().enumerate();
        Self {
            by_metric: by_metric.map(|(idx, s)| (s.metric_name(), idx)).collect(),
            signals,
            ..Self::default()
        }
    }

    /// Whether a batch holds signals: whether its first family is one.
    pub fn is_of_signals(&self, batch: &MetricBatch) -> bool {
        let first = batch.layout.families.first();
        first.is_some_and(|family| self.by_metric.contains_key(&family.name))
    }

    /// Takes what a series was before, in the order of time: nothing is found, but what is usual is
    /// learned, and what is out of the ordinary at the end is known to be. `labels` are all of the
    /// series.
    pub fn learn(
        &mut self,
        target: &Arc<Target>,
        labels: &Labels,
        samples: impl IntoIterator<Item = (UnixMillis, f64)>,
    ) {
        let Some(&signal_idx) = self.by_metric.get(labels.metric_name()) else {
            return;
        };
        let Some(signal) = self.signals.get(signal_idx) else {
            return;
        };
        let id = SeriesId(labels.hash64());
        let series = self.series.entry(id);
        let series =
            series.or_insert_with(|| Assessed::new(signal, target, extra_labels(target, labels)));
        for (time, value) in samples {
            let sample = Sample {
                time,
                value,
                is_guarded: &|_| true,
            };
            series.step(signal, &sample);
        }
        series.is_learned();
    }

    /// Goes on with what was found before a restart and is not over: it fires, and is not told again.
    pub fn resume(&mut self, open: &[Finding]) {
        for finding in open
            .iter()
            .filter(|finding| finding.state == FindingState::Firing)
        {
            let signal = self
                .signals
                .iter()
                .find(|signal| signal.name == finding.signal);
            let series = self.series.values_mut();
            let mut series = series.filter(|series| series.target.id() == finding.target.id());
            if signal.is_some_and(|signal| series.any(|one| one.resume(signal, finding))) {
                self.incidents.resume(finding);
            }
        }
    }

    /// Takes the signals of one target at one time.
    pub fn assess(&mut self, batch: &MetricBatch) -> Assessment {
        let mut assessment = Assessment::default();
        let values = self.values(batch);
        let is_guarded = |threshold: &crate::catalogue::Threshold| {
            threshold.only_while.as_ref().is_none_or(|guard| {
                let guards = values.iter().filter(|(name, _)| *name == guard.signal);
                guards
                    .into_iter()
                    .any(|(_, value)| guard.bound.holds(*value))
            })
        };
        for (series, time, value) in batch.samples() {
            let Some(&signal_idx) = self.by_metric.get(series.labels.metric_name()) else {
                continue;
            };
            let Some(signal) = self.signals.get(signal_idx) else {
                continue;
            };
            let target = &batch.layout.target;
            let assessed = self.series.entry(series.id).or_insert_with(|| {
                Assessed::new(signal, target, extra_labels(target, &series.labels))
            });
            let sample = Sample {
                time,
                value: if is_stale(value) { f64::NAN } else { value },
                is_guarded: &is_guarded,
            };
            let step = assessed.step(signal, &sample);
            for finding in step.findings {
                self.incidents.note(finding, &mut assessment.findings);
            }
            let known = step.verdict.filter(|verdict| verdict.expected.is_finite());
            assessment.bands.extend(known.map(|verdict| Band {
                signal: signal.name.clone(),
                labels: assessed.labels.clone(),
                expected: verdict.expected,
                lower: verdict.lower,
                upper: verdict.upper,
                score: verdict.score,
            }));
        }
        assessment
    }

    /// Signals and their values in a batch.
    fn values(&self, batch: &MetricBatch) -> Vec<(String, f64)> {
        let samples = batch.samples().filter(|(.., value)| !is_absent(*value));
        let named = samples.filter_map(|(series, _, value)| {
            let idx = self.by_metric.get(series.labels.metric_name())?;
            Some((self.signals.get(*idx)?.name.clone(), value))
        });
        named.collect()
    }

    /// Lets go of series that had no sample since `earliest` and are not in trouble.
    pub fn forget(&mut self, earliest: UnixMillis) {
        self.series
            .retain(|_, series| series.last_time >= earliest || series.is_in_trouble());
    }

    /// Number of series that are judged.
    pub fn n_series(&self) -> usize {
        self.series.len()
    }
}

/// Labels of a series beyond its name and those of its target.
fn extra_labels(target: &Target, labels: &Labels) -> Labels {
    let mut extra = LabelsBuilder::from(labels);
    extra.remove("__name__");
    for (name, _) in &target.labels {
        extra.remove(name);
    }
    extra.build()
}
