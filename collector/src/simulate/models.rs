//! How each series of a page moves.
//!
//! Only what moves has a model: a series that stood at zero when the page was recorded stays
//! there, as most of a real page does.

use std::collections::BTreeMap;

use proto::metrics::{MetricBatch, MetricKind, Series};

use super::histogram::{Histogram, bound, mean_of_median};
use super::random::Random;

/// Noise of a counter's rate and of a gauge, as fractions.
const RATE_NOISE: f64 = 0.05;
const GAUGE_NOISE: f64 = 0.02;
/// How far a gauge follows the load: a load of 1.5 makes it 1 + 0.3 × 0.5 times its mean.
const GAUGE_SWING: f64 = 0.3;
/// How much of memory is leaked when a whole leak has gathered, as a multiple of what was recorded.
const LEAK: f64 = 3.0;

/// What holds for all series of a target in one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Since the step before. Seconds.
    pub(super) seconds: f64,
    /// 1 on the mean of a working day.
    pub(super) load: f64,
    /// How much slower the disk is.
    pub(super) disk: f64,
    /// Share of a whole leak.
    pub(super) leaked: f64,
}

/// The models of a page's series, by their places in its layout.
#[derive(Clone, Debug, Default)]
pub(super) struct Models {
    counters: Vec<Counter>,
    gauges: Vec<Gauge>,
    histograms: Vec<Histogram>,
    /// Places of the time at which the process began. Seconds since 1970.
    starts: Vec<usize>,
    /// Places of times of the last garbage collection.
    nows: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    idx: usize,
    /// A second, when the load is 1.
    rate: f64,
    is_whole: bool,
}

#[derive(Clone, Copy, Debug)]
struct Gauge {
    idx: usize,
    mean: f64,
    is_whole: bool,
    is_memory: bool,
}

impl Models {
    /// The models of a recorded page whose counters have counted for `counted` seconds.
    pub(super) fn of(page: &MetricBatch, counted: f64) -> Self {
        let mut models = Self::default();
        let mut histograms: BTreeMap<(u32, String), Parts> = BTreeMap::new();
        for (idx, (series, &value)) in page.layout.series.iter().zip(&page.values).enumerate() {
            let kind = page
                .layout
                .family(series)
                .map(|family| family.kind)
                .unwrap_or_default();
            let name = series.labels.metric_name();
            if kind == MetricKind::Histogram {
                let parts = histograms
                    .entry((series.family_idx, group(series)))
                    .or_default();
                parts.add(series, idx, value);
            } else if name == "process_start_time_seconds" {
                models.starts.push(idx);
            } else if name.ends_with("last_gc_time_seconds") {
                models.nows.push(idx);
            } else if counts_up(kind, series) {
                if value > 0.0 {
                    let rate = value / counted;
                    models.counters.push(Counter {
                        idx,
                        rate,
                        is_whole: value.fract() == 0.0,
                    });
                }
            } else if moves(name, value) {
                let is_memory = is_memory(name);
                models.gauges.push(Gauge {
                    idx,
                    mean: value,
                    is_whole: value.fract() == 0.0,
                    is_memory,
                });
            }
        }
        models.histograms = histograms
            .into_values()
            .filter_map(|parts| parts.histogram(counted))
            .collect();
        models
    }

    /// Puts everything that counts back to zero: the process began at `started`. Seconds since 1970.
    pub(super) fn begin(&self, values: &mut [f64], started: f64) {
        let counters = self.counters.iter().map(|counter| counter.idx);
        let buckets = self
            .histograms
            .iter()
            .flat_map(|histogram| histogram.buckets.iter().map(|(idx, _)| *idx));
        let others = self
            .histograms
            .iter()
            .flat_map(|histogram| [histogram.sum, histogram.count]);
        for idx in counters.chain(buckets).chain(others.flatten()) {
            put(values, idx, 0.0);
        }
        for idx in &self.starts {
            put(values, *idx, started);
        }
    }

