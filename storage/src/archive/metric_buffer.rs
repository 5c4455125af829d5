//! Scrapes that are not in a file yet.
//!
//! A scrape stays as it came, a shared column of values over a shared layout: eight bytes a
//! sample, nothing to convert on the way in. It is turned by the flush, series by series.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use proto::UnixMillis;
use proto::metrics::{Family, Layout, LayoutId, MetricBatch, Series, SeriesId};
use proto::metrics::{is_absent, is_stale};
use proto::target::TargetId;

use super::day::Day;

/// A target's first layout counts for so little: whoever decodes its pages holds it anyway, unless
/// the target is gone.
const FIRST_LAYOUT_DIVISOR: usize = 32;

/// Scrapes by the days on which they have samples.
#[derive(Debug, Default)]
pub(super) struct MetricBuffer {
    days: BTreeMap<Day, Vec<Arc<MetricBatch>>>,
    layouts: HashSet<LayoutId>,
    /// Targets with a layout among those.
    targets: HashSet<TargetId>,
    n_bytes: usize,
    n_outside: usize,
}

impl MetricBuffer {
    /// Adds a scrape. Samples whose time has no day are counted and left out.
    pub(super) fn push(&mut self, batch: &Arc<MetricBatch>) {
        self.n_bytes += batch_bytes(batch);
        if self.layouts.insert(batch.layout.id) {
            let is_first = self.targets.insert(batch.layout.target.id());
            let divisor = if is_first { FIRST_LAYOUT_DIVISOR } else { 1 };
            self.n_bytes += layout_bytes(&batch.layout) / divisor;
        }
        for day in self.days_of(batch) {
            self.days.entry(day).or_default().push(batch.clone());
        }
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Samples left out because their time has no day.
    pub(super) fn n_outside(&self) -> usize {
        self.n_outside
    }

    /// The days with their scrapes.
    pub(super) fn days(&self) -> impl Iterator<Item = (Day, MetricDay<'_>)> {
        self.days
            .iter()
            .map(|(day, batches)| (*day, MetricDay::new(*day, batches)))
    }

    fn days_of(&mut self, batch: &MetricBatch) -> Vec<Day> {
        if batch.timestamps.is_empty() {
            let day = Day::of(batch.time);
            self.n_outside += if day.is_none() { batch.values.len() } else { 0 };
            return day.into_iter().collect();
        }
        let mut days: Vec<Day> = Vec::new();
        for time in &batch.timestamps {
            match Day::of(*time) {
                Some(day) if !days.contains(&day) => days.push(day),
                Some(_) => {}
                None => self.n_outside += 1,
            }
        }
        days
    }
}

fn batch_bytes(batch: &MetricBatch) -> usize {
    let histograms: usize = batch
        .histograms
        .iter()
        .map(|h| 200 + 8 * (h.positive_counts.len() + h.negative_counts.len()))
        .sum();
    let exemplars: usize = batch
        .exemplars
        .iter()
        .map(|e| 64 + e.labels.as_packed().len())
        .sum();
    200 + 8 * (batch.values.len() + batch.timestamps.len()) + histograms + exemplars
}

fn layout_bytes(layout: &Layout) -> usize {
    let series: usize = layout
        .series
        .iter()
        .map(|s| 40 + s.labels.as_packed().len())
        .sum();
    let families: usize = layout
        .families
        .iter()
        .map(|f| 80 + f.name.len() + f.help.len() + f.unit.len())
        .sum();
    series + families
}

/// The scrapes of one day, grouped by layout.
#[derive(Debug)]
pub(super) struct MetricDay<'a> {
    day: Day,
    groups: Vec<(&'a Layout, Vec<&'a MetricBatch>)>,
}

/// A series with the float samples it has on a day.
pub(super) struct SeriesSamples<'a, 'b> {
    pub(super) series: &'a Series,
    /// In order of time, one at a time.
    pub(super) samples: &'b [(UnixMillis, f64)],
    /// Whether some have another time than their scrape.
    pub(super) has_own_times: bool,
}

