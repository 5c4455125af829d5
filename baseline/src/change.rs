//! Change points of a window of values: since when, from what to what, and how sure.
//!
//! The window is halved again and again where ranks differ most (Wilcoxon's and Mann's test at
//! every place), as E-divisive does with energy distances and t-tests. Ranks bear outliers and
//! heavy tails, and sorting makes thousands of values quick. It tells changes of level; of scatter
//! alone it knows nothing, and a ramp becomes several steps.
//!
//! Neighbouring values of a signal depend on each other, so that there are fewer independent ones
//! than values: the test is weakened by their correlation, and by the number of places tried.

use crate::numbers::{median, normal_tail};

/// What counts as a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// A change is told if its p-value, for all places tried, is below this.
    pub significance: f64,
    /// A level must last this many values; at least 3.
    pub min_len: usize,
    /// A change is told if it is at least this share of the level before.
    pub min_change: f64,
}

impl Default for Options {
    /// One window in a thousand, levels of ten values, any size.
    fn default() -> Self {
        Self {
            significance: 0.001,
            min_len: 10,
            min_change: 0.0,
        }
    }
}

/// A place where the level changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// Index of the first value of the new level.
    pub idx: usize,
    /// Median from the change before (or the window's start) to here.
    pub before: f64,
    /// Median from here to the next change (or the window's end).
    pub after: f64,
    /// Probability of such a difference at any place, if nothing changed.
    pub p_value: f64,
}

impl ChangePoint {
    /// By how much the level changed.
    #[must_use]
    pub fn by(&self) -> f64 {
        self.after - self.before
    }

    /// By what share of the level before; infinite if that was 0.
    #[must_use]
    pub fn by_share(&self) -> f64 {
        self.by() / self.before.abs()
    }
}

/// The change points of values in the order of time, the earliest first. What is not finite is
/// left out; indices are those of `values`.
#[must_use]
pub fn change_points(values: &[f64], options: &Options) -> Vec<ChangePoint> {
    let (places, values): (Vec<usize>, Vec<f64>) = values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .unzip();
    let search = Search {
        values: &values,
        min_len: options.min_len.max(3),
        significance: options.significance,
    };
    let mut splits = Vec::new();
    search.divide(0, values.len(), &mut splits);
    splits.sort_unstable();
    search.weed(&mut splits, options.min_change);
    search.settle(&mut splits);
    let told = search.levels(&splits);
    told.into_iter()
        .filter_map(|change| {
            let idx = *places.get(change.idx)?;
            Some(ChangePoint { idx, ..change })
        })
        .collect()
}

struct Search<'a> {
    values: &'a [f64],
    min_len: usize,
    significance: f64,
}

/// The best place to divide a stretch of values, counted from the stretch's start.
struct Split {
    at: usize,
    p_value: f64,
}

impl Search<'_> {
    fn divide(&self, start: usize, end: usize, splits: &mut Vec<usize>) {
        let Some(split) = self.best(start, end, self.min_len) else {
            return;
        };
        if split.p_value < self.significance {
            let at = start + split.at;
            splits.push(at);
            self.divide(start, at, splits);
            self.divide(at, end, splits);
        }
    }

    /// Looks for each place once more, between its neighbours: when it was found, there were other
    /// changes on its sides.
    fn settle(&self, splits: &mut [usize]) {
        for idx in 0..splits.len() {
            let (start, end) = self.around(splits, idx);
            if let Some(split) = self.best(start, end, self.min_len) {
                splits[idx] = start + split.at;
            }
        }
    }

    /// The stretch from the split before to the split behind.
    fn around(&self, splits: &[usize], idx: usize) -> (usize, usize) {
        let start = idx.checked_sub(1).map_or(0, |idx| splits[idx]);
        let end = splits.get(idx + 1).map_or(self.values.len(), |at| *at);
        (start, end)
    }

    /// Takes away what is no change between its neighbours, the least sure first.
    fn weed(&self, splits: &mut Vec<usize>, min_change: f64) {
        loop {
            let levels = self.levels(splits);
            let worst = levels
                .iter()
                .enumerate()
                .filter(|(_, change)| {
                    change.p_value >= self.significance
                        || change.by().abs() < min_change * change.before.abs()
                        || change.by() == 0.0
                })
                .max_by(|(_, a), (_, b)| a.p_value.total_cmp(&b.p_value));
            let Some((idx, _)) = worst else {
                return;
            };
            splits.remove(idx);
        }
    }

    /// What changed at each split, each tested between its neighbours.
    fn levels(&self, splits: &[usize]) -> Vec<ChangePoint> {
        let mut levels = Vec::with_capacity(splits.len());
        for (idx, &split) in splits.iter().enumerate() {
            let (start, end) = self.around(splits, idx);
            let (Some(before), Some(after)) = (self.median(start, split), self.median(split, end))
            else {
                continue;
            };
            levels.push(ChangePoint {
                idx: split,
                before,
                after,
                p_value: Ranks::of(&self.values[start..end]).p_value(split - start),
            });
        }
        levels
    }

    fn median(&self, start: usize, end: usize) -> Option<f64> {
        median(&mut self.values[start..end].to_vec())
    }

    fn best(&self, start: usize, end: usize, min_len: usize) -> Option<Split> {
        if end - start < 2 * min_len {
            return None;
        }
        let ranks = Ranks::of(&self.values[start..end]);
        let mut sum: f64 = ranks.centered[..min_len].iter().sum();
        let mut best = (0.0, 0);
        for at in min_len..=end - start - min_len {
            let z = ranks.z(sum, at).abs();
            if z > best.0 {
                best = (z, at);
            }
            sum += ranks.centered[at];
        }
        let (z, at) = best;
        (z > 0.0).then(|| Split {
            at,
            p_value: ranks.p_value(at),
        })
    }
}

