//! Signals of a target, computed as its scrapes arrive.
//!
//! One [`Program`] holds the expressions of all signals; each target has an [`Evaluator`], which
//! follows the counters that they ask for and evaluates them once a beat. What comes out is a
//! batch of samples like a page's, so that signals are archived, rolled up and sent like any other
//! series. Native histograms are not looked into.

mod bound;
mod eval;
mod program;
mod quantile;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

use proto::UnixMillis;
use proto::metrics::MetricBatch;

use crate::derived::Derived;
use bound::Bound;
use eval::Moment;
pub use program::Program;
pub(crate) use program::family;

/// Longest time between two good scrapes for which a counter that is new on the second page is
/// taken to have begun at zero in between: two minutes, two scrapes of the usual longest interval.
const LONGEST_BIRTH_MILLIS: i64 = 120_000;

/// Computes the signals of one target.
#[derive(Debug)]
pub struct Evaluator {
    program: Arc<Program>,
    bound: Option<Bound>,
    derived: Option<Derived>,
    /// The scrape before, if it had a page.
    before: Option<UnixMillis>,
    /// The first scrape.
    first: Option<UnixMillis>,
    /// The beat that was evaluated last.
    beat: Option<i64>,
}

/// What [`Evaluator::observe`] gives.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// The signals, if a beat was due and there are any.
    pub batch: Option<MetricBatch>,
    /// Values left out because a signal had more than a hundred of them.
    pub n_left_out: usize,
}

impl Evaluator {
    /// An evaluator of one target that has seen nothing yet.
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            program,
            bound: None,
            derived: None,
            before: None,
            first: None,
            beat: None,
        }
    }

    /// Takes the samples of a scrape, failed ones too (stale markers and `up`).
    /// Rates come once half of their window is known.
    pub fn observe(&mut self, batch: &MetricBatch, outcome: Outcome) -> Evaluated {
        let bound = match self.bound.take() {
            Some(bound) if bound.layout.id == batch.layout.id => bound,
            before => Bound::new(&self.program, batch, before),
        };
        let bound = self.bound.insert(bound);
        let is_near = |before: &UnixMillis| batch.time.0 - before.0 <= LONGEST_BIRTH_MILLIS;
        bound.observe(batch, self.before.filter(is_near));
        self.before = (outcome == Outcome::Good).then_some(batch.time);
        let beat = batch.time.0.div_euclid(self.program.beat.max(1));
        let is_due = self.beat.replace(beat) != Some(beat);
        if !is_due || (bound.is_empty() && self.derived.is_none()) {
            return Evaluated::default();
        }
        bound.close(batch.time);
        // A clock that was set back must not silence rates until it is there again.
        let first = self.first.map_or(batch.time, |first| first.min(batch.time));
        self.first = Some(first);
        let moment = Moment::new(bound, batch, batch.time.0.saturating_sub(first.0));
        let roots = self.program.roots.iter();
        let results = roots.map(|root| moment.eval(root).into_elements());
        let families = &self.program.families;
        let derived = self.derived.get_or_insert_with(|| {
            Derived::new(Arc::clone(&batch.layout.target), Arc::clone(families))
        });
        let (batch, n_left_out) = derived.batch(batch.time, results);
        Evaluated { batch, n_left_out }
    }

    /// The target is gone: its signals end. `None` if it has none.
    pub fn end(&mut self, time: UnixMillis) -> Option<MetricBatch> {
        self.derived.as_mut()?.batch(time, []).0
    }
}

/// Whether a scrape had a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had.
    Good,
    /// It failed.
    Failed,
}
