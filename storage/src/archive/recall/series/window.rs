//! Windows of a series: made of samples, and put together from parts.

use proto::UnixMillis;

use super::Sample;
use crate::archive::table::Resolution;

/// What a series did in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Where it starts, on the grid of UTC.
    pub time: UnixMillis,
    /// How long it is.
    pub resolution: Resolution,
    /// Samples in it.
    pub count: u64,
    /// The first value.
    pub first: f64,
    /// The last value.
    pub last: f64,
    /// What else is known of the values.
    pub values: WindowValues,
}

/// What is known of the values of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WindowValues {
    /// They only count up, or begin anew.
    Counter {
        /// By how much they rose since the sample before the window, over resets.
        increase: f64,
        /// How often they began anew.
        resets: u32,
    },
    /// They go up and down.
    Gauge {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// All of them added.
        sum: f64,
        /// Half of them are not greater.
        p50: f64,
        /// Nine in ten are not greater.
        p90: f64,
        /// 99 in a hundred are not greater.
        p99: f64,
    },
}

impl Window {
    /// First time behind it.
    pub fn end(&self) -> UnixMillis {
        UnixMillis(self.time.0.saturating_add(millis(self.resolution)))
    }

    /// Counts from what a counter stood at before, instead of from its first sample.
    pub(super) fn count_from(&mut self, before: f64) {
        if let WindowValues::Counter { increase, resets } = &mut self.values
            && before.is_finite()
            && self.first.is_finite()
        {
            let is_reset = self.first < before;
            *increase += if is_reset {
                self.first
            } else {
                self.first - before
            };
            *resets += u32::from(is_reset);
        }
    }

    /// Adds what is known of a later part of the same window. Quantiles of parts cannot be added:
    /// they become the mean of both, weighted by samples.
    pub(super) fn add(&mut self, later: &Self) {
        let (before, after) = (self.count as f64, later.count as f64);
        let mean = |left: f64, right: f64| (left * before + right * after) / (before + after);
        self.values = match (self.values, later.values) {
            (
                WindowValues::Counter { increase, resets },
                WindowValues::Counter {
                    increase: more,
                    resets: others,
                },
            ) => WindowValues::Counter {
                increase: increase + more,
                resets: resets.saturating_add(others),
            },
            (
                WindowValues::Gauge {
                    min,
                    max,
                    sum,
                    p50,
                    p90,
                    p99,
                },
                WindowValues::Gauge {
                    min: other_min,
                    max: other_max,
                    sum: other_sum,
                    p50: other_p50,
                    p90: other_p90,
                    p99: other_p99,
                },
            ) => WindowValues::Gauge {
                min: min.min(other_min),
                max: max.max(other_max),
                sum: sum + other_sum,
                p50: mean(p50, other_p50),
                p90: mean(p90, other_p90),
                p99: mean(p99, other_p99),
            },
            // The target changed what it says the series is: what came last counts.
            (_, values) => values,
        };
        self.count += later.count;
        self.first = if self.first.is_nan() {
            later.first
        } else {
            self.first
        };
        self.last = if later.last.is_nan() {
            self.last
        } else {
            later.last
        };
    }
}

/// How long a window is. Milliseconds; 1 for raw samples.
pub(in crate::archive::recall) fn millis(resolution: Resolution) -> i64 {
    match resolution {
        Resolution::Raw => 1,
        Resolution::FiveMinutes => 300_000,
        Resolution::OneHour => 3_600_000,
    }
}

/// Start of the window that a time lies in.
pub(super) fn start(time: UnixMillis, resolution: Resolution) -> UnixMillis {
    let width = millis(resolution);
    UnixMillis(time.0.div_euclid(width) * width)
}

/// What a series is: whether its values only count up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Counter,
    Gauge,
}

impl Shape {
    /// By the type of the family, and for the series of histograms and summaries by its name.
    pub(super) fn of(kind: &str, name: &str) -> Self {
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        let counts_up = match kind {
            "counter" => true,
            "histogram" => ends(&["_bucket", "_count", "_sum"]),
            "summary" => ends(&["_count", "_sum"]),
            "unknown" => ends(&["_total"]),
            _ => false,
        };
        if counts_up {
            Self::Counter
        } else {
            Self::Gauge
        }
    }
}