/// The ranks of a stretch of values, less their mean. Equal values share the mean of their ranks.
struct Ranks {
    centered: Vec<f64>,
    /// Variance of one rank.
    variance: f64,
}

impl Ranks {
    fn of(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        let mut centered = vec![0.0; values.len()];
        let mean = (values.len() as f64 - 1.0) / 2.0;
        let mut first = 0;
        for tie in order.chunk_by(|a, b| values[*a] == values[*b]) {
            let rank = first as f64 + (tie.len() as f64 - 1.0) / 2.0;
            tie.iter().for_each(|idx| centered[*idx] = rank - mean);
            first += tie.len();
        }
        let squares: f64 = centered.iter().map(|rank| rank * rank).sum();
        Self {
            variance: squares / (values.len() as f64 - 1.0).max(1.0),
            centered,
        }
    }

    /// The standardized sum of the ranks of the first `at` values.
    fn z(&self, sum: f64, at: usize) -> f64 {
        let n = self.centered.len() as f64;
        let at = at as f64;
        let deviation = (self.variance * at * (n - at) / n).sqrt();
        if deviation > 0.0 {
            sum / deviation
        } else {
            0.0
        }
    }

    /// The probability of a difference as at `at` at any place, if there is no change.
    fn p_value(&self, at: usize) -> f64 {
        let sum: f64 = self.centered[..at].iter().sum();
        let z = self.z(sum, at).abs() / self.dependence(sum, at).sqrt();
        // Places next to each other are nearly one; that none is counted as such is on the safe side.
        (2.0 * normal_tail(z) * self.centered.len() as f64).min(1.0)
    }

