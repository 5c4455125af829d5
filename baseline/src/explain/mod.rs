//! Which functions explain that more is spent than before.
//!
//! Two profiles of one kind are compared function by function, and what would mislead is left out:
//! changes too small for the number of samples, costs that only moved between functions of one
//! caller, and callers that tell the same as what they call. It does not know where profiles come
//! from; what functions mean it asks the table of causes.

mod likely;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use proto::profile::Profile;

pub use likely::{Likely, cause_of, likely};
use table::{Amounts, Names, Spent};

/// Functions that are told, at most.
const MAX_CHANGES: usize = 10;
/// Functions that are looked at, those with the largest changes.
const MAX_CANDIDATES: usize = 64;
/// A change is told if it is this share of all that is spent now.
const LEAST_SHARE: f64 = 0.02;
/// A change Δ of a share p shows over the sampling noise with this many × p(1−p)/Δ² samples on each
/// side: twice (two-sided, both profiles sampled) sixteen, four standard errors.
pub(crate) const SAMPLES: f64 = 32.0;
/// A caller that changed by less than this part of what it calls has only moved costs around.
pub(crate) const SHIFT: f64 = 0.25;
/// Functions that are together on this part of their stacks, and changed by about as much, tell the
/// same.
pub(crate) const OVERLAP: f64 = 0.9;

/// One of two profiles that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// Which of its sample types counts.
    pub type_idx: usize,
    /// What its values are divided by, so that both sides have one footing: seconds that were
    /// profiled, or the number of snapshots.
    pub weight: f64,
    /// Sampled events behind it: what its noise comes from.
    pub n_events: f64,
}

/// A function in which more is spent than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its name.
    pub function: String,
    /// What was spent in it and in what it calls, before and now; in the unit of the values,
    /// divided by the weight.
    pub total: [f64; 2],
    /// What was spent in it alone.
    pub own: [f64; 2],
    /// Its share of all that is spent, before and now.
    pub share: [f64; 2],
}

impl Change {
    /// By how much more is spent.
    pub fn growth(&self) -> f64 {
        self.total[1] - self.total[0]
    }
}

/// The functions that explain growth from `before` to `now`, the largest first.
pub fn growth(before: Side<'_>, now: Side<'_>) -> Vec<Change> {
    let mut names = Names::default();
    let stacks = [
        table::stacks(&before, &mut names),
        table::stacks(&now, &mut names),
    ];
    let [old, new] = stacks.each_ref().map(|side| Amounts::of(side, names.len()));
    if old.whole <= 0.0 || new.whole <= 0.0 {
        return Vec::new();
    }
    let n_events = before.n_events.min(now.n_events);
    let grown = |idx: usize| new.total[idx] - old.total[idx];
    let mut candidates: Vec<usize> = (0..names.len())
        .filter(|&idx| grown(idx) >= LEAST_SHARE * new.whole)
        .filter(|&idx| {
            is_seen(
                old.total[idx] / old.whole,
                new.total[idx] / new.whole,
                n_events,
            )
        })
        .collect();
    candidates.sort_by(|&a, &b| grown(b).total_cmp(&grown(a)));
    candidates.truncate(MAX_CANDIDATES);
    let together = Together::of(&candidates, &stacks[1]);
    let told = candidates.iter().enumerate().filter(|&(place, &idx)| {
        let is_shift = together
            .caller(idx)
            .is_some_and(|caller| grown(caller) < SHIFT * grown(idx));
        // Of a function of the runtime, who called it tells more.
        let is_runtime = |idx: usize| names.name(idx).starts_with("runtime.");
        let is_repeated = (0..candidates.len()).any(|other_place| {
            let other = candidates[other_place];
            let is_same = match (is_runtime(other), is_runtime(idx)) {
                (true, false) => false,
                (false, true) => together.is_under(place, other_place, &new),
                _ => together.is_under(other_place, place, &new),
            };
            is_same && grown(other) >= OVERLAP * grown(idx)
        });
        !is_shift && !is_repeated
    });
    let changes = told.map(|(_, &idx)| Change {
        function: names.name(idx).to_owned(),
        total: [old.total[idx], new.total[idx]],
        own: [old.own[idx], new.own[idx]],
        share: [old.total[idx] / old.whole, new.total[idx] / new.whole],
    });
    changes.take(MAX_CHANGES).collect()
}

/// Whether a change of a share shows over the noise of so many samples.
fn is_seen(before: f64, now: f64, n_events: f64) -> bool {
    let change = now - before;
    change > 0.0 && change >= least_change(before, now, n_events)
}

/// The smallest change of a share that shows over the noise of so many samples.
pub(crate) fn least_change(before: f64, now: f64, n_events: f64) -> f64 {
    let share = before.max(now).clamp(0.0, 1.0);
    (SAMPLES * share * (1.0 - share) / n_events).sqrt()
}

/// Which candidates are on one stack.
pub(crate) struct Together<'a> {
    candidates: &'a [usize],
    /// For each pair (a, b): what is spent on stacks where a is below b.
    under: Vec<f64>,
    /// For each candidate, what is spent through each of its direct callers.
    callers: Vec<Vec<(usize, f64)>>,
}

impl<'a> Together<'a> {
    pub(crate) fn of(candidates: &'a [usize], stacks: &[Spent]) -> Self {
        let mut places = vec![None; candidates.iter().max().map_or(0, |last| last + 1)];
        for (place, &idx) in candidates.iter().enumerate() {
            places[idx] = Some(place);
        }
        let n_candidates = candidates.len();
        let mut together = Self {
            candidates,
            under: vec![0.0; n_candidates * n_candidates],
            callers: vec![Vec::new(); n_candidates],
        };
        for spent in stacks {
            let mut below: Vec<usize> = Vec::new();
            for (depth, function) in spent.functions.iter().enumerate() {
                let Some(place) = places.get(*function).copied().flatten() else {
                    continue;
                };
                for &lower in &below {
                    together.under[lower * n_candidates + place] += spent.amount;
                }
                below.push(place);
                if let Some(&caller) = spent.functions.get(depth + 1) {
                    together.called(place, caller, spent.amount);
                }
            }
        }
        together
    }

    fn called(&mut self, place: usize, caller: usize, amount: f64) {
        let callers = &mut self.callers[place];
        match callers.iter_mut().find(|(known, _)| *known == caller) {
            Some((_, known)) => *known += amount,
            None => callers.push((caller, amount)),
        }
    }

    /// The caller through which most is spent in a candidate.
    fn caller(&self, idx: usize) -> Option<usize> {
        let place = self.candidates.iter().position(|one| *one == idx)?;
        let callers = self.callers[place].iter();
        let most = callers.max_by(|a, b| a.1.total_cmp(&b.1));
        most.map(|(caller, _)| *caller)
    }

    /// What is spent on stacks where one candidate is below another, by their places.
    pub(crate) fn shared(&self, lower: usize, upper: usize) -> f64 {
        self.under[lower * self.candidates.len() + upper]
    }

    /// Whether a candidate is nearly always below another one, and has nearly all that is spent
    /// there.
    pub(crate) fn is_under(&self, lower: usize, upper: usize, now: &Amounts) -> bool {
        let shared = self.shared(lower, upper);
        let total = |place: usize| now.total[self.candidates[place]];
        lower != upper && shared >= OVERLAP * total(lower) && shared >= OVERLAP * total(upper)
    }
}
