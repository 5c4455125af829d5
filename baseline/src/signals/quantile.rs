//! Quantiles of classic histograms, as Prometheus has them.

/// One bucket: the upper bound of its values, and how many values are below that bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// `le`; infinite for the last one.
    pub(super) bound: f64,
    /// Cumulative; any unit (counts, counts a second).
    pub(super) count: f64,
}

/// The `q`-quantile, taken to lie evenly inside its bucket (Prometheus' `bucketQuantile`,
/// promql/quantile.go). In the last bucket it is the highest bound there is. `None` without a
/// bucket without end, with fewer than two buckets, or when nothing was counted.
pub(super) fn quantile(q: f64, buckets: &mut [Bucket]) -> Option<f64> {
    buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    let (last, finite) = buckets.split_last()?;
    let highest = finite.last()?.bound;
    // Buckets that were read at different moments can seem to fall.
    let total = finite.iter().fold(last.count, |most, b| most.max(b.count));
    if last.bound != f64::INFINITY || total.is_nan() || total <= 0.0 {
        return None;
    }
    let rank = q * total;
    let mut below = Bucket {
        bound: f64::NEG_INFINITY,
        count: 0.0,
    };
    for bucket in finite {
        let count = bucket.count.max(below.count);
        if count >= rank {
            return Some(inside(below, bucket.bound, count, rank));
        }
        below = Bucket {
            bound: bucket.bound,
            count,
        };
    }
    Some(highest)
}

/// Where `rank` lies between two bounds.
fn inside(below: Bucket, bound: f64, count: f64, rank: f64) -> f64 {
    let start = match below.bound {
        // The first bucket begins at zero, unless it is one of negative values.
        f64::NEG_INFINITY if bound <= 0.0 => return bound,
        f64::NEG_INFINITY => 0.0,
        start => start,
    };
    let width = count - below.count;
    if width <= 0.0 {
        return bound;
    }
    start + (bound - start) * ((rank - below.count) / width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(q: f64, buckets: &[(f64, f64)]) -> Option<f64> {
        let mut buckets: Vec<_> = buckets
            .iter()
            .map(|&(bound, count)| Bucket { bound, count })
            .collect();
        quantile(q, &mut buckets)
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn values_lie_evenly_in_a_bucket() {
        let buckets = [(0.001, 50.0), (0.002, 100.0), (INF, 100.0)];
        assert_eq!(of(0.5, &buckets), Some(0.001));
        assert_eq!(of(0.75, &buckets), Some(0.0015));
        assert_eq!(of(0.25, &buckets), Some(0.0005));
    }

    #[test]
    fn beyond_the_bounds_it_is_the_highest_one() {
        assert_eq!(
            of(0.99, &[(1.0, 0.0), (8.0, 10.0), (INF, 100.0)]),
            Some(8.0)
        );
    }

    #[test]
    fn nothing_counted_or_no_end_is_no_quantile() {
        assert_eq!(of(0.5, &[]), None);
        assert_eq!(of(0.5, &[(INF, 5.0)]), None);
        assert_eq!(of(0.5, &[(1.0, 0.0), (INF, 0.0)]), None);
        assert_eq!(of(0.5, &[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(of(0.5, &[(1.0, f64::NAN), (INF, f64::NAN)]), None);
    }

    #[test]
    fn buckets_out_of_order_and_falling_ones_are_put_right() {
        assert_eq!(
            of(0.5, &[(INF, 100.0), (0.002, 99.0), (0.001, 100.0)]),
            Some(0.0005)
        );
    }

    #[test]
    fn the_first_bucket_of_negative_values_is_its_bound() {
        assert_eq!(
            of(0.1, &[(-1.0, 50.0), (1.0, 100.0), (INF, 100.0)]),
            Some(-1.0)
        );
    }
}