    /// How many values weigh as much as an independent one: (1 + ρ) / (1 − ρ), ρ the correlation
    /// of neighbours on the two levels.
    fn dependence(&self, sum: f64, at: usize) -> f64 {
        let n = self.centered.len();
        let means = [sum / at as f64, -sum / (n - at).max(1) as f64];
        let rest = |idx: usize| self.centered[idx] - means[usize::from(idx >= at)];
        let squares: f64 = (0..n).map(|idx| rest(idx).powi(2)).sum();
        let products: f64 = (1..n).map(|idx| rest(idx) * rest(idx - 1)).sum();
        if squares <= f64::EPSILON {
            return 1.0;
        }
        let correlation = (products / squares).clamp(0.0, 0.95);
        (1.0 + correlation) / (1.0 - correlation)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed | 1;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..n)
            .map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
            .collect()
    }

    fn stepped(n: usize, at: usize, by: f64, seed: u64) -> Vec<f64> {
        let mut values = noise(n, seed);
        for (idx, value) in values.iter_mut().enumerate() {
            *value += 100.0 + if idx >= at { by } else { 0.0 };
        }
        values
    }

    fn found(values: &[f64]) -> Vec<ChangePoint> {
        change_points(values, &Options::default())
    }

    #[test]
    fn a_step_is_found_with_its_time_and_size() {
        let changes = found(&stepped(300, 200, 3.0, 7));
        assert_eq!(changes.len(), 1, "{changes:?}");
        let change = changes[0];
        assert!((198..=202).contains(&change.idx), "{change:?}");
        assert!((change.by() - 3.0).abs() < 0.5, "{change:?}");
        assert!((change.by_share() - 0.03).abs() < 0.005, "{change:?}");
        assert!(change.p_value < 1e-9, "{change:?}");
    }

    #[test]
    fn steps_up_and_down_are_found_each() {
        let mut values = stepped(600, 150, 5.0, 3);
        values[400..].iter_mut().for_each(|value| *value -= 8.0);
        let changes = found(&values);
        let idxs: Vec<usize> = changes.iter().map(|change| change.idx).collect();
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert!(
            idxs[0].abs_diff(150) <= 2 && idxs[1].abs_diff(400) <= 2,
            "{idxs:?}"
        );
    }

    #[test]
    fn noise_has_hardly_ever_a_change_even_if_neighbours_depend_on_each_other() {
        let (mut n_white, mut n_red) = (0, 0);
        for seed in 1..=200 {
            let white = noise(300, seed * 7919);
            let mut last = 0.0;
            let red: Vec<f64> = white
                .iter()
                .map(|value| {
                    last = 0.7 * last + value;
                    last
                })
                .collect();
            n_white += found(&white).len();
            n_red += found(&red).len();
        }
        assert!(n_white <= 1 && n_red <= 2, "{n_white} and {n_red} of 200");
    }

    #[test]
    fn spikes_are_no_change_and_hide_none() {
        let mut values = stepped(300, 150, 3.0, 11);
        values.iter_mut().step_by(23).for_each(|value| *value = 1e9);
        let changes = found(&values);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert!(changes[0].idx.abs_diff(150) <= 3, "{changes:?}");
        assert!((changes[0].by() - 3.0).abs() < 0.6, "{changes:?}");
    }

    #[test]
    fn constants_ties_and_gaps_are_borne() {
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[1.0; 500]), []);
        assert_eq!(found(&[f64::NAN; 500]), []);
        assert_eq!(found(&stepped(15, 8, 50.0, 1)), [], "levels too short");
        let mut two = vec![5.0; 100];
        two[60..].fill(6.0);
        let changes = found(&two);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(
            (changes[0].idx, changes[0].before, changes[0].after),
            (60, 5.0, 6.0)
        );
        let mut gaps = stepped(300, 200, 4.0, 5);
        gaps[20..120].fill(f64::NAN);
        gaps[190] = f64::INFINITY;
        let changes = found(&gaps);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert!(changes[0].idx.abs_diff(200) <= 2, "{changes:?}");
    }

    #[test]
    fn changes_too_small_to_matter_are_not_told() {
        let values = stepped(1000, 500, 2.0, 9);
        let options = |min_change| Options {
            min_change,
            ..Options::default()
        };
        assert_eq!(change_points(&values, &options(0.01)).len(), 1);
        assert_eq!(change_points(&values, &options(0.05)), []);
    }

    #[test]
    fn thousands_of_values_with_many_changes_are_divided() {
        let mut values = noise(4000, 13);
        for (idx, value) in values.iter_mut().enumerate() {
            *value += (idx / 500 % 2) as f64 * 10.0;
        }
        let idxs: Vec<usize> = found(&values).iter().map(|change| change.idx).collect();
        assert_eq!(idxs, [500, 1000, 1500, 2000, 2500, 3000, 3500]);
    }

    proptest! {
        #[test]
        fn changes_are_in_order_significant_and_do_not_depend_on_the_unit(
            values in prop::collection::vec(prop_oneof![-1e3_f64..1e3, Just(f64::NAN), Just(7.0)], 0..200),
            at in 0_usize..200,
            exponent in -8_i32..8,
        ) {
            let unit = 2_f64.powi(exponent);
            let mut values = values;
            values.iter_mut().skip(at).for_each(|value| *value += 1500.0);
            let changes = found(&values);
            prop_assert!(changes.is_sorted_by(|a, b| a.idx < b.idx));
            for change in &changes {
                prop_assert!(change.p_value < 0.001 && change.idx < values.len(), "{change:?}");
                prop_assert!(change.by() != 0.0 && values[change.idx].is_finite());
            }
            let scaled: Vec<f64> = values.iter().map(|value| value * unit).collect();
            let idxs = |changes: &[ChangePoint]| changes.iter().map(|c| c.idx).collect::<Vec<_>>();
            prop_assert_eq!(idxs(&found(&scaled)), idxs(&changes));
        }
    }
}
