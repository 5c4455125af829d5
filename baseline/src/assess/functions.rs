//! Functions of a profile that grew together: which of them tells it, and which tell nothing new.
//!
//! Shares of functions depend on each other: a function that grows lets all that call it grow, and
//! all that does not fall. Here that is sorted out by the stacks of the newest profile. It does not
//! know what is usual: that it is told.

use std::collections::HashMap;

use proto::profile::Profile;

use crate::explain::table::{Amounts, Names, stacks};
use crate::explain::{OVERLAP, SHIFT, Side, Together};
use crate::profiles::short;

/// What grew by at least this part of what its caller grew by tells the caller's growth. Less than
/// all, as what is expected of both scatters.
const REPEATED: f64 = 0.75;
/// And of a function that has been told already this part is enough: another is to tell more.
const REPEATED_TOLD: f64 = 0.5;
/// A caller with this share is as good as the whole: that its share stays says nothing.
const WHOLE: f64 = 0.9;
/// If less than this part of the usual is spent in all, a share is no measure of a function.
const IDLE: f64 = 0.8;

/// One function of a profile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) function: &'a str,
    /// Its share.
    pub(super) now: f64,
    /// What was expected of it.
    pub(super) expected: f64,
    /// By how much it was above that lately: functions are compared by this, as what one profile says of
    /// two of them scatters by more than they differ.
    pub(super) grown: f64,
    pub(super) standing: Standing,
}

/// How a function stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As usual.
    Usual,
    /// Out of the ordinary.
    Out,
    /// And that has been told.
    Told,
}

/// What is spent in all, and what was expected of it. NaN where that is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) now: f64,
    pub(super) expected: f64,
}

/// For each function, whether it is kept back although it is out of the ordinary: another one tells
/// the same, its cost came from another one below the same caller, or it only looks large because
/// little is done.
pub(super) fn kept_back(
    seen: &[Seen<'_>],
    whole: Whole,
    profile: &Profile,
    type_idx: usize,
) -> Vec<bool> {
    let relations = Relations::of(seen, profile, type_idx);
    let mut kept_back: Vec<bool> = seen.iter().map(|one| is_small(one, whole)).collect();
    let mut out: Vec<usize> = (0..seen.len())
        .filter(|&idx| seen[idx].standing == Standing::Out && seen[idx].grown > 0.0)
        .collect();
    out.sort_by(|&a, &b| seen[b].grown.total_cmp(&seen[a].grown));
    for &idx in &out {
        let mut told = (0..seen.len()).filter(|&one| seen[one].standing == Standing::Told);
        kept_back[idx] |= told.any(|told| relations.is_told_by(seen, idx, told, REPEATED_TOLD));
    }
    for place in 0..out.len() {
        let top = out[place];
        if kept_back[top] {
            continue;
        }
        let lead = relations.lead(seen, top, &out, &kept_back);
        for &other in &out[place..] {
            let is_below = other != lead && relations.is_within(other, top);
            kept_back[other] |= is_below || relations.is_told_by(seen, other, lead, REPEATED);
        }
        kept_back[lead] = is_shift(seen, &relations, lead, whole);
    }
    kept_back
}

impl Seen<'_> {
    fn is_runtime(&self) -> bool {
        self.function.starts_with("runtime.")
    }

    /// By how much it grew, in the unit of the whole.
    fn amount(&self, whole: Whole) -> f64 {
        self.now * whole.now - self.expected * whole.expected
    }
}

/// Whether only its share grew, as less is done than usual.
fn is_small(one: &Seen<'_>, whole: Whole) -> bool {
    whole.now < IDLE * whole.expected && one.amount(whole) <= 0.0
}

