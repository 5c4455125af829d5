//! The scrapes of one day that are not in a file yet, layout by layout.
//!
//! They come as columns of values and go out series by series, in the order of ids, which are hashes:
//! one that has nothing to do with where values are. So what can be is turned before a flush, a
//! layout at a time: then the samples of a series are side by side, and a flush waits for memory
//! once a series and not once a sample.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use proto::UnixMillis;
use proto::metrics::{Family, Layout, LayoutId, MetricBatch, Series, SeriesId};
use proto::metrics::{is_absent, is_stale};

use super::day::Day;

/// Scrapes that are turned at once. Each is a stream that is read beside the others.
const SCRAPES_A_BLOCK: usize = 64;

/// Series whose samples are fetched from memory together. Each by itself would be waited for.
const SERIES_AT_ONCE: usize = 64;

/// The scrapes of one day, grouped by layout.
#[derive(Debug)]
pub(super) struct MetricDay {
    day: Day,
    groups: Vec<Group>,
    by_layout: HashMap<LayoutId, usize>,
}

/// The scrapes with one layout.
#[derive(Debug)]
struct Group {
    layout: Arc<Layout>,
    blocks: Vec<Block>,
    /// Those that were not turned.
    scrapes: Vec<Arc<MetricBatch>>,
}

/// Scrapes that were turned.
#[derive(Debug)]
struct Block {
    times: Vec<UnixMillis>,
    /// Series by series, one for each time.
    values: Vec<f64>,
}

/// A series with the float samples it has on a day.
pub(super) struct SeriesSamples<'a, 'b> {
    pub(super) id: SeriesId,
    /// In order of time, one at a time.
    pub(super) samples: &'b [(UnixMillis, f64)],
    /// Whether some have another time than their scrape.
    pub(super) has_own_times: bool,
    layout: &'a Layout,
    series_idx: u32,
}

/// Where a series is: in which layout, and where in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    id: SeriesId,
    group: u32,
    series: u32,
}

impl MetricDay {
    /// A day without scrapes.
    pub(super) fn new(day: Day) -> Self {
        Self {
            day,
            groups: Vec::new(),
            by_layout: HashMap::new(),
        }
    }

    /// Adds a scrape that has samples on the day.
    pub(super) fn push(&mut self, batch: Arc<MetricBatch>) {
        let groups = &mut self.groups;
        let group_idx = *self.by_layout.entry(batch.layout.id).or_insert_with(|| {
            groups.push(Group {
                layout: Arc::clone(&batch.layout),
                blocks: Vec::new(),
                scrapes: Vec::new(),
            });
            groups.len() - 1
        });
        self.groups[group_idx].scrapes.push(batch);
    }

    /// Turns what can be, for a flush. It takes as much memory as what it was made of, which goes
    /// unless others hold it.
    pub(super) fn turn(&mut self) {
        for group in &mut self.groups {
            group.turn();
        }
    }

    /// Calls `each` for every series that has float samples on the day, in order of series id.
    pub(super) fn for_each_series<'a, E>(
        &'a self,
        mut each: impl FnMut(SeriesSamples<'a, '_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let order = self.series_in_order();
        let (mut samples, mut n_done, mut n_touched) = (Vec::new(), 0, 0);
        for run in order.chunk_by(|left, right| left.id == right.id) {
            if n_done >= n_touched {
                n_touched = order.len().min(n_done + SERIES_AT_ONCE);
                self.touch(&order[n_done..n_touched]);
            }
            n_done += run.len();
            samples.clear();
            let mut has_own_times = false;
            for place in run {
                has_own_times |= self.gather(place, &mut samples);
            }
            samples.sort_by_key(|(time, _)| *time);
            samples.dedup_by_key(|(time, _)| *time);
            if let (Some(first), false) = (run.first(), samples.is_empty()) {
                each(SeriesSamples {
                    id: first.id,
                    samples: &samples,
                    has_own_times,
                    layout: &self.groups[first.group as usize].layout,
                    series_idx: first.series,
                })?;
            }
        }
        Ok(())
    }

    /// The scrapes that have more than plain samples.
    pub(super) fn batches(&self) -> impl Iterator<Item = &MetricBatch> {
        let scrapes = self.groups.iter().flat_map(|group| &group.scrapes);
        scrapes.map(Arc::as_ref)
    }

