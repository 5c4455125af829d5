//! What a chart shows from bottom to top.

use baseline::catalogue::Unit;

/// Ticks that are aimed at.
const N_TICKS: f64 = 4.0;
/// Free space above and below, of the whole height.
const MARGIN: f64 = 0.05;
/// A limit is shown if it is not further off than this much of what the curve spans.
const NEAR: f64 = 0.5;

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Shows all values and the band, and limits that are not far off.
    pub(super) fn new(values: &[f64], band: &[f64], limits: &[f64]) -> Self {
        let least = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |of: &[f64]| of.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut low, mut high) = (least(values).min(least(band)), most(values).max(most(band)));
        if low > high {
            return Self {
                low: 0.0,
                high: 1.0,
            };
        }
        // What counts things or time is never below zero, however low the band ends.
        if least(values) >= 0.0 {
            low = low.max(0.0);
        }
        let near = NEAR * (high - low).max(high.abs() * 0.1);
        for &limit in limits {
            if (low - near..=high + near).contains(&limit) {
                (low, high) = (low.min(limit), high.max(limit));
            }
        }
        // Near zero, zero is where it begins.
        if low > 0.0 && low < 0.6 * high {
            low = 0.0;
        }
        let span = match high - low {
            0.0 if high == 0.0 => 1.0,
            0.0 => high.abs(),
            span => span,
        };
        Self {
            low: low - MARGIN * span,
            high: high + MARGIN * span,
        }
    }

    /// How far down a value is, of 100.
    pub(super) fn y(self, value: f64) -> f64 {
        (100.0 * (self.high - value) / (self.high - self.low)).clamp(0.0, 100.0)
    }

    /// Whether a value is on it.
    pub(super) fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round values, the least first; zero without a sign.
    pub(super) fn ticks(self, unit: Unit) -> Vec<f64> {
        let step = step((self.high - self.low) / N_TICKS, unit);
        let first = (self.low / step).ceil();
        let last = (self.high / step).floor();
        let n_ticks = (last - first).clamp(0.0, 2.0 * N_TICKS) as usize + 1;
        (0..n_ticks)
            .map(|idx| (first + idx as f64) * step + 0.0)
            .collect()
    }
}

/// One, two or five of a round number: of a power of 1024 for bytes, else of ten.
fn step(about: f64, unit: Unit) -> f64 {
    let is_binary = matches!(unit, Unit::Bytes | Unit::BytesPerSecond);
    let base = match is_binary && about >= 1.0 {
        true => 1024f64.powf(about.log(1024.0).floor()),
        false => 1.0,
    };
    let decade = 10f64.powf((about / base).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|part| part * decade * base);
    let fits = steps.into_iter().find(|step| *step >= about);
    fits.unwrap_or(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let axis = Axis::new(&[0.1, 9.0], &[], &[]);
        assert_eq!(axis.ticks(Unit::Count), [0.0, 5.0]);
        let axis = Axis::new(&[0.0, 300.0 * 1_048_576.0], &[], &[]);
        let ticks = axis.ticks(Unit::Bytes);
        let shown: Vec<_> = ticks.iter().map(|tick| Unit::Bytes.format(*tick)).collect();
        assert_eq!(shown, ["0 B", "100 MiB", "200 MiB", "300 MiB"]);
    }

    #[test]
    fn what_never_changes_has_an_axis_too() {
        for value in [0.0, 7.0, -3.0, 1e300] {
            let axis = Axis::new(&[value], &[], &[]);
            assert!(axis.contains(value), "{value}");
            assert!((1.0..99.0).contains(&axis.y(value)), "{value}");
        }
    }

    #[test]
    fn far_limits_are_not_shown_and_near_ones_are() {
        let axis = Axis::new(&[10.0, 20.0], &[5.0, 15.0], &[22.0, 900.0]);
        assert!(axis.contains(22.0));
        assert!(!axis.contains(900.0));
    }
}
