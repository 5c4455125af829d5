//! Slow trends: leaks, growth towards a limit.
//!
//! The slope is Theil's and Sen's: the median of the slopes between all pairs of points. Whether
//! there is a trend at all is Mann's and Kendall's test: how many pairs rise, how many fall. Both
//! bear outliers (up to 29 % of the points for the slope) and gaps. Daily medians are what they are
//! made for: of finer points, neighbours depend on each other and the test sees trends in noise.

use std::collections::BTreeMap;

use crate::numbers::{median, normal_tail};

const DAY_MS: i64 = 86_400_000;
/// Fewer points say nothing: with four, even a steady rise has a p-value of 0.09.
const MIN_POINTS: usize = 5;
/// Standard normal quantile for a two-sided 95 %.
const Z_95: f64 = 1.96;

/// A straight line through points, and how sure it is that it is not level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Change a day.
    pub per_day: f64,
    /// Lower end of the 95 % confidence interval of the change a day.
    pub per_day_low: f64,
    /// Upper end of the same.
    pub per_day_high: f64,
    /// The line's value at the last point.
    pub last: f64,
    /// Probability that points without a trend would rise or fall as steadily as these.
    pub p_value: f64,
    /// The same if neighbours depend on each other as what is beside the line does. Never smaller.
    pub p_dependent: f64,
    /// Points that were finite numbers.
    pub n_points: usize,
}

impl Trend {
    /// The trend of points (time in days, value). Times that are equal are no pair; what is not
    /// finite is left out. None with fewer than five points, or if all have the same time.
    ///
    /// Takes time and memory for all pairs: 400 points are 80,000.
    #[must_use]
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let mut points: Vec<_> = points.to_vec();
        points.retain(|(day, value)| day.is_finite() && value.is_finite());
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if points.len() < MIN_POINTS {
            return None;
        }
        let mut slopes = slopes(&points);
        let per_day = median(&mut slopes)?;
        let rising = slopes.iter().filter(|slope| **slope > 0.0).count() as f64;
        let falling = slopes.iter().filter(|slope| **slope < 0.0).count() as f64;
        let deviation = kendall_variance(&points).sqrt();
        let (per_day_low, per_day_high) = interval(&mut slopes, Z_95 * deviation)?;
        let score = (rising - falling).abs();
        let (last_day, _) = *points.last()?;
        let mut levels: Vec<f64> = points
            .iter()
            .map(|(day, value)| value + per_day * (last_day - day))
            .collect();
        let dependence = dependence(&points, per_day);
        Some(Self {
            per_day,
            per_day_low,
            per_day_high,
            last: median(&mut levels)?,
            p_value: p_value(score, deviation),
            p_dependent: p_value(score, deviation * dependence.sqrt()),
            n_points: points.len(),
        })
    }

    /// Days from the last point until the line reaches `limit`; none if it is level or leads away
    /// from it. Whether there is a line to follow is for [`Trend::p_value`] to say.
    #[must_use]
    pub fn days_until(&self, limit: f64) -> Option<f64> {
        let days = (limit - self.last) / self.per_day;
        (days.is_finite() && days >= 0.0).then_some(days)
    }
}

/// The median of each day (UTC) of rows (time in milliseconds, value), as points for
/// [`Trend::of`]: days since 1970. What is not finite is left out.
#[must_use]
pub fn daily_medians(rows: impl IntoIterator<Item = (i64, f64)>) -> Vec<(f64, f64)> {
    let mut days: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (time_ms, value) in rows {
        if value.is_finite() {
            days.entry(time_ms.div_euclid(DAY_MS))
                .or_default()
                .push(value);
        }
    }
    days.iter_mut()
        .filter_map(|(day, values)| Some((*day as f64, median(values)?)))
        .collect()
}

/// Slopes between all pairs; of points sorted by time.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (idx, (day, value)) in points.iter().enumerate() {
        let later = points.iter().skip(idx + 1).filter(|later| later.0 > *day);
        slopes.extend(later.map(|later| (later.1 - value) / (later.0 - day)));
    }
    slopes
}

/// Variance of (rising − falling) pairs if there is no trend. Values that are equal lessen it.
fn kendall_variance(points: &[(f64, f64)]) -> f64 {
    let part = |n: usize| {
        let n = n as f64;
        n * (n - 1.0) * (2.0 * n + 5.0)
    };
    let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
    values.sort_by(f64::total_cmp);
    let ties: f64 = values
        .chunk_by(|a, b| a == b)
        .map(|tie| part(tie.len()))
        .sum();
    (part(points.len()) - ties) / 18.0
}

/// How many points weigh as much as an independent one: (1 + ρ) / (1 − ρ), ρ the correlation of
/// neighbours' distances from the line.
fn dependence(points: &[(f64, f64)], per_day: f64) -> f64 {
    let mut rest: Vec<f64> = points.iter().map(|(day, v)| v - per_day * day).collect();
    let mean = rest.iter().sum::<f64>() / rest.len() as f64;
    rest.iter_mut().for_each(|one| *one -= mean);
    let squares: f64 = rest.iter().map(|one| one * one).sum();
    let products: f64 = rest
        .iter()
        .zip(rest.iter().skip(1))
        .map(|(a, b)| a * b)
        .sum();
    // A line without scatter has rounding errors, which are no scatter.
    let scale: f64 = points.iter().map(|(_, value)| value * value).sum();
    if squares <= scale * f64::EPSILON {
        return 1.0;
    }
    let correlation = (products / squares).clamp(0.0, 0.95);
    (1.0 + correlation) / (1.0 - correlation)
}