impl<'a> MetricDay<'a> {
    fn new(day: Day, batches: &'a [Arc<MetricBatch>]) -> Self {
        let mut groups: Vec<(&'a Layout, Vec<&'a MetricBatch>)> = Vec::new();
        let mut by_layout: HashMap<LayoutId, usize> = HashMap::new();
        for batch in batches {
            let group_idx = *by_layout.entry(batch.layout.id).or_insert_with(|| {
                groups.push((&batch.layout, Vec::new()));
                groups.len() - 1
            });
            groups[group_idx].1.push(batch);
        }
        Self { day, groups }
    }

    /// Calls `each` for every series that has float samples on the day, in order of series id.
    pub(super) fn for_each_series<E>(
        &self,
        mut each: impl FnMut(SeriesSamples<'a, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let order = self.series_in_order();
        let mut samples = Vec::new();
        for run in order.chunk_by(|left, right| left.id == right.id) {
            samples.clear();
            let mut has_own_times = false;
            for place in run {
                has_own_times |= self.gather(place, &mut samples);
            }
            samples.sort_by_key(|(time, _)| *time);
            samples.dedup_by_key(|(time, _)| *time);
            if let (Some(first), false) = (run.first(), samples.is_empty()) {
                let series = &self.groups[first.group as usize].0.series[first.series as usize];
                each(SeriesSamples {
                    series,
                    samples: &samples,
                    has_own_times,
                })?;
            }
        }
        Ok(())
    }

    /// The scrapes.
    pub(super) fn batches(&self) -> impl Iterator<Item = &'a MetricBatch> + '_ {
        self.groups
            .iter()
            .flat_map(|(_, batches)| batches.iter().copied())
    }

    /// Every series of the day's layouts with its family and, where a target says so, the time
    /// it was created.
    pub(super) fn series(&self) -> impl Iterator<Item = (&'a Series, &'a Family)> + '_ {
        self.groups.iter().flat_map(|(layout, _)| {
            layout
                .series
                .iter()
                .filter_map(|s| Some((s, layout.family(s)?)))
        })
    }

    /// The first creation time that the day's scrapes tell for each series that has one.
    pub(super) fn created(&self) -> HashMap<SeriesId, UnixMillis> {
        let mut created = HashMap::new();
        for batch in self.batches() {
            for (series_idx, time) in &batch.created {
                if let Some(series) = batch.layout.series.get(*series_idx as usize) {
                    created.entry(series.id).or_insert(*time);
                }
            }
        }
        created
    }

    /// Whether `time` is on this day.
    pub(super) fn contains(&self, time: UnixMillis) -> bool {
        self.day.contains(time)
    }

    fn series_in_order(&self) -> Vec<Place> {
        let mut order = Vec::new();
        for (group, (layout, _)) in (0u32..).zip(&self.groups) {
            let places = (0u32..).zip(&layout.series);
            order.extend(places.map(|(idx, s)| Place {
                id: s.id,
                group,
                series: idx,
            }));
        }
        order.sort_unstable();
        order
    }

    /// Adds the samples of a series; tells whether some have times of their own.
    fn gather(&self, place: &Place, samples: &mut Vec<(UnixMillis, f64)>) -> bool {
        let mut has_own_times = false;
        let idx = place.series as usize;
        for batch in &self.groups[place.group as usize].1 {
            let Some(&value) = batch.values.get(idx) else {
                continue;
            };
            let time = batch.time_of(idx);
            let is_sample = !is_absent(value) && !is_stale(value) && self.day.contains(time);
            if is_sample && !is_native_histogram(batch, place.series) {
                samples.push((time, value));
                has_own_times |= time != batch.time;
            }
        }
        has_own_times
    }
}

/// Where a series is: in which layout, and where in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    id: SeriesId,
    group: u32,
    series: u32,
}

/// Such a series has its count in `values`; its rows are in `metric_histograms`.
fn is_native_histogram(batch: &MetricBatch, series_idx: u32) -> bool {
    let histograms = &batch.histograms;
    !histograms.is_empty()
        && histograms
            .binary_search_by_key(&series_idx, |h| h.series_idx)
            .is_ok()
}
