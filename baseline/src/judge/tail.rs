//! How rare a value of a statistic is, from the tail of what it has been.

use super::constants::{
    EXTREME, EXTREME_STEP, TAIL, TAIL_BURST, TAIL_CEILING, TAIL_FLOOR, TAIL_INDEX, TAIL_MEMORY,
    TAIL_PRIOR,
};

/// The excess of one value counts for the index by no more than this: e³ is 20 times the start.
const MAX_EXCESS: f32 = 3.0;
/// The tail's start rises by no more than this at once.
const MAX_STEP: f64 = 0.15;

/// The upper tail of a statistic that is never negative: where it begins, and how heavy it is.
///
/// Above a high quantile the logarithm of the excess is taken to be exponential (Hill's estimator
/// of a Pareto tail). Where few values are far from all others, such as spikes once a day, that
/// tail is too light: so nothing below the second point is rarer than the second point. It rises
/// too fast for statistics that move slowly, so those have none.
///
/// Exceedances that come in a run are mostly one change of the series. If all of them counted, the
/// tail would be as heavy as a ramp is high by the time the ramp is to be told from it. So they
/// count up to a few more than there usually are in that time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    quantile: f32,
    extreme: f32,
    index: f32,
    n_exceedances: f32,
    /// Exceedances that counted beyond those that are usual.
    n_beyond: f32,
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
        let pareto = at_start + (value / start).ln() / self.index();
        let extreme = f64::from(self.extreme);
        if extreme <= start {
            return pareto;
        }
        pareto.min(-EXTREME.ln() + (value / extreme).max(1.0).ln() / TAIL_INDEX)
    }

    /// The value whose surprise is `nats`, where that lies in the tail.
    pub(super) fn value_at(&self, nats: f64) -> f64 {
        let pareto = self.start() * ((nats + TAIL.ln()).max(0.0) * self.index()).exp();
        let beyond = (nats + EXTREME.ln()) * TAIL_INDEX;
        if beyond <= 0.0 {
            return pareto;
        }
        pareto.max(f64::from(self.extreme) * beyond.exp())
    }

    /// Learns a value with a weight of `rate`, more while few were seen.
    pub(super) fn learn(&mut self, value: f64, rate: f64) {
        self.n_seen = self.n_seen.saturating_add(1);
        if self.n_seen == 1 {
            self.quantile = 3.0;
        }
        // Rows may be further apart than all that is remembered.
        let rate = rate.min(1.0);
        // The first rows find out where the tail is; then it moves slowly.
        let young = 1.0 / (f64::from(self.n_seen) + 1.0);
        let step = (6.0 * young)
            .min(MAX_STEP)
            .max(3.0 * young)
            .max((20.0 * rate).min(1.0));
        self.quantile = moved(self.quantile, value, TAIL, step).min(TAIL_CEILING as f32);
        self.n_exceedances *= (1.0 - rate) as f32;
        let start = self.start();
        self.n_beyond = (self.n_beyond - TAIL as f32).max(0.0);
        if value > start {
            self.learn_excess((value / start).ln() as f32);
        }
    }

    fn learn_excess(&mut self, excess: f32) {
        let weight = (TAIL_BURST as f32 - self.n_beyond).clamp(0.0, 1.0);
        self.n_beyond += weight;
        self.n_exceedances = self.n_exceedances * (1.0 - weight / TAIL_MEMORY as f32) + weight;
        if self.n_exceedances > 0.0 {
            let share = weight / self.n_exceedances;
            self.index += share * (excess.min(MAX_EXCESS) - self.index);
        }
    }

    /// Learns a value that does not depend on the one before, also for the second point.
    pub(super) fn learn_independent(&mut self, value: f64, rate: f64) {
        self.learn(value, rate);
        self.extreme = moved(self.extreme, value, EXTREME, EXTREME_STEP).max(self.quantile);
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

/// A quantile after a value: where a share of `above` of all values is above it, its steps up and
/// down cancel out.
fn moved(quantile: f32, value: f64, above: f64, step: f64) -> f32 {
    let change = if value > f64::from(quantile) {
        step * (1.0 - above)
    } else {
        -step * above
    };
    (quantile * (1.0 + change) as f32).clamp(0.3, 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values 1/5u, u uniform: P(value > v) = 1/5v.
    fn learned(n: u32) -> Tail {
        let mut tail = Tail::default();
        for row in 0..n {
            // The golden ratio's multiples are spread evenly.
            let uniform = (f64::from(row) * 0.618_033_988_749_895).fract().max(1e-9);
            tail.learn_independent(0.2 / uniform, 0.001);
        }
        tail
    }

    #[test]
    fn surprise_is_the_tails_probability() {
        let tail = learned(50_000);
        for value in [8.0_f64, 20.0, 60.0] {
            let (nats, expected) = (tail.surprise(value), (5.0 * value).ln());
            assert!(
                (nats - expected).abs() < 1.5,
                "{value}: {nats} for {expected}"
            );
        }
    }

    #[test]
    fn surprise_rises_with_the_value_and_has_an_inverse() {
        let tail = learned(5_000);
        let values: Vec<f64> = (0..200).map(|step| 1.1_f64.powi(step) - 1.0).collect();
        assert!(values.is_sorted_by_key(|value| tail.surprise(*value)));
        for nats in [5.0, 7.0, 10.0, 15.0] {
            let there = tail.surprise(tail.value_at(nats));
            assert!((there - nats).abs() < 0.01, "{there} for {nats}");
        }
    }

    #[test]
    fn a_run_of_large_values_makes_the_tail_hardly_heavier() {
        let mut tail = learned(20_000);
        let before = tail.value_at(7.0);
        // Six hours of minutes, ever higher.
        for row in 0..360 {
            tail.learn(4.0 + f64::from(row) * 0.2, 1.0 / 43_200.0);
        }
        let after = tail.value_at(7.0);
        assert!(after < 1.5 * before, "{before} before, {after} after");
    }

    #[test]
    fn spikes_that_come_again_and_again_surprise_less() {
        let (mut quiet, mut spiky) = (Tail::default(), Tail::default());
        for row in 0..20_000 {
            let value = f64::from(row % 7) * 0.2;
            quiet.learn_independent(value, 0.001);
            spiky.learn_independent(if row % 300 == 0 { 50.0 } else { value }, 0.001);
        }
        assert!(quiet.surprise(50.0) > 12.0);
        assert!(spiky.surprise(50.0) < 8.0, "{}", spiky.surprise(50.0));
    }
}