fn p_value(score: f64, deviation: f64) -> f64 {
    if deviation == 0.0 || score == 0.0 {
        return 1.0;
    }
    // The score moves in steps of two, so the half of one is taken off.
    (2.0 * normal_tail((score - 1.0) / deviation)).min(1.0)
}

/// Sen's interval: the slopes so many ranks away from the median one.
fn interval(slopes: &mut [f64], score: f64) -> Option<(f64, f64)> {
    slopes.sort_by(f64::total_cmp);
    let n = slopes.len() as f64;
    let low = ((n - score) / 2.0).floor().max(0.0) as usize;
    let high = ((n + score) / 2.0).ceil() as usize;
    Some((*slopes.get(low)?, *slopes.get(high.min(slopes.len() - 1))?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(n: u32, value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..n)
            .map(|day| (f64::from(day), value(f64::from(day))))
            .collect()
    }

    /// Between −1 and 1, spread evenly, without a trend.
    fn scatter(day: f64) -> f64 {
        (day * 0.618_033_988_749_895).fract() * 2.0 - 1.0
    }

    #[test]
    fn a_leak_is_found_below_its_noise_with_the_day_it_meets_its_limit() {
        let trend = Trend::of(&line(60, |day| 100.0 + 0.2 * day + 3.0 * scatter(day))).unwrap();
        assert!(trend.p_value < 1e-6, "{trend:?}");
        assert!((trend.per_day - 0.2).abs() < 0.02, "{trend:?}");
        assert!(
            trend.per_day_low < 0.2 && trend.per_day_high > 0.2,
            "{trend:?}"
        );
        let days = trend.days_until(200.0).unwrap();
        assert!((days - 441.0).abs() < 60.0, "{days}");
        assert_eq!(trend.days_until(50.0), None);
    }

    #[test]
    fn noise_has_no_trend() {
        let trend = Trend::of(&line(60, scatter)).unwrap();
        assert!(trend.p_value > 0.05, "{trend:?}");
        assert!(
            trend.per_day_low < 0.0 && trend.per_day_high > 0.0,
            "{trend:?}"
        );
    }

    #[test]
    fn a_quarter_of_outliers_does_not_bend_the_line() {
        let points = line(80, |day| {
            if day % 4.0 == 1.0 {
                1e6
            } else {
                5.0 - 0.5 * day
            }
        });
        let trend = Trend::of(&points).unwrap();
        assert!((trend.per_day + 0.5).abs() < 0.1, "{trend:?}");
    }

    #[test]
    fn a_constant_is_level_and_meets_nothing() {
        let trend = Trend::of(&line(30, |_| 7.0)).unwrap();
        assert_eq!((trend.per_day, trend.last, trend.p_value), (0.0, 7.0, 1.0));
        assert_eq!(trend.days_until(8.0), None);
        assert_eq!(trend.days_until(7.0), None);
    }

    #[test]
    fn few_values_with_many_ties_still_have_a_trend() {
        let trend = Trend::of(&line(40, |day| (day / 10.0).floor())).unwrap();
        assert!(trend.p_value < 1e-6, "{trend:?}");
        // The p-value of a Kendall test without correction for ties would be far greater.
        let few = Trend::of(&line(12, |day| f64::from(u8::from(day >= 6.0)))).unwrap();
        assert!((0.001..0.02).contains(&few.p_value), "{few:?}");
    }

    #[test]
    fn too_few_points_at_one_time_or_no_numbers_have_none() {
        assert_eq!(Trend::of(&[]), None);
        assert_eq!(Trend::of(&line(4, |day| day)), None);
        assert_eq!(Trend::of(&[(1.0, 2.0); 10]), None);
        assert_eq!(Trend::of(&line(10, |_| f64::NAN)), None);
        let mut gaps = line(30, |day| day);
        gaps.retain(|(day, _)| *day < 3.0 || *day > 26.0);
        gaps.push((f64::INFINITY, 1.0));
        let trend = Trend::of(&gaps).unwrap();
        assert_eq!((trend.per_day, trend.n_points), (1.0, 6));
    }

    #[test]
    fn medians_are_by_day_in_utc() {
        let rows = [
            (0, 1.0),
            (1, 5.0),
            (DAY_MS - 1, 3.0),
            (DAY_MS, 9.0),
            (-1, 4.0),
            (2, f64::NAN),
        ];
        assert_eq!(daily_medians(rows), [(-1.0, 4.0), (0.0, 3.0), (1.0, 9.0)]);
    }

    proptest! {
        #[test]
        fn turning_stretching_and_moving_points_does_the_same_to_the_trend(
            values in prop::collection::vec(-1e3_f64..1e3, 5..60),
            factor in 0.01_f64..100.0,
            shift in -1e4_f64..1e4,
        ) {
            let at = |scale: f64, shift: f64| {
                let points = values.iter().zip(0_u32..);
                Trend::of(&points.map(|(v, day)| (f64::from(day), v * scale + shift)).collect::<Vec<_>>()).unwrap()
            };
            let (plain, moved, turned) = (at(1.0, 0.0), at(factor, shift), at(-1.0, 0.0));
            let tolerance = 1e-6 * (1.0 + factor) * 1e3;
            prop_assert!((moved.per_day - plain.per_day * factor).abs() < tolerance);
            prop_assert!((moved.last - plain.last * factor - shift).abs() < tolerance * 60.0);
            prop_assert!((turned.per_day + plain.per_day).abs() < 1e-9);
            prop_assert!((turned.p_value - plain.p_value).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&plain.p_value));
            prop_assert!(plain.per_day_low <= plain.per_day && plain.per_day <= plain.per_day_high);
        }
    }
}