    /// Moves all series on by a step that ends at `now`. Seconds since 1970.
    pub(super) fn step(&self, values: &mut [f64], step: Step, now: f64, random: &mut Random) {
        for counter in &self.counters {
            let mean =
                counter.rate * step.seconds * step.load * (1.0 + RATE_NOISE * random.noise());
            let increase = if counter.is_whole {
                random.whole(mean)
            } else {
                mean
            };
            if let Some(value) = values.get_mut(counter.idx) {
                *value += increase;
            }
        }
        for gauge in &self.gauges {
            put(values, gauge.idx, gauge.at(step, random));
        }
        for histogram in &self.histograms {
            let n = histogram.rate * step.seconds * step.load;
            // What waits for others takes longer when there is more to do.
            let busy = step.load.sqrt();
            let slower = if histogram.is_of_disk {
                busy * step.disk
            } else {
                busy
            };
            histogram.observe(values, n, slower, random);
        }
        for idx in &self.nows {
            put(values, *idx, now - 30.0 * random.uniform());
        }
    }
}

impl Gauge {
    fn at(&self, step: Step, random: &mut Random) -> f64 {
        let swing = 1.0 + GAUGE_SWING * (step.load - 1.0);
        let leaked = if self.is_memory {
            LEAK * step.leaked
        } else {
            0.0
        };
        let value = self.mean * (swing * (1.0 + GAUGE_NOISE * random.noise()) + leaked);
        if self.is_whole { value.round() } else { value }
    }
}

/// The series of one histogram.
#[derive(Default)]
struct Parts {
    buckets: Vec<(f64, usize)>,
    sum: Option<(usize, f64)>,
    count: Option<(usize, f64)>,
    is_of_disk: bool,
}

impl Parts {
    fn add(&mut self, series: &Series, idx: usize, value: f64) {
        let name = series.labels.metric_name();
        self.is_of_disk |= ["fsync", "commit", "disk"]
            .iter()
            .any(|word| name.contains(word));
        if let Some(le) = series.labels.get("le").and_then(|le| le.parse().ok()) {
            self.buckets.push((le, idx));
        } else if name.ends_with("_sum") {
            self.sum = Some((idx, value));
        } else if name.ends_with("_count") {
            self.count = Some((idx, value));
        }
    }

    /// `None` for one that counted nothing.
    fn histogram(mut self, counted: f64) -> Option<Histogram> {
        let (count_idx, n) = self.count.filter(|(_, n)| *n > 0.0)?;
        self.buckets
            .sort_by(|left, right| left.0.total_cmp(&right.0));
        let mean = self.sum.map_or(0.0, |(_, sum)| sum / n).max(1e-9);
        Some(Histogram {
            buckets: self
                .buckets
                .into_iter()
                .map(|(le, idx)| (idx, bound(le)))
                .collect(),
            sum: self.sum.map(|(idx, _)| idx),
            count: Some(count_idx),
            rate: n / counted,
            median: mean / mean_of_median(),
            is_of_disk: self.is_of_disk,
        })
    }
}

/// What the series of one histogram have in common.
fn group(series: &Series) -> String {
    let own = series
        .labels
        .iter()
        .filter(|(name, _)| *name != "le" && *name != "__name__");
    own.flat_map(|(name, value)| [name, "\0", value, "\0"])
        .collect()
}

/// etcd has counters that it says are gauges.
fn counts_up(kind: MetricKind, series: &Series) -> bool {
    let name = series.labels.metric_name();
    match kind {
        MetricKind::Summary => series.labels.get("quantile").is_none(),
        MetricKind::Counter => true,
        _ => name.ends_with("_total") && !name.ends_with("info_total"),
    }
}

/// Flags, versions, limits and what was never used stay as they are.
fn moves(name: &str, value: f64) -> bool {
    let is_fixed = [
        "version", "_info", "limit", "max_", "_max", "quota", "_id", "revision", "scrape_",
    ];
    value.is_finite()
        && value > 0.0
        && value != 1.0
        && !is_fixed.iter().any(|part| name.contains(part))
}

fn is_memory(name: &str) -> bool {
    [
        "goroutines",
        "heap_alloc",
        "heap_inuse",
        "heap_objects",
        "memstats_alloc_bytes",
        "resident_memory",
        "next_gc",
    ]
    .iter()
    .any(|part| name.contains(part))
}

fn put(values: &mut [f64], idx: usize, value: f64) {
    if let Some(old) = values.get_mut(idx) {
        *old = value;
    }
}
