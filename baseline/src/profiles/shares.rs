//! The shares of functions in the last profiles of one kind and sample type.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use proto::UnixMillis;
use proto::profile::Profile;

use super::events::n_events;
use super::follow::{Bounds, Followed};
use crate::causes::Causes;
use crate::explain::table::{Amounts, Names, Spent, stacks};
use crate::explain::{SAMPLES, Side, Together};

/// Shares are of the profiles of this long. Milliseconds. Half of how long a value has to be out of
/// the ordinary until that is told, so that what is over before is not told.
const WINDOW: i64 = 300_000;
/// And of older ones too while there are fewer samples than [`ENOUGH`], up to this. Milliseconds.
const LONGEST_WINDOW: i64 = 1_800_000;
/// Samples with which a change of a tenth of the whole can be seen, by and large.
const ENOUGH: f64 = 200.0;
/// Most profiles of a window: a target may be asked for them each second.
const MAX_PROFILES: usize = 32;
/// Functions of a profile that are remembered in the window: those with at least this share of it.
const LEAST_KEPT: f64 = 0.002;
/// And most of them.
const MAX_KEPT: usize = 300;
/// Functions that are followed.
const PLACES: usize = 32;
/// A function gets a place from this share on, and if that is this many samples.
const ENTER: f64 = 0.01;
const ENTER_SAMPLES: f64 = 5.0;
/// And matters while it has this share.
const STAY: f64 = 0.005;
/// Of what a share is compared with to see which functions change, half is forgotten in this time.
/// Milliseconds.
const HALF_LIFE: f64 = 21_600_000.0;
/// A change counts for a place as much as so many times the share.
const CHANGE_WEIGHT: f64 = 4.0;
/// Functions that are looked at for a place at once.
const MAX_CANDIDATES: usize = 64;
/// Longest name of a function. Bytes.
const MAX_NAME: usize = 200;
/// Shares are told in steps of 1/16384: finer than any sampling, and it takes less room.
const STEPS: f64 = 16_384.0;

/// The shares of one kind and sample type of one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    /// The newest last.
    window: VecDeque<Sums>,
    followed: Followed,
    /// What the shares of functions have been about, slowly.
    slow: HashMap<Arc<str>, f64>,
    names: HashSet<Arc<str>>,
}

/// What one profile says.
#[derive(Clone, Debug)]
struct Sums {
    time: UnixMillis,
    n_events: f64,
    whole: f64,
    /// By itself, and with what it calls.
    functions: HashMap<Arc<str>, [f64; 2]>,
}

/// What is told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Samples in the window.
    pub(super) n_events: f64,
    /// The functions that are followed, with their shares: by itself, and with what it calls. None
    /// of them while there are too few samples for any change to show.
    pub(super) functions: Vec<(Arc<str>, [f64; 2])>,
}

/// How the profiles of a window belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Each covers a time of its own: they add up.
    Time,
    /// Each is of a moment, and has what the one before had: the newest is all.
    Moment,
}

impl Shares {
    /// Takes the next profile.
    pub(super) fn take(
        &mut self,
        profile: &Profile,
        (kind, type_idx): (&str, usize),
        (time, over): (UnixMillis, Over),
        causes: &Causes,
    ) -> Told {
        let mut names = Names::default();
        let side = Side {
            profile,
            type_idx,
            weight: 1.0,
            n_events: f64::NAN,
        };
        let mut stacks = stacks(&side, &mut names);
        let all: f64 = stacks.iter().map(|spent| spent.amount).sum();
        let idle = causes.suppressed(kind, names.iter());
        stacks.retain(|spent| !idle.has(&spent.functions));
        let amounts = Amounts::of(&stacks, names.len());
        let counted = if all > 0.0 { amounts.whole / all } else { 0.0 };
        let sums = Sums {
            time,
            n_events: n_events(profile, type_idx) * counted,
            whole: amounts.whole,
            functions: self.kept(&names, &amounts),
        };
        self.push(sums, over);
        let n_events: f64 = self.window.iter().map(|sums| sums.n_events).sum();
        if n_events < SAMPLES {
            return Told {
                n_events,
                functions: Vec::new(),
            };
        }
        let shares = self.shares();
        self.follow(time, n_events, &shares, &names, &stacks, &amounts);
        let told = self.followed.names().map(|name| {
            let share = shares.get(name).copied().unwrap_or_default();
            let steps = share.map(|share| (share.clamp(0.0, 1.0) * STEPS).round() / STEPS);
            (Arc::clone(name), steps)
        });
        Told {
            n_events,
            functions: told.collect(),
        }
    }

