//! Which row of the table of causes the stacks of a profile speak for.

use std::collections::HashMap;

use super::Side;
use super::table::{Names, Spent, stacks};
use crate::causes::{Cause, Causes, Stack};
use crate::profiles::short;

/// A cause is told if this share of what is spent now is on its stacks.
const LEAST_SHARE: f64 = 0.05;
/// And if that share is this much greater than before, where there is a before.
const LEAST_GROWTH: f64 = 0.02;

/// A cause, and how much speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Likely<'a> {
    /// What it may be.
    pub cause: &'a Cause,
    /// Share of all that is spent that is on its stacks, before and now. NaN if there is no before.
    pub share: [f64; 2],
}

/// The causes that the profile `now` speaks for, and did not before, the likeliest first. Stacks
/// that mean nothing, such as those of a scheduler with nothing to do, do not count.
pub fn likely<'a>(
    causes: &'a Causes,
    kind: &str,
    component: Option<&str>,
    before: Option<Side<'_>>,
    now: Side<'_>,
) -> Vec<Likely<'a>> {
    let shares = |side: Side<'_>| shares(causes, kind, component, side);
    let before = before.map(shares);
    let mut likely: Vec<_> = shares(now)
        .into_iter()
        .map(|(name, (cause, now))| {
            let before = before.as_ref();
            let was = before.map_or(f64::NAN, |b| b.get(name).map_or(0.0, |(_, share)| *share));
            Likely {
                cause,
                share: [was, now],
            }
        })
        .filter(|one| one.share[1] >= LEAST_SHARE)
        .filter(|one| one.share[0].is_nan() || one.share[1] - one.share[0] >= LEAST_GROWTH)
        .collect();
    likely.sort_by(|a, b| {
        b.grown()
            .total_cmp(&a.grown())
            .then(a.cause.name.cmp(&b.cause.name))
    });
    likely
}

/// The cause that most of what is spent in a function speaks for, if one does: by the whole stacks
/// that the function is on.
pub fn cause_of<'a>(
    causes: &'a Causes,
    kind: &str,
    component: Option<&str>,
    function: &str,
    now: Side<'_>,
) -> Option<&'a Cause> {
    let mut names = Names::default();
    let stacks = stacks(&now, &mut names);
    let function = (0..names.len()).find(|&idx| short(names.name(idx)) == function)?;
    let (mut whole, mut amounts) = (0.0, HashMap::new());
    for Spent { functions, amount } in &stacks {
        if !functions.contains(&function) {
            continue;
        }
        whole += amount;
        let functions: Vec<&str> = functions.iter().map(|&idx| names.name(idx)).collect();
        let stack = Stack {
            functions: &functions,
            kind,
            component,
        };
        if let Some(cause) = causes.of(stack).first().copied() {
            amounts.entry(cause.name.as_str()).or_insert((cause, 0.0)).1 += amount;
        }
    }
    let most = amounts.into_values().max_by(|a, b| a.1.total_cmp(&b.1));
    most.filter(|(_, amount)| *amount > whole / 2.0)
        .map(|(cause, _)| cause)
}

impl Likely<'_> {
    fn grown(&self) -> f64 {
        self.share[1]
            - if self.share[0].is_nan() {
                0.0
            } else {
                self.share[0]
            }
    }
}

/// The share that is on the stacks of each cause, by its name.
fn shares<'a>(
    causes: &'a Causes,
    kind: &str,
    component: Option<&str>,
    side: Side<'_>,
) -> HashMap<&'a str, (&'a Cause, f64)> {
    let mut names = Names::default();
    let stacks = stacks(&side, &mut names);
    let mut shares = HashMap::new();
    let mut whole = 0.0;
    for Spent { functions, amount } in &stacks {
        let functions: Vec<&str> = functions.iter().map(|&idx| names.name(idx)).collect();
        let stack = Stack {
            functions: &functions,
            kind,
            component,
        };
        if causes.is_suppressed(stack) {
            continue;
        }
        whole += amount;
        if let Some(cause) = causes.of(stack).first().copied() {
            shares.entry(cause.name.as_str()).or_insert((cause, 0.0)).1 += amount;
        }
    }
    for (_, share) in shares.values_mut() {
        *share /= whole;
    }
    shares
}
