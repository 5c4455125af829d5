//! Series as few points as a picture needs. Pure.

use serde::Serialize;
use storage::archive::{Series, Window, WindowValues};

use super::time::Range;

/// When, the mean, the least and the greatest; in JSON a list of four.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Point(
    pub(super) i64,
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
);

/// A stretch of what a series did, as it was read.
struct Stretch {
    time: i64,
    mean: f64,
    least: f64,
    greatest: f64,
    weight: f64,
}

/// At most so many points of a series in a range. Series that count up become what they rose by
/// in a second; what is no number is left out.
pub(super) fn points(series: &Series, range: Range, n_points: usize) -> Vec<Point> {
    let stretches = match series.counts_up() {
        true => rises(series),
        false => levels(series),
    };
    let step = (range.length() / n_points.max(1) as i64).max(1);
    let mut points = Vec::new();
    let mut open: Option<(i64, Vec<Stretch>)> = None;
    for stretch in stretches
        .into_iter()
        .filter(|stretch| stretch.mean.is_finite())
    {
        let slot = stretch.time.saturating_sub(range.from.0).div_euclid(step);
        match &mut open {
            Some((known, all)) if *known == slot => all.push(stretch),
            _ => {
                points.extend(open.take().map(|(_, all)| together(&all)));
                open = Some((slot, vec![stretch]));
            }
        }
    }
    points.extend(open.map(|(_, all)| together(&all)));
    points
}

fn together(stretches: &[Stretch]) -> Point {
    let weight: f64 = stretches.iter().map(|stretch| stretch.weight).sum();
    let mean = stretches
        .iter()
        .map(|stretch| stretch.mean * stretch.weight)
        .sum::<f64>()
        / weight;
    let first = stretches.first().map_or(0, |stretch| stretch.time);
    let last = stretches.last().map_or(0, |stretch| stretch.time);
    let least = stretches.iter().map(|stretch| stretch.least);
    let greatest = stretches.iter().map(|stretch| stretch.greatest);
    Point(
        i64::midpoint(first, last),
        mean,
        least.fold(f64::INFINITY, f64::min),
        greatest.fold(f64::NEG_INFINITY, f64::max),
    )
}

fn middle(window: &Window) -> i64 {
    i64::midpoint(window.time.0, window.end().0)
}

fn levels(series: &Series) -> Vec<Stretch> {
    let windows = series.windows.iter().filter_map(|window| {
        let WindowValues::Gauge { min, max, sum, .. } = window.values else {
            return None;
        };
        let weight = window.count as f64;
        Some(Stretch {
            time: middle(window),
            mean: sum / weight,
            least: min,
            greatest: max,
            weight,
        })
    });
    let samples = series.samples.iter().map(|sample| {
        let value = sample.value;
        Stretch {
            time: sample.time.0,
            mean: value,
            least: value,
            greatest: value,
            weight: 1.0,
        }
    });
    in_order(windows.chain(samples))
}

/// What a counter rose by in a second, from each sample to the next and in each window.
fn rises(series: &Series) -> Vec<Stretch> {
    let windows = series.windows.iter().filter_map(|window| {
        let WindowValues::Counter { increase, .. } = window.values else {
            return None;
        };
        let seconds = (window.end().0 - window.time.0) as f64 / 1000.0;
        Some(rise(middle(window), increase, seconds))
    });
    let pairs = series.samples.iter().zip(series.samples.iter().skip(1));
    let samples = pairs.filter_map(|(before, after)| {
        let seconds = (after.time.0 - before.time.0) as f64 / 1000.0;
        // A counter that is less than before began anew from zero.
        let increase = match after.value < before.value {
            true => after.value,
            false => after.value - before.value,
        };
        (seconds > 0.0).then(|| rise(after.time.0, increase, seconds))
    });
    in_order(windows.chain(samples))
}

fn rise(time: i64, increase: f64, seconds: f64) -> Stretch {
    let value = increase / seconds;
    Stretch {
        time,
        mean: value,
        least: value,
        greatest: value,
        weight: seconds,
    }
}

fn in_order(stretches: impl Iterator<Item = Stretch>) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = stretches.collect();
    all.sort_by_key(|stretch| stretch.time);
    all
}

/// The unit of what [`points`] gives.
pub(super) fn unit_of(series: &Series) -> String {
    match (series.counts_up(), &*series.unit) {
        (false, unit) => unit.to_owned(),
        (true, "") => "per_second".to_owned(),
        (true, unit) => format!("{unit}/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::{Labels, UnixMillis};
    use storage::archive::{Resolution, Sample};

    fn until(to: i64) -> Range {
        Range::new(0, to).unwrap()
    }

    fn series(kind: &str, samples: &[(i64, f64)], windows: Vec<Window>) -> Series {
        let samples = samples.iter().map(|(time, value)| Sample {
            time: UnixMillis(*time),
            value: *value,
        });
        Series {
            labels: Labels::from_pairs([("__name__", "a")]),
            kind: kind.into(),
            unit: "".into(),
            help: "".into(),
            samples: samples.collect(),
            windows,
        }
    }

    #[test]
    fn many_samples_become_their_mean_least_and_greatest() {
        let samples: Vec<(i64, f64)> = (0..100).map(|idx| (idx * 10, idx as f64)).collect();
        let points = points(&series("gauge", &samples, Vec::new()), until(1000), 10);
        assert_eq!(points.len(), 10);
        assert_eq!(points[0], Point(45, 4.5, 0.0, 9.0));
        assert_eq!(points[9], Point(945, 94.5, 90.0, 99.0));
    }

    #[test]
    fn few_samples_stay_as_they_are_and_no_numbers_are_left_out() {
        let samples = [(10, 1.0), (20, f64::NAN), (30, f64::INFINITY), (40, 2.0)];
        let points = points(&series("gauge", &samples, Vec::new()), until(1000), 500);
        assert_eq!(points, [Point(10, 1.0, 1.0, 1.0), Point(40, 2.0, 2.0, 2.0)]);
    }

    #[test]
    fn a_counter_becomes_a_rate_over_its_resets() {
        let samples = [(0, 10.0), (1000, 14.0), (2000, 3.0)];
        let counter = series("counter", &samples, Vec::new());
        let found = points(&counter, until(10_000), 100);
        assert_eq!(
            found,
            [Point(1000, 4.0, 4.0, 4.0), Point(2000, 3.0, 3.0, 3.0)]
        );
        assert_eq!(unit_of(&counter), "per_second");
    }

    #[test]
    fn windows_keep_their_extremes_and_count_by_their_samples() {
        let window = |time: i64, count: u64, sum: f64, min: f64, max: f64| Window {
            time: UnixMillis(time),
            resolution: Resolution::FiveMinutes,
            count,
            first: min,
            last: max,
            values: WindowValues::Gauge {
                min,
                max,
                sum,
                p50: 0.0,
                p90: 0.0,
                p99: 0.0,
            },
        };
        let windows = vec![
            window(0, 1, 1.0, 1.0, 1.0),
            window(300_000, 3, 15.0, 4.0, 6.0),
        ];
        let found = points(&series("gauge", &[], windows), until(600_000), 1);
        assert_eq!(found, [Point(300_000, 4.0, 1.0, 6.0)]);
    }
}
