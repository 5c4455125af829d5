//! A classic histogram whose observations follow a distribution that moves.
//!
//! Latencies are log-logistic: like log-normal ones, they spread over factors and have a long
//! tail, and the share below a bound needs one power a scrape and one division a bucket.

use super::random::Random;

/// How much the durations spread: 99 % are below 99^(1/SHAPE) = 5 times the median.
const SHAPE: f64 = 2.85;

/// A histogram of a page, by the places of its series.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// Place of each bucket and its bound to the power of −`SHAPE` (0 for +Inf), in order of
    /// the bounds.
    pub(super) buckets: Vec<(usize, f64)>,
    pub(super) sum: Option<usize>,
    pub(super) count: Option<usize>,
    /// Observations a second when the load is 1.
    pub(super) rate: f64,
    /// Half of the observations are below it, in the metric's unit.
    pub(super) median: f64,
    /// Whether it measures the disk, which has incidents.
    pub(super) is_of_disk: bool,
}

/// A bound as [`Histogram::buckets`] keep it.
pub(super) fn bound(le: f64) -> f64 {
    if le.is_finite() {
        le.max(0.0).powf(-SHAPE)
    } else {
        0.0
    }
}

/// Mean of what has the median 1.
pub(super) fn mean_of_median() -> f64 {
    let angle = std::f64::consts::PI / SHAPE;
    angle / angle.sin()
}

impl Histogram {
    /// Adds what is observed in a step: about `n` observations, `slower` times as long as usual.
    /// Buckets stay cumulative, and the last one is the count.
    pub(super) fn observe(&self, values: &mut [f64], n: f64, slower: f64, random: &mut Random) {
        let n = random.whole(n);
        if n == 0.0 {
            return;
        }
        let median = self.median * slower * (1.0 + 0.1 * random.noise());
        let power = median.powf(SHAPE);
        // The same for all buckets of a step, so that rounding never makes one fall below another.
        let round = random.uniform();
        for (idx, bound) in &self.buckets {
            let below = if *bound == 0.0 {
                n
            } else {
                (n / (1.0 + power * bound) + round).floor()
            };
            add(values, Some(*idx), below.min(n));
        }
        add(values, self.count, n);
        add(values, self.sum, n * median * mean_of_median());
    }
}

fn add(values: &mut [f64], idx: Option<usize>, increase: f64) {
    if let Some(value) = idx.and_then(|idx| values.get_mut(idx)) {
        *value += increase;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_fall_into_the_buckets_of_their_distribution() {
        let bounds = [0.001, 0.002, 0.004, 0.016, f64::INFINITY];
        let histogram = Histogram {
            buckets: bounds
                .iter()
                .enumerate()
                .map(|(idx, le)| (idx, bound(*le)))
                .collect(),
            sum: Some(5),
            count: Some(6),
            median: 0.002,
            ..Histogram::default()
        };
        let mut values = vec![0.0; 7];
        let mut random = Random::new(1, 1);
        for _ in 0..1000 {
            histogram.observe(&mut values, 10.5, 1.0, &mut random);
            assert!(values[..5].is_sorted(), "{values:?}");
            assert_eq!(values[4], values[6]);
        }
        let share = |idx: usize| values[idx] / values[6];
        assert!(
            (share(1) - 0.5).abs() < 0.03,
            "half below the median: {}",
            share(1)
        );
        assert!((0.96..0.998).contains(&share(3)), "{}", share(3));
        let mean = values[5] / values[6];
        assert!((mean / 0.002 - mean_of_median()).abs() < 0.05, "{mean}");
    }
}
