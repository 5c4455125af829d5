//! Samples of matching series that are in the log and in no file yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proto::Record;
use proto::metrics::{Layout, LayoutId, MetricBatch, is_absent, is_stale};

use super::{Sample, Series, SeriesQuery};
use crate::archive::day::Day;
use crate::archive::recall::RecallError;
use crate::archive::recall::snapshot::Tail;
use crate::log::Entry;

/// What the log's tail says of the series of a query.
pub(super) struct MetricTail<'a> {
    query: &'a SeriesQuery,
    /// Of each layout, the places of the series that match.
    layouts: HashMap<LayoutId, Arc<[u32]>>,
    series: HashMap<u64, Arc<Series>>,
    samples: BTreeMap<(Day, u64), Vec<Sample>>,
    days: BTreeSet<Day>,
    n_points: usize,
}

impl<'a> MetricTail<'a> {
    pub(super) fn new(query: &'a SeriesQuery) -> Self {
        Self {
            query,
            layouts: HashMap::new(),
            series: HashMap::new(),
            samples: BTreeMap::new(),
            days: BTreeSet::new(),
            n_points: 0,
        }
    }

    /// The series it has samples of, by id.
    pub(super) fn series(&self) -> impl Iterator<Item = (u64, Arc<Series>)> {
        self.series
            .iter()
            .map(|(id, series)| (*id, Arc::clone(series)))
    }

    /// Days on which it has samples.
    pub(super) fn days(&self) -> impl Iterator<Item = Day> {
        self.days.iter().copied()
    }

    /// Whether it has samples on a day.
    pub(super) fn has_samples(&self, day: Day) -> bool {
        self.days.contains(&day)
    }

    /// Samples of a day by series, which are in no order of time.
    pub(super) fn of_day(&self, day: Day) -> impl Iterator<Item = (u64, &[Sample])> {
        let samples = self.samples.range((day, 0)..=(day, u64::MAX));
        samples.map(|((_, id), samples)| (*id, samples.as_slice()))
    }

    /// Samples of a series on a day.
    pub(super) fn of_series(&self, day: Day, id: u64) -> &[Sample] {
        self.samples.get(&(day, id)).map_or(&[], Vec::as_slice)
    }

    fn matching(&mut self, layout: &Layout) -> Arc<[u32]> {
        if let Some(known) = self.layouts.get(&layout.id) {
            return Arc::clone(known);
        }
        let mut places = Vec::new();
        for (place, series) in (0u32..).zip(&layout.series) {
            if !self.query.selector.matches(&series.labels) {
                continue;
            }
            places.push(place);
            self.series.entry(series.id.0).or_insert_with(|| {
                let family = layout.family(series);
                Arc::new(Series {
                    labels: series.labels.clone(),
                    kind: family.map_or("", |family| family.kind.name()).into(),
                    unit: family.map_or("", |family| &family.unit).into(),
                    help: family.map_or("", |family| &family.help).into(),
                    samples: Vec::new(),
                    windows: Vec::new(),
                })
            });
        }
        let places: Arc<[u32]> = places.into();
        self.layouts.insert(layout.id, Arc::clone(&places));
        places
    }

    fn add_batch(&mut self, batch: &MetricBatch) -> Result<(), RecallError> {
        for place in self.matching(&batch.layout).iter() {
            let idx = *place as usize;
            let value = batch.values.get(idx).copied();
            let value = value.filter(|value| !is_absent(*value) && !is_stale(*value));
            // Native histograms are rows of a table of their own.
            let is_native = batch
                .histograms
                .binary_search_by_key(place, |histogram| histogram.series_idx)
                .is_ok();
            let (time, series) = (batch.time_of(idx), batch.layout.series.get(idx));
            if let (Some(value), Some(series), Some(day), false) =
                (value, series, Day::of(time), is_native)
            {
                self.days.insert(day);
                let samples = self.samples.entry((day, series.id.0)).or_default();
                samples.push(Sample { time, value });
                self.n_points += 1;
            }
        }
        let limit = self.query.limits.n_points;
        if self.n_points > limit {
            return Err(RecallError::TooManyPoints { limit });
        }
        Ok(())
    }
}

impl Tail for MetricTail<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), RecallError> {
        match &entry.record {
            Record::Metrics(batch) => self.add_batch(batch),
            Record::Profile(_) | Record::Traces(_) | Record::Event(_) | Record::Finding(_) => {
                Ok(())
            }
        }
    }
}