    /// The functions of a profile that are remembered.
    fn kept(&mut self, names: &Names, amounts: &Amounts) -> HashMap<Arc<str>, [f64; 2]> {
        let mut kept: Vec<usize> = (0..names.len())
            .filter(|&idx| {
                let total = amounts.total[idx];
                total > 0.0
                    && (total >= LEAST_KEPT * amounts.whole
                        || self.followed.contains(&short(names.name(idx))))
            })
            .collect();
        kept.sort_by(|&a, &b| amounts.total[b].total_cmp(&amounts.total[a]));
        kept.truncate(MAX_KEPT);
        let mut functions = HashMap::new();
        for idx in kept {
            let name = self.intern(&short(names.name(idx)));
            let sums: &mut [f64; 2] = functions.entry(name).or_default();
            sums[0] += amounts.own[idx];
            sums[1] += amounts.total[idx];
        }
        functions
    }

    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.names.insert(Arc::clone(&name));
        name
    }

    /// Adds a profile to the window, and lets go of what is too old.
    fn push(&mut self, sums: Sums, over: Over) {
        let is_after = |last: &Sums| last.time <= sums.time;
        if over == Over::Moment || !self.window.back().is_none_or(is_after) {
            self.window.clear();
        }
        let time = sums.time.0;
        self.window.push_back(sums);
        let mut n_events: f64 = self.window.iter().map(|sums| sums.n_events).sum();
        while let Some(oldest) = self.window.front() {
            let age = time.saturating_sub(oldest.time.0);
            let is_spare = age >= WINDOW && n_events - oldest.n_events >= ENOUGH;
            if !(is_spare || age > LONGEST_WINDOW || self.window.len() > MAX_PROFILES) {
                break;
            }
            n_events -= oldest.n_events;
            self.window.pop_front();
        }
        // Names that are nowhere else.
        if self.names.len() > 4 * MAX_KEPT {
            self.names.retain(|name| Arc::strong_count(name) > 1);
        }
    }

    /// Shares over the window: by itself, and with what it calls.
    fn shares(&self) -> HashMap<Arc<str>, [f64; 2]> {
        let whole: f64 = self.window.iter().map(|sums| sums.whole).sum();
        let mut shares: HashMap<Arc<str>, [f64; 2]> = HashMap::new();
        if whole <= 0.0 {
            return shares;
        }
        for (name, [own, total]) in self.window.iter().flat_map(|sums| &sums.functions) {
            let share = shares.entry(Arc::clone(name)).or_default();
            share[0] += own / whole;
            share[1] += total / whole;
        }
        shares
    }

    /// Chooses whom to follow: who has much, and whose share changes. Of a function that is nearly
    /// all that its caller does, the caller tells nothing new.
    fn follow(
        &mut self,
        time: UnixMillis,
        n_events: f64,
        shares: &HashMap<Arc<str>, [f64; 2]>,
        names: &Names,
        stacks: &[Spent],
        amounts: &Amounts,
    ) {
        self.follow_slowly(time, shares);
        let score = |(name, [_, total]): (&Arc<str>, &[f64; 2])| {
            let change = total - self.slow.get(name).copied().unwrap_or(0.0);
            total + CHANGE_WEIGHT * change.abs()
        };
        let mut candidates: Vec<usize> = (0..names.len())
            .filter(|&idx| amounts.total[idx] >= LEAST_KEPT * amounts.whole)
            .collect();
        candidates.sort_by(|&a, &b| amounts.total[b].total_cmp(&amounts.total[a]));
        candidates.truncate(MAX_CANDIDATES);
        let together = Together::of(&candidates, stacks);
        let is_told = |name: &str| {
            let mut places = candidates.iter();
            let place = places.position(|&idx| short(names.name(idx)) == name);
            place.is_none_or(|place| !is_repeated(place, &candidates, names, &together, amounts))
        };
        let bounds = Bounds {
            places: PLACES,
            enter: ENTER.max(ENTER_SAMPLES / n_events),
            stay: STAY,
        };
        let scores = shares.iter().map(|entry| (entry.0, score(entry)));
        self.followed.update(time, bounds, scores, is_told);
    }

    fn follow_slowly(&mut self, time: UnixMillis, shares: &HashMap<Arc<str>, [f64; 2]>) {
        let is_first = self.slow.is_empty();
        let before = self.window.iter().rev().nth(1);
        let passed = before.map_or(0, |before| time.0.saturating_sub(before.time.0));
        let weight = 1.0 - (-passed.max(0) as f64 / HALF_LIFE).exp2();
        for (name, [_, total]) in shares {
            let slow = self.slow.entry(Arc::clone(name));
            let slow = slow.or_insert(if is_first { *total } else { 0.0 });
            *slow += weight * (total - *slow);
        }
        self.slow.retain(|name, slow| {
            let is_there = shares.contains_key(name);
            if !is_there {
                *slow -= weight * *slow;
            }
            is_there || *slow >= LEAST_KEPT
        });
    }
}

/// Whether a function that it calls, or of a function of the runtime one that calls it, tells the same.
fn is_repeated(
    place: usize,
    candidates: &[usize],
    names: &Names,
    together: &Together<'_>,
    amounts: &Amounts,
) -> bool {
    let is_runtime = |place: usize| names.name(candidates[place]).starts_with("runtime.");
    (0..candidates.len()).any(|other| match (is_runtime(other), is_runtime(place)) {
        (true, false) => false,
        (false, true) => together.is_under(place, other, amounts),
        _ => together.is_under(other, place, amounts),
    })
}

/// A name that is not too long for a label: of a longer one its end, which says more.
pub(crate) fn short(name: &str) -> std::borrow::Cow<'_, str> {
    if name.len() <= MAX_NAME {
        return name.into();
    }
    let mut start = name.len() - (MAX_NAME - '…'.len_utf8());
    while !name.is_char_boundary(start) {
        start += 1;
    }
    format!("…{}", name.get(start..).unwrap_or_default()).into()
}
