//! Arithmetic of native histograms: what was counted between two, and sums of that.
//!
//! Buckets are pairs of index and count, in order, without zeros. Bucket `i` of schema `s` holds
//! what is above 2^((i−1)·2^−s) and not above 2^(i·2^−s), so two neighbours of a schema are one of
//! the next coarser (Prometheus, "Native Histograms", 2025).

use std::cmp::Ordering;

/// Schema of histograms with bounds of their own.
const CUSTOM_BOUNDS: i32 = -53;

/// A native histogram.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: f64,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) is_float: bool,
    pub(super) is_gauge: bool,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
    pub(super) custom_bounds: Vec<f64>,
}

/// Counts by index, in order of the indices, no index twice.
pub(super) type Buckets = Vec<(i32, f64)>;

impl Histogram {
    /// The same with nothing counted.
    pub(super) fn emptied(&self) -> Self {
        Self {
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Buckets::new(),
            negative: Buckets::new(),
            custom_bounds: self.custom_bounds.clone(),
            ..*self
        }
    }

    /// What was counted since `before`. Where it began anew in between, that is all of it: so it is
    /// taken if the count, the zero bucket or any bucket went down, if the zero bucket became narrower or
    /// ends within a bucket that was filled before, and if the bounds are others.
    pub(super) fn since(&self, before: &Self) -> Self {
        self.increase(before).unwrap_or_else(|| self.clone())
    }

    /// `None` if it began anew.
    fn increase(&self, before: &Self) -> Option<Self> {
        if !self.has_bounds_of(before)
            || self.count < before.count
            || self.zero_threshold < before.zero_threshold
        {
            return None;
        }
        let (mut now, mut before) = (self.clone(), before.clone());
        let schema = now.schema.min(before.schema);
        now.coarsen(schema);
        before.coarsen(schema);
        before.widen_zero(now.zero_threshold);
        if before.zero_threshold > now.zero_threshold || now.zero_count < before.zero_count {
            return None;
        }
        now.positive = combine(&now.positive, &before.positive, |now, before| now - before);
        now.negative = combine(&now.negative, &before.negative, |now, before| now - before);
        now.zero_count -= before.zero_count;
        now.count -= before.count;
        now.sum -= before.sum;
        let mut counts = now.positive.iter().chain(&now.negative);
        counts.all(|(_, count)| *count >= 0.0).then_some(now)
    }

    /// Whether it can be added to the other.
    pub(super) fn has_bounds_of(&self, other: &Self) -> bool {
        let is_custom = |histogram: &Self| histogram.schema == CUSTOM_BOUNDS;
        is_custom(self) == is_custom(other)
            && self.custom_bounds == other.custom_bounds
            && self.is_gauge == other.is_gauge
    }

    /// Adds another one that has the same bounds, in the coarser of both schemas.
    pub(super) fn add(&mut self, mut other: Self) {
        let schema = self.schema.min(other.schema);
        self.coarsen(schema);
        other.coarsen(schema);
        // The wider of both may end within a bucket of the other, and so become wider still.
        while self.zero_threshold != other.zero_threshold {
            self.widen_zero(other.zero_threshold);
            other.widen_zero(self.zero_threshold);
        }
        self.positive = combine(&self.positive, &other.positive, |left, right| left + right);
        self.negative = combine(&self.negative, &other.negative, |left, right| left + right);
        self.zero_count += other.zero_count;
        self.count += other.count;
        self.sum += other.sum;
        self.is_float |= other.is_float;
    }

    fn coarsen(&mut self, schema: i32) {
        let steps = self.schema.saturating_sub(schema);
        if steps <= 0 || self.schema == CUSTOM_BOUNDS || schema == CUSTOM_BOUNDS {
            return;
        }
        self.schema = schema;
        coarsen(&mut self.positive, steps);
        coarsen(&mut self.negative, steps);
    }

    /// Makes the zero bucket at least so wide: it takes in every bucket that begins below, and then
    /// ends where the last of them does.
    fn widen_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold || self.schema == CUSTOM_BOUNDS {
            return;
        }
        let schema = self.schema;
        self.zero_threshold = threshold;
        // Of one side the last bucket may reach into buckets of the other.
        loop {
            let threshold = self.zero_threshold;
            for buckets in [&mut self.positive, &mut self.negative] {
                let is_within = |(idx, _): &&(i32, f64)| {
                    bound(idx.saturating_sub(1), schema) < self.zero_threshold
                };
                let n_within = buckets.iter().take_while(is_within).count();
                for (idx, count) in buckets.drain(..n_within) {
                    self.zero_count += count;
                    self.zero_threshold = self.zero_threshold.max(bound(idx, schema));
                }
            }
            if threshold == self.zero_threshold {
                return;
            }
        }
    }
}

/// Where a bucket ends.
fn bound(idx: i32, schema: i32) -> f64 {
    (f64::from(idx) * (-f64::from(schema)).exp2()).exp2()
}

