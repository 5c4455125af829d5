//! Small statistics that several modules need.

use std::f64::consts::TAU;

/// The middle value, or the mean of the two in the middle; none of nothing. Reorders the values,
/// among which there must be no NaN.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let (middle, odd) = (values.len() / 2, values.len() % 2 == 1);
    if values.is_empty() {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Not their sum, which may overflow.
    Some(lower + (upper - lower) / 2.0)
}

/// The probability that a standard normal value is greater than `z`, for `z` of at least 0.
pub(crate) fn normal_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / TAU.sqrt();
    if z < 3.0 {
        // Φ(z) − 1/2 = φ(z) · (z + z³/3 + z⁵/(3·5) + …)
        let mut term = z;
        let mut sum = z;
        for n in 1..60 {
            term *= z * z / f64::from(2 * n + 1);
            sum += term;
        }
        return (0.5 - density * sum).max(0.0);
    }
    // Laplace's continued fraction: φ(z) / (z + 1/(z + 2/(z + 3/…)))
    let fraction = (1..60).rev().fold(z, |below, n| z + f64::from(n) / below);
    density / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [3.0, 1.0]), Some(2.0));
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [9.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(median(&mut [f64::MAX, f64::MAX]), Some(f64::MAX));
    }

    #[test]
    fn normal_tails_are_those_of_the_tables() {
        for (z, tail) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_9),
            (1.959_963_985, 0.025),
            (2.999, 0.001_354_332_0),
            (3.0, 0.001_349_898_0),
            (6.0, 9.865_876_45e-10),
        ] {
            let found = normal_tail(z);
            assert!((found / tail - 1.0).abs() < 1e-4, "{z}: {found} for {tail}");
        }
    }
}
