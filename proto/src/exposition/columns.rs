//! The columns of a batch while a page is read.

use super::ScrapeFacts;
use super::issues::{IssueReason, Issues};
use super::rules::TimestampPolicy;
use crate::metrics::{Exemplar, Layout, MetricBatch, NativeHistogram, absent};
use crate::{Labels, UnixMillis};
use std::sync::Arc;

/// How far ahead of the scrape an explicit timestamp may be (Prometheus' `maxAheadTime`).
const MAX_AHEAD_MILLIS: i64 = 10 * 60 * 1000;

/// One sample, read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) value: f64,
    pub(super) timestamp: Option<UnixMillis>,
    pub(super) exemplars: Vec<RawExemplar>,
    pub(super) histogram: Option<Box<NativeHistogram>>,
    /// When the series was created, where the sample itself says so.
    pub(super) created: Option<UnixMillis>,
}

/// An exemplar that does not know its series yet.
#[derive(Debug, PartialEq)]
pub(super) struct RawExemplar {
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) time: Option<UnixMillis>,
}

/// Values and what goes beside them, by index of a series.
#[derive(Debug)]
pub(super) struct Columns {
    time: UnixMillis,
    policy: TimestampPolicy,
    pub(super) values: Vec<f64>,
    /// Explicit timestamps, in the order of the page.
    pub(super) stamped: Vec<(u32, UnixMillis)>,
    created: Vec<(u32, UnixMillis)>,
    histograms: Vec<NativeHistogram>,
    exemplars: Vec<Exemplar>,
    pub(super) issues: Issues,
}

impl Columns {
    /// Columns for `n_series` series, none of which has a sample yet.
    pub(super) fn new(n_series: usize, scrape: ScrapeFacts, policy: TimestampPolicy) -> Self {
        Self {
            time: scrape.time,
            policy,
            values: vec![absent(); n_series],
            stamped: Vec::new(),
            created: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            issues: Issues::default(),
        }
    }

    /// Columns that grow to about `n_series` series.
    pub(super) fn with_capacity(
        n_series: usize,
        scrape: ScrapeFacts,
        policy: TimestampPolicy,
    ) -> Self {
        Self {
            values: Vec::with_capacity(n_series),
            ..Self::new(0, scrape, policy)
        }
    }

    /// Sets the value of a series.
    #[inline]
    pub(super) fn put(&mut self, series_idx: u32, value: f64) {
        if let Some(slot) = self.values.get_mut(series_idx as usize) {
            *slot = value;
        }
    }

    /// Sets the value of a series and everything that goes with it.
    pub(super) fn put_reading(&mut self, series_idx: u32, reading: Reading) {
        if let (Some(time), TimestampPolicy::Honor) = (reading.timestamp, self.policy) {
            if time.0 > self.time.0.saturating_add(MAX_AHEAD_MILLIS) {
                let example = || format!("timestamp {time} in a scrape at {}", self.time);
                self.issues.add(IssueReason::TimestampOutOfRange, example);
                // No sample, but still a series that keeps its own time.
                self.stamped.push((series_idx, self.time));
                return;
            }
            self.stamped.push((series_idx, time));
        }
        self.put(series_idx, reading.value);
        if let Some(time) = reading.created {
            self.put_created(series_idx, time);
        }
        if let Some(histogram) = reading.histogram {
            self.histograms.push(NativeHistogram {
                series_idx,
                ..*histogram
            });
        }
        let exemplars = reading.exemplars.into_iter();
        self.exemplars.extend(exemplars.map(
            |RawExemplar {
                 labels,
                 value,
                 time,
             }| Exemplar {
                series_idx,
                labels,
                value,
                time,
            },
        ));
    }

    pub(super) fn put_created(&mut self, series_idx: u32, time: UnixMillis) {
        self.created.push((series_idx, time));
    }

    /// Moves everything to other indices: series `idx` becomes `targets[idx]` of `n_series`.
    pub(super) fn scatter(&mut self, targets: &[u32], n_series: usize) {
        let gathered = std::mem::replace(&mut self.values, vec![absent(); n_series]);
        for (value, target) in gathered.into_iter().zip(targets) {
            self.put(*target, value);
        }
        let moved = |idx: u32| targets.get(idx as usize).copied().unwrap_or(idx);
        self.stamped
            .iter_mut()
            .for_each(|(idx, _)| *idx = moved(*idx));
        self.created
            .iter_mut()
            .for_each(|(idx, _)| *idx = moved(*idx));
        self.histograms
            .iter_mut()
            .for_each(|each| each.series_idx = moved(each.series_idx));
        self.exemplars
            .iter_mut()
            .for_each(|each| each.series_idx = moved(each.series_idx));
    }

    /// The batch, over the layout that the indices mean.
    pub(super) fn into_batch(mut self, layout: Arc<Layout>) -> MetricBatch {
        self.created.sort_unstable_by_key(|(idx, _)| *idx);
        self.created.dedup_by_key(|(idx, _)| *idx);
        self.histograms.sort_by_key(|each| each.series_idx);
        self.exemplars.sort_by_key(|each| each.series_idx);
        MetricBatch {
            timestamps: dense_timestamps(&self.stamped, self.time, self.values.len()),
            layout,
            time: self.time,
            values: self.values,
            created: self.created,
            histograms: self.histograms,
            exemplars: self.exemplars,
        }
    }
}

fn dense_timestamps(
    stamped: &[(u32, UnixMillis)],
    time: UnixMillis,
    n_series: usize,
) -> Vec<UnixMillis> {
    if stamped.is_empty() {
        return Vec::new();
    }
    let mut timestamps = vec![time; n_series];
    for (idx, explicit) in stamped {
        if let Some(slot) = timestamps.get_mut(*idx as usize) {
            *slot = *explicit;
        }
    }
    timestamps
}