    /// Every series of the day's layouts with its family.
    pub(super) fn series(&self) -> impl Iterator<Item = (&Series, &Family)> {
        self.groups.iter().flat_map(|group| {
            let series = group.layout.series.iter();
            series.filter_map(|series| Some((series, group.layout.family(series)?)))
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
        let n_series = self.groups.iter().map(|group| group.layout.series.len());
        let mut order = Vec::with_capacity(n_series.sum());
        for (group_idx, group) in (0u32..).zip(&self.groups) {
            let places = (0u32..).zip(&group.layout.series);
            order.extend(places.map(|(idx, s)| Place {
                id: s.id,
                group: group_idx,
                series: idx,
            }));
        }
        order.sort_unstable();
        order
    }

    /// Brings samples of some series into the cache. Little is done with each, so that the processor
    /// asks for many at once.
    fn touch(&self, places: &[Place]) {
        let mut all = 0;
        for place in places {
            for block in &self.groups[place.group as usize].blocks {
                let first = block.values.get(place.series as usize * block.times.len());
                all ^= first.map_or(0, |value| value.to_bits());
            }
        }
        black_box(all);
    }

    /// Adds the samples of a series; tells whether some have times of their own.
    fn gather(&self, place: &Place, samples: &mut Vec<(UnixMillis, f64)>) -> bool {
        let group = &self.groups[place.group as usize];
        for block in &group.blocks {
            let of_series = block
                .of(place.series)
                .filter(|(_, value)| is_sample(*value));
            samples.extend(of_series);
        }
        let mut has_own_times = false;
        for batch in &group.scrapes {
            let value = batch.values.get(place.series as usize);
            let Some(value) = value.copied().filter(|value| is_sample(*value)) else {
                continue;
            };
            let time = batch.time_of(place.series as usize);
            if self.contains(time) && !is_native_histogram(batch, place.series) {
                samples.push((time, value));
                has_own_times |= time != batch.time;
            }
        }
        has_own_times
    }
}

impl Group {
    fn turn(&mut self) {
        let n_series = self.layout.series.len();
        let is_plain = |batch: &mut Arc<MetricBatch>| is_plain(batch, n_series);
        let plain: Vec<_> = self.scrapes.extract_if(.., is_plain).collect();
        let blocks = plain.chunks(SCRAPES_A_BLOCK);
        self.blocks
            .extend(blocks.map(|batches| Block::new(batches, n_series)));
    }
}

impl Block {
    fn new(batches: &[Arc<MetricBatch>], n_series: usize) -> Self {
        let mut values = Vec::with_capacity(n_series * batches.len());
        let columns: Vec<&[f64]> = batches.iter().map(|batch| &*batch.values).collect();
        for series_idx in 0..n_series {
            values.extend(columns.iter().map(|column| column[series_idx]));
        }
        Self {
            times: batches.iter().map(|batch| batch.time).collect(),
            values,
        }
    }

    /// The values of a series with their times.
    fn of(&self, series_idx: u32) -> impl Iterator<Item = (UnixMillis, f64)> {
        let n_times = self.times.len();
        let start = series_idx as usize * n_times;
        let values = &self.values[start..start + n_times];
        self.times.iter().copied().zip(values.iter().copied())
    }
}

impl<'a> SeriesSamples<'a, '_> {
    /// The series, and what it is of. Looked up only here: most series were described before.
    pub(super) fn series(&self) -> Option<(&'a Series, &'a Family)> {
        let series = self.layout.series.get(self.series_idx as usize)?;
        Some((series, self.layout.family(series)?))
    }
}

/// Whether all there is of a scrape is a float for each series, all of one time.
fn is_plain(batch: &MetricBatch, n_series: usize) -> bool {
    batch.values.len() == n_series
        && batch.timestamps.is_empty()
        && batch.created.is_empty()
        && batch.histograms.is_empty()
        && batch.exemplars.is_empty()
}

fn is_sample(value: f64) -> bool {
    !is_absent(value) && !is_stale(value)
}

/// Such a series has its count in `values`; its rows are in `metric_histograms`.
fn is_native_histogram(batch: &MetricBatch, series_idx: u32) -> bool {
    let histograms = &batch.histograms;
    !histograms.is_empty()
        && histograms
            .binary_search_by_key(&series_idx, |h| h.series_idx)
            .is_ok()
}
