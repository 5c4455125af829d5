//! How rare a value of a statistic is, from the tail of what it has been.

use super::constants::{TAIL, TAIL_FLOOR, TAIL_INDEX, TAIL_MEMORY, TAIL_PRIOR};

/// The upper tail of a statistic: where it begins, and how heavy it is.
///
/// Above a high quantile the logarithm of the excess is taken to be exponential (Hill's estimator
/// of a Pareto tail). So a series that often has spikes needs a greater spike to be surprising,
/// and surprises of different series are comparable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    quantile: f32,
    index: f32,
    n_exceedances: f32,
    n_seen: u32,
}

impl Tail {
    /// −ln of the probability of a value at least as large, in nats.
    pub(super) fn surprise(&self, value: f64) -> f64 {
        let start = self.start();
        let at_start = -TAIL.ln();
        if value <= start {
            return at_start * value / start;
        }
        at_start + (value / start).ln() / self.index()
    }

    /// The value whose surprise is `nats`, where that lies in the tail.
    pub(super) fn value_at(&self, nats: f64) -> f64 {
        self.start() * ((nats + TAIL.ln()).max(0.0) * self.index()).exp()
    }

    /// Learns a value with a weight of `rate`, more while few were seen.
    pub(super) fn learn(&mut self, value: f64, rate: f64) {
        self.n_seen = self.n_seen.saturating_add(1);
        if self.n_seen == 1 {
            self.quantile = 3.0;
        }
        let rate = rate.max(1.0 / (f64::from(self.n_seen) + 1.0));
        let step = 3.0 * (2.0 * rate).min(0.05).max(rate);
        let change = if value > f64::from(self.quantile) {
            step * (1.0 - TAIL)
        } else {
            -step * TAIL
        };
        self.quantile = (self.quantile * (1.0 + change) as f32).clamp(0.3, 1e6);
        let start = self.start();
        if value > start {
            let excess = (value / start).ln().min(3.0) as f32;
            self.n_exceedances = self.n_exceedances * (1.0 - 1.0 / TAIL_MEMORY as f32) + 1.0;
            self.index += (excess - self.index) / self.n_exceedances;
        }
    }

    /// Forgets how much was seen, so that what comes now counts for more.
    pub(super) fn renew(&mut self) {
        self.n_seen = self.n_seen.min(20);
    }

    fn start(&self) -> f64 {
        f64::from(self.quantile).max(TAIL_FLOOR)
    }

    fn index(&self) -> f64 {
        let n = f64::from(self.n_exceedances);
        (f64::from(self.index) * n + TAIL_INDEX * TAIL_PRIOR) / (n + TAIL_PRIOR)
    }
}