fn coarsen(buckets: &mut Buckets, steps: i32) {
    // Beyond, all indices of one sign are one bucket.
    let steps = steps.min(30);
    let mut coarser: Buckets = Vec::with_capacity(buckets.len());
    for &(idx, count) in &*buckets {
        let idx = (idx.saturating_sub(1) >> steps) + 1;
        match coarser.last_mut() {
            Some(last) if last.0 == idx => last.1 += count,
            _ => coarser.push((idx, count)),
        }
    }
    *buckets = coarser;
}

/// Both sides' counts, zero where there is none, put together; zeros are left out.
fn combine(left: &[(i32, f64)], right: &[(i32, f64)], with: impl Fn(f64, f64) -> f64) -> Buckets {
    let mut combined = Vec::with_capacity(left.len().max(right.len()));
    let (mut left, mut right) = (
        left.iter().copied().peekable(),
        right.iter().copied().peekable(),
    );
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return combined,
        };
        let of_left = if order.is_le() { left.next() } else { None };
        let of_right = if order.is_ge() { right.next() } else { None };
        let Some((idx, _)) = of_left.or(of_right) else {
            return combined;
        };
        let count = |bucket: Option<(i32, f64)>| bucket.map_or(0.0, |(_, count)| count);
        let count = with(count(of_left), count(of_right));
        if count != 0.0 {
            combined.push((idx, count));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn of(schema: i32, values: &[f64], zero_threshold: f64) -> Histogram {
        let mut histogram = Histogram {
            schema,
            zero_threshold,
            zero_count: 0.0,
            count: values.len() as f64,
            sum: values.iter().sum(),
            is_float: false,
            is_gauge: false,
            positive: Buckets::new(),
            negative: Buckets::new(),
            custom_bounds: Vec::new(),
        };
        let mut sides = [BTreeMap::new(), BTreeMap::new()];
        for value in values {
            if value.abs() <= zero_threshold {
                histogram.zero_count += 1.0;
                continue;
            }
            // The first bucket that does not end below.
            let idx = (-2000..2000)
                .find(|idx| value.abs() <= bound(*idx, schema))
                .unwrap();
            *sides[usize::from(*value < 0.0)].entry(idx).or_insert(0.0) += 1.0;
        }
        let [positive, negative] = sides.map(|side| side.into_iter().collect());
        Histogram {
            positive,
            negative,
            ..histogram
        }
    }

    /// Powers of two, so that sums are exact, with room around the bounds.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let value =
            (-8_i32..8, prop::bool::ANY, 1_u8..8).prop_map(|(exponent, is_negative, eighths)| {
                let value = f64::from(exponent).exp2() * (1.0 + f64::from(eighths) / 8.0);
                if is_negative { -value } else { value }
            });
        prop::collection::vec(value, 0..30)
    }

    proptest! {
        #[test]
        fn what_was_counted_between_two_is_the_histogram_of_the_values_between(
            before in values(), between in values(), schemas in (-2_i32..4, -2_i32..4),
        ) {
            let now = of(schemas.1, &[&before[..], &between[..]].concat(), 0.0);
            let coarser = schemas.0.min(schemas.1);
            prop_assert_eq!(now.since(&of(schemas.0, &before, 0.0)), of(coarser, &between, 0.0));
        }

        #[test]
        fn sums_are_the_histogram_of_all_values(
            left in values(), right in values(), schemas in (-2_i32..4, -2_i32..4),
        ) {
            let mut sum = of(schemas.0, &left, 0.0);
            sum.add(of(schemas.1, &right, 0.0));
            let all = [&left[..], &right[..]].concat();
            prop_assert_eq!(sum, of(schemas.0.min(schemas.1), &all, 0.0));
        }

        #[test]
        fn sums_with_other_zero_buckets_count_all_values_once(
            left in values(), right in values(), thresholds in [0.0..8.0, 0.0..8.0], schema in -1_i32..3,
        ) {
            let mut sum = of(schema, &left, thresholds[0]);
            sum.add(of(schema, &right, thresholds[1]));
            let all = [&left[..], &right[..]].concat();
            // It is as if the zero bucket had been so wide all the time.
            prop_assert!(sum.zero_threshold >= thresholds[0].max(thresholds[1]));
            prop_assert_eq!(&sum, &of(schema, &all, sum.zero_threshold));
        }
    }

    #[test]
    fn a_histogram_that_began_anew_is_new_as_a_whole() {
        let before = of(2, &[1.0, 2.0, 3.0], 0.0);
        for now in [
            of(2, &[5.0], 0.0),
            // As many, in other buckets.
            of(2, &[5.0, 6.0, 7.0, 8.0], 0.0),
        ] {
            assert_eq!(now.since(&before), now);
        }
        let narrower = of(2, &[1.0, 2.0, 3.0, 4.0], 0.0);
        assert_eq!(narrower.since(&of(2, &[1.0, 2.0, 3.0], 0.5)), narrower);
    }

    #[test]
    fn a_wider_zero_bucket_takes_in_what_was_in_it_before() {
        let before = of(0, &[0.3, 2.0], 0.0);
        let now = of(0, &[0.3, 2.0, 0.2, 3.0], 0.5);
        assert_eq!(now.since(&before), of(0, &[0.2, 3.0], 0.5));
    }
}