/// Whether what a function has more than before, another one below the same caller has less.
fn is_shift(seen: &[Seen<'_>], relations: &Relations, idx: usize, whole: Whole) -> bool {
    let (lead, others) = (&seen[idx], (0..seen.len()).filter(|other| *other != idx));
    let callers = others
        .clone()
        .filter(|&other| relations.is_within(idx, other));
    let callers = callers.filter(|&other| seen[other].expected.max(seen[other].now) < WHOLE);
    let nearest = callers.min_by(|&a, &b| seen[a].now.total_cmp(&seen[b].now));
    if let Some(caller) = nearest.map(|caller| &seen[caller]) {
        // If the function alone grew, the shares of both would go this way together.
        let together = (1.0 - caller.expected) / (1.0 - lead.expected).max(f64::EPSILON);
        return caller.grown < SHIFT * together * lead.grown;
    }
    // Of all that is spent, amounts tell what shares cannot.
    let amount = lead.amount(whole);
    let mut others = others.filter(|&other| !relations.is_within(other, idx));
    whole.now - whole.expected < SHIFT * amount
        && others.any(|other| seen[other].amount(whole) <= -(1.0 - SHIFT) * amount)
}

/// Which functions are below which on the stacks of a profile.
struct Relations {
    n_functions: usize,
    /// For each pair (a, b), the part of what is spent in a that is spent below b.
    within: Vec<f64>,
}

impl Relations {
    fn of(seen: &[Seen<'_>], profile: &Profile, type_idx: usize) -> Self {
        let side = Side {
            profile,
            type_idx,
            weight: 1.0,
            n_events: f64::NAN,
        };
        let mut names = Names::default();
        let stacks = stacks(&side, &mut names);
        let amounts = Amounts::of(&stacks, names.len());
        let of_name: HashMap<_, _> = names.iter().map(short).zip(0..).collect();
        let found = seen.iter().map(|one| of_name.get(one.function).copied());
        let found: Vec<Option<usize>> = found.collect();
        let candidates: Vec<usize> = found.iter().copied().flatten().collect();
        let together = Together::of(&candidates, &stacks);
        let n_functions = seen.len();
        let mut within = vec![0.0; n_functions * n_functions];
        let places = found.iter().enumerate();
        let places = places.filter_map(|(idx, found)| found.map(|name| (idx, name)));
        let places: Vec<(usize, usize)> = places.collect();
        for (lower_place, &(lower, name)) in places.iter().enumerate() {
            for (upper_place, &(upper, _)) in places.iter().enumerate() {
                let shared = together.shared(lower_place, upper_place);
                if amounts.total[name] > 0.0 {
                    within[lower * n_functions + upper] = shared / amounts.total[name];
                }
            }
        }
        Self {
            n_functions,
            within,
        }
    }

    /// The part of what is spent in one that is spent below another.
    fn part(&self, lower: usize, upper: usize) -> f64 {
        self.within[lower * self.n_functions + upper]
    }

    /// Whether nearly all of a function is below another one.
    fn is_within(&self, lower: usize, upper: usize) -> bool {
        lower != upper && self.part(lower, upper) >= OVERLAP
    }

    /// Whether a function's growth is that of another one, which tells more.
    fn is_told_by(&self, seen: &[Seen<'_>], idx: usize, by: usize, repeated: f64) -> bool {
        let (one, other) = (&seen[idx], &seen[by]);
        // Of a function of the runtime, who called it tells more: by itself it is called by all.
        let is_called = one.is_runtime()
            && !other.is_runtime()
            && self.part(idx, by) * one.now >= repeated * one.grown;
        let is_caller = self.is_within(by, idx) && other.grown >= repeated * one.grown;
        idx != by && (is_called || is_caller || self.is_within(idx, by))
    }

    /// The function that tells most of the growth of `top`: the lowest that has nearly all of it.
    fn lead(&self, seen: &[Seen<'_>], top: usize, out: &[usize], kept_back: &[bool]) -> usize {
        let mut lead = top;
        for _ in out {
            let lower = out.iter().copied().filter(|&one| {
                let tells = seen[lead].is_runtime() || !seen[one].is_runtime();
                let is_all = seen[one].grown >= REPEATED * seen[top].grown;
                let is_lower = self.is_within(one, lead) && !self.is_within(lead, one);
                !kept_back[one] && tells && is_all && is_lower
            });
            match lower.max_by(|&a, &b| seen[a].now.total_cmp(&seen[b].now)) {
                Some(lower) => lead = lower,
                None => break,
            }
        }
        lead
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Standing::{Out, Told, Usual};

    const SAME: Whole = Whole {
        now: 1.0,
        expected: 1.0,
    };
    const UNKNOWN: Whole = Whole {
        now: f64::NAN,
        expected: f64::NAN,
    };

    fn profile(stacks: &[(&str, i64)]) -> Profile {
        let text: String = stacks
            .iter()
            .map(|(stack, value)| format!("{stack} {value}\n"))
            .collect();
        proto::folded::parse(text.as_bytes()).unwrap()
    }

    /// The functions that are out of the ordinary and told. Of each: its name, what was expected, its
    /// share, and how it stands.
    fn told<'a>(
        functions: &[(&'a str, f64, f64, Standing)],
        whole: Whole,
        stacks: &[(&str, i64)],
    ) -> Vec<&'a str> {
        let seen: Vec<_> = functions
            .iter()
            .map(|&(function, expected, now, standing)| Seen {
                function,
                now,
                expected,
                grown: now - expected,
                standing,
            })
            .collect();
        let kept_back = kept_back(&seen, whole, &profile(stacks), 0);
        let told = seen.iter().zip(kept_back);
        told.filter(|(one, is_kept_back)| one.standing == Out && !is_kept_back)
            .map(|(one, _)| one.function)
            .collect()
    }

    const SERVER: [(&str, i64); 3] = [
        ("main;serve;tls;sign", 30),
        ("main;serve;read", 40),
        ("main;other", 30),
    ];

    #[test]
    fn of_a_chain_only_the_lowest_that_tells_all_is_told() {
        let functions = [
            ("main", 0.98, 1.0, Out),
            ("serve", 0.5, 0.7, Out),
            ("tls", 0.1, 0.3, Out),
            ("sign", 0.1, 0.28, Out),
            ("read", 0.4, 0.4, Usual),
        ];
        assert_eq!(told(&functions, UNKNOWN, &SERVER), ["sign"]);
    }

    #[test]
    fn where_several_below_one_grew_that_one_is_told() {
        let functions = [
            ("serve", 0.4, 0.7, Out),
            ("tls", 0.15, 0.3, Out),
            ("read", 0.25, 0.4, Out),
        ];
        assert_eq!(told(&functions, UNKNOWN, &SERVER), ["serve"]);
    }

    #[test]
    fn what_grew_apart_is_told_apart() {
        let functions = [("tls", 0.1, 0.3, Out), ("other", 0.1, 0.3, Out)];
        assert_eq!(told(&functions, UNKNOWN, &SERVER), ["tls", "other"]);
    }

    #[test]
    fn once_one_is_told_the_others_of_its_chain_are_not() {
        let functions = [("serve", 0.5, 0.8, Out), ("tls", 0.1, 0.3, Told)];
        assert!(told(&functions, UNKNOWN, &SERVER).is_empty());
        let functions = [("serve", 0.5, 0.7, Told), ("tls", 0.1, 0.3, Out)];
        assert!(told(&functions, UNKNOWN, &SERVER).is_empty());
    }

    #[test]
    fn who_calls_the_runtime_is_told_and_not_the_runtime() {
        let stacks = [
            ("main;grow;runtime.mallocgc", 50),
            ("main;serve;runtime.mallocgc", 10),
            ("main;serve", 40),
        ];
        let functions = [("grow", 0.1, 0.5, Out), ("runtime.mallocgc", 0.2, 0.6, Out)];
        assert_eq!(told(&functions, UNKNOWN, &stacks), ["grow"]);
    }

    #[test]
    fn a_cost_that_moved_below_one_caller_is_not_told() {
        let stacks = [
            ("main;work;new", 50),
            ("main;work;old", 10),
            ("main;idle", 40),
        ];
        let functions = |work| {
            [
                ("work", work, 0.6, Usual),
                ("new", 0.1, 0.5, Out),
                ("old", 0.5, 0.1, Usual),
            ]
        };
        assert!(told(&functions(0.6), UNKNOWN, &stacks).is_empty());
        assert_eq!(told(&functions(0.3), UNKNOWN, &stacks), ["new"]);
    }

    #[test]
    fn a_cost_that_moved_within_the_whole_is_not_told_where_the_whole_stays() {
        let stacks = [("new", 50), ("old", 10), ("rest", 40)];
        let functions = [("new", 0.1, 0.5, Out), ("old", 0.5, 0.1, Usual)];
        assert!(told(&functions, SAME, &stacks).is_empty());
        // More is spent, and it is spent there.
        let more = Whole {
            now: 1.7,
            expected: 1.0,
        };
        let functions = [("new", 0.1, 0.5, Out), ("old", 0.5, 0.3, Usual)];
        assert_eq!(told(&functions, more, &stacks), ["new"]);
        assert_eq!(told(&functions, UNKNOWN, &stacks), ["new"]);
    }

    #[test]
    fn a_share_that_grew_as_less_is_done_is_not_told() {
        let stacks = [("tick", 50), ("serve", 50)];
        let functions = [("tick", 0.1, 0.5, Out)];
        let idle = Whole {
            now: 0.2,
            expected: 1.0,
        };
        assert!(told(&functions, idle, &stacks).is_empty());
        let slower = Whole {
            now: 0.7,
            expected: 1.0,
        };
        assert_eq!(told(&functions, slower, &stacks), ["tick"]);
    }

    proptest! {
        #[test]
        fn of_what_is_out_of_the_ordinary_something_is_told_unless_it_moved(
            expected in prop::collection::vec(0.0..0.5f64, 5),
            values in prop::collection::vec(1..100i64, 5),
        ) {
            let names = ["a", "b", "c", "d", "e"];
            let stacks = ["a;b;c", "a;b", "a;d", "e", "e;c"];
            let stacks: Vec<_> = stacks.into_iter().zip(values).collect();
            let functions: Vec<_> = names
                .iter()
                .zip(&expected)
                .map(|(name, expected)| (*name, *expected, expected + 0.3, Out))
                .collect();
            prop_assert!(!told(&functions, UNKNOWN, &stacks).is_empty());
        }
    }
}
