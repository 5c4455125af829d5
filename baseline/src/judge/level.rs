//! Robust running estimates: where values lie, and how far from a prediction they usually are.

use super::constants::{CLIP, SPREAD_CLIP};

/// A location that follows its values but not their outliers, and their mean absolute deviation
/// from it.
///
/// Each value pulls by its distance, up to a few spreads: between mean and median. A new level is
/// accepted in the end, as the spread grows while values stay away.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub(super) center: f64,
    pub(super) spread: f64,
    n_seen: u32,
}

impl Level {
    /// Learns `value` with a weight of `rate`, more while few values were seen. A spread below
    /// `floor` counts as `floor`.
    pub(super) fn learn(&mut self, value: f64, rate: f64, floor: f64) {
        self.n_seen = self.n_seen.saturating_add(1);
        if self.n_seen == 1 {
            self.center = value;
            return;
        }
        let rate = rate.max(1.0 / f64::from(self.n_seen)).min(1.0);
        // The first values have no spread to be measured by.
        let limit = if self.n_seen < 4 {
            f64::MAX
        } else {
            CLIP * self.spread.max(floor)
        };
        let distance = value - self.center;
        self.center += rate * distance.clamp(-limit, limit);
        self.spread += rate * (distance.abs().min(2.0 * limit) - self.spread);
    }
}

/// The usual size of a deviation: a mean of absolute values in which none counts for more than a
/// few times the mean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    pub(super) size: f32,
    n_seen: u32,
}

impl Spread {
    /// Learns a deviation's absolute value with a weight of `rate`, more while few were seen.
    pub(super) fn learn(&mut self, deviation: f64, rate: f64, floor: f64) {
        self.n_seen = self.n_seen.saturating_add(1);
        let rate = rate.max(1.0 / f64::from(self.n_seen)).min(1.0);
        let size = f64::from(self.size);
        let limit = if self.n_seen < 20 {
            f64::MAX
        } else {
            SPREAD_CLIP * size.max(floor)
        };
        self.size = (size + rate * (deviation.min(limit) - size)) as f32;
    }

    /// Forgets how much was seen, so that what comes now counts for more.
    pub(super) fn renew(&mut self) {
        self.n_seen = self.n_seen.min(4);
    }
}
