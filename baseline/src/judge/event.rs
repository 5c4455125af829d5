//! One event, one peak: what follows an onset counts only if it is stronger.

use super::clock::Tick;
use super::constants::{EVENT_DAYS, EVENT_ROWS, ONSET, SATURATION, STRONGER};

/// Remembers the last event, less and less.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Events {
    memory: f32,
}

impl Events {
    /// The score of a row that begins an event, at least 0.5; none for other rows. `evidence` is in
    /// nats.
    pub(super) fn onset(&mut self, evidence: f64, tick: Tick) -> Option<f64> {
        let halvings = (tick.days / EVENT_DAYS).min(tick.n_rows / EVENT_ROWS);
        let memory = f64::from(self.memory) * (-halvings).exp2();
        let begins = evidence >= ONSET && evidence > memory;
        self.memory = if begins { evidence * STRONGER } else { memory } as f32;
        begins.then(|| 1.0 - 0.5 * (-(evidence - ONSET) / SATURATION).exp())
    }
}