/// The windows that samples make up, which are in order of time. `before` is the value before them.
pub(super) fn roll(
    samples: &[Sample],
    resolution: Resolution,
    shape: Shape,
    mut before: Option<f64>,
) -> Vec<Window> {
    let same = |left: &Sample, right: &Sample| {
        start(left.time, resolution) == start(right.time, resolution)
    };
    let mut windows = Vec::new();
    for part in samples.chunk_by(same) {
        let is_number = |value: &f64| match shape {
            Shape::Counter => value.is_finite(),
            Shape::Gauge => !value.is_nan(),
        };
        let values = part.iter().map(|sample| sample.value);
        let mut numbers: Vec<f64> = values.filter(is_number).collect();
        let ends = numbers.first().copied().zip(numbers.last().copied());
        let (first, last) = ends.unwrap_or((f64::NAN, f64::NAN));
        let values = match shape {
            Shape::Counter => counted(&numbers, before),
            Shape::Gauge => measured(&mut numbers),
        };
        before = ends.map(|(_, last)| last).or(before);
        windows.extend(part.first().map(|sample| Window {
            time: start(sample.time, resolution),
            resolution,
            count: part.len() as u64,
            first,
            last,
            values,
        }));
    }
    windows
}

fn counted(values: &[f64], before: Option<f64>) -> WindowValues {
    let (mut increase, mut resets) = (0.0, 0);
    let mut last = before;
    for value in values {
        if let Some(last) = last {
            let is_reset = *value < last;
            increase += if is_reset { *value } else { value - last };
            resets += u32::from(is_reset);
        }
        last = Some(*value);
    }
    WindowValues::Counter { increase, resets }
}

fn measured(values: &mut [f64]) -> WindowValues {
    values.sort_unstable_by(f64::total_cmp);
    let sum = match values {
        [] => f64::NAN,
        _ => values.iter().sum(),
    };
    WindowValues::Gauge {
        min: values.first().copied().unwrap_or(f64::NAN),
        max: values.last().copied().unwrap_or(f64::NAN),
        sum,
        p50: quantile(values, 50),
        p90: quantile(values, 90),
        p99: quantile(values, 99),
    }
}

/// The least of sorted values that so many in a hundred are not above, as rollups have it.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// Windows of a series in order of time, those of one place in time added up. Parts come in the
/// order in which their samples were logged.
pub(super) fn combine(windows: &mut Vec<Window>) {
    windows.sort_by_key(|window| (window.time, millis(window.resolution)));
    windows.dedup_by(|later, earlier| {
        let is_same = (later.time, later.resolution) == (earlier.time, earlier.resolution);
        if is_same {
            earlier.add(later);
        }
        is_same
    });
}

/// The same windows, as parts of longer ones. Those that are as long or longer stay.
pub(super) fn widen(windows: &mut Vec<Window>, resolution: Resolution) {
    for window in windows
        .iter_mut()
        .filter(|window| window.resolution < resolution)
    {
        window.time = start(window.time, resolution);
        window.resolution = resolution;
    }
    combine(windows);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[(i64, f64)]) -> Vec<Sample> {
        let sample = |&(seconds, value): &(i64, f64)| Sample {
            time: UnixMillis(seconds * 1000),
            value,
        };
        values.iter().map(sample).collect()
    }

    #[test]
    fn a_counter_rises_over_windows_and_resets() {
        let samples = samples(&[(10, 5.0), (290, 7.0), (310, 8.0), (320, 3.0), (590, 4.0)]);
        let windows = roll(&samples, Resolution::FiveMinutes, Shape::Counter, None);
        let increases: Vec<_> = windows.iter().map(|window| window.values).collect();
        let counter = |increase, resets| WindowValues::Counter { increase, resets };
        assert_eq!(increases, [counter(2.0, 0), counter(5.0, 1)]);
        let windows = roll(
            &samples[..1],
            Resolution::FiveMinutes,
            Shape::Counter,
            Some(4.0),
        );
        assert_eq!(windows[0].values, counter(1.0, 0));
    }

    #[test]
    fn a_gauge_has_quantiles_that_are_values_of_it() {
        let samples = samples(&[(1, 3.0), (2, 1.0), (3, 2.0)]);
        let windows = roll(&samples, Resolution::OneHour, Shape::Gauge, None);
        let WindowValues::Gauge {
            min,
            max,
            sum,
            p50,
            p90,
            ..
        } = windows[0].values
        else {
            panic!("{windows:?}");
        };
        assert_eq!((min, max, sum, p50), (1.0, 3.0, 6.0, 2.0));
        assert!((p90 - 3.0).abs() < 1e-9);
        assert_eq!((windows[0].first, windows[0].last), (3.0, 2.0));
    }

    #[test]
    fn parts_of_a_window_add_up_to_the_whole() {
        let samples = samples(&[(10, 5.0), (20, 7.0), (30, 1.0), (3000, 4.0)]);
        let whole = roll(&samples, Resolution::OneHour, Shape::Counter, None);
        for at in 0..samples.len() {
            let (left, right) = samples.split_at(at);
            let before = left.last().map(|sample| sample.value);
            let mut parts = roll(left, Resolution::FiveMinutes, Shape::Counter, None);
            parts.extend(roll(right, Resolution::FiveMinutes, Shape::Counter, before));
            widen(&mut parts, Resolution::OneHour);
            assert_eq!(parts, whole, "{at}");
        }
    }
}
