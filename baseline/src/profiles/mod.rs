//! Signals of a target's profiles, computed as they are taken.
//!
//! One [`ProfileProgram`] holds what is told of each kind of profile; each kind of each target has a
//! [`ProfileEvaluator`], which makes a batch of samples of every profile, as [`crate::signals`] does
//! of every page. Of functions the shares are told, of those that matter, and nothing where so few
//! samples were taken that no change could show. What is usual it does not know, nor who is told.

mod events;
mod follow;
mod goroutines;
mod shares;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proto::metrics::{Family, PROFILE_LABEL};
use proto::profile::{LabelSetId, Profile, StackId};
use proto::profile_ops::{self, measure};
use proto::{Target, UnixMillis};

use crate::catalogue::{FromProfile, Measure, Signal};
use crate::causes::Causes;
use crate::derived::{Derived, Element, LabelPairs};
use crate::signals::{Evaluated, family};
use follow::{Bounds, Followed};
pub(crate) use shares::short;
use shares::{Over, Shares, Told};

/// The label of shares: the function's name.
pub const FUNCTION_LABEL: &str = "function";
/// The label of goroutines by what they wait for.
pub const STATE_LABEL: &str = "state";
/// The label of goroutines by who created them.
pub const CREATOR_LABEL: &str = "creator";

/// States and creators that are followed: from so many goroutines on.
const GROUPS: Bounds = Bounds {
    places: 32,
    enter: 10.0,
    stay: 5.0,
};

/// What is told of profiles, made once and shared by all targets.
#[derive(Debug, Default)]
pub struct ProfileProgram {
    kinds: HashMap<String, Arc<Kind>>,
    causes: Causes,
}

/// What is told of one kind of profile.
#[derive(Debug)]
struct Kind {
    name: String,
    /// One for each of `families`.
    sources: Vec<FromProfile>,
    families: Arc<[Family]>,
}

/// Computes the signals of one kind of profiles of one target.
#[derive(Clone, Debug)]
pub struct ProfileEvaluator {
    kind: Arc<Kind>,
    program: Arc<ProfileProgram>,
    derived: Derived,
    /// By sample type.
    shares: BTreeMap<String, Shares>,
    states: Followed,
    creators: Followed,
}

/// A profile that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// The profile, which may be empty.
    pub profile: &'a Profile,
    /// When it was complete, by our clock.
    pub time: UnixMillis,
    /// Whether its values cover just the time that it says, rather than the life of the process.
    pub is_delta: bool,
}

impl ProfileProgram {
    /// What `signals` tell of profiles. Stacks that `causes` suppress count in no share.
    pub fn new<'a>(signals: impl IntoIterator<Item = &'a Signal>, causes: Causes) -> Self {
        let mut kinds: HashMap<String, (Vec<FromProfile>, Vec<Family>)> = HashMap::new();
        for signal in signals {
            if let Some(from) = signal.from_profile() {
                let (sources, families) = kinds.entry(from.kind.clone()).or_default();
                sources.push(from.clone());
                families.push(family(signal));
            }
        }
        let kinds = kinds.into_iter().map(|(name, (sources, families))| {
            let kind = Kind {
                name: name.clone(),
                sources,
                families: families.into(),
            };
            (name, Arc::new(kind))
        });
        Self {
            kinds: kinds.collect(),
            causes,
        }
    }

    /// An evaluator for a kind of profiles of a target; none if nothing is told of that kind.
    pub fn evaluator(
        self: &Arc<Self>,
        target: Arc<Target>,
        kind: &str,
    ) -> Option<ProfileEvaluator> {
        let kind = self.kinds.get(kind)?;
        Some(ProfileEvaluator {
            kind: Arc::clone(kind),
            program: Arc::clone(self),
            derived: Derived::new(target, Arc::clone(&kind.families)),
            shares: BTreeMap::new(),
            states: Followed::default(),
            creators: Followed::default(),
        })
    }
}

impl ProfileEvaluator {
    /// Takes the next profile.
    pub fn observe(&mut self, taken: Taken<'_>) -> Evaluated {
        let kind = Arc::clone(&self.kind);
        let told = self.take_shares(&kind, taken);
        let groups = self.take_groups(&kind, taken);
        let sources = kind.sources.iter().zip(&groups);
        let results = sources.map(|(source, groups)| {
            let told = told.get(source.sample_type.as_str());
            elements(&kind.name, source, taken, told, groups)
        });
        let (batch, n_left_out) = self.derived.batch(taken.time, results);
        Evaluated { batch, n_left_out }
    }

    /// The target is gone, or no longer profiled: its signals end. `None` if it has none.
    pub fn end(&mut self, time: UnixMillis) -> Option<proto::metrics::MetricBatch> {
        self.derived.batch(time, []).0
    }

    /// The shares of functions, of each sample type of which they are asked for.
    fn take_shares<'k>(&mut self, kind: &'k Kind, taken: Taken<'_>) -> BTreeMap<&'k str, Told> {
        let mut told = BTreeMap::new();
        for source in &kind.sources {
            let sample_type = source.sample_type.as_str();
            let is_asked = source.is_of_functions() || source.measure == Measure::Samples;
            let type_idx = taken.profile.type_idx(sample_type);
            let Some(type_idx) = type_idx.filter(|_| is_asked && !told.contains_key(sample_type))
            else {
                continue;
            };
            let is_of_moment = measure(&kind.name, sample_type) == profile_ops::Measure::State;
            let over = match (is_of_moment, taken.is_delta) {
                (true, _) => Over::Moment,
                (false, true) => Over::Time,
                // What was counted since the process began is no part of a window.
                (false, false) => continue,
            };
            let shares = self.shares.entry(sample_type.to_owned()).or_default();
            let of_kind = (kind.name.as_str(), type_idx);
            let at = (taken.time, over);
            let causes = &self.program.causes;
            told.insert(sample_type, shares.take(taken.profile, of_kind, at, causes));
        }
        told
    }

    /// Sums by state and by creator, for each of the sources that asks for them.
    fn take_groups(&mut self, kind: &Kind, taken: Taken<'_>) -> Vec<Vec<(Arc<str>, f64)>> {
        let sources = kind.sources.iter();
        let groups = sources.map(|source| {
            let type_idx = taken.profile.type_idx(&source.sample_type);
            match (source.measure, type_idx) {
                (Measure::ByState, Some(type_idx)) => {
                    grouped(&mut self.states, taken, type_idx, goroutines::state)
                }
                (Measure::ByCreator, Some(type_idx)) => {
                    grouped(&mut self.creators, taken, type_idx, goroutines::creator)
                }
                _ => Vec::new(),
            }
        });
        groups.collect()
    }
}

/// The groups that are followed, with what there is of each.
fn grouped<'a>(
    followed: &mut Followed,
    taken: Taken<'a>,
    type_idx: usize,
    of: fn(&'a Profile, StackId, LabelSetId) -> Cow<'a, str>,
) -> Vec<(Arc<str>, f64)> {
    let mut sums: BTreeMap<Arc<str>, f64> = BTreeMap::new();
    for (name, sum) in goroutines::by(taken.profile, type_idx, of) {
        *sums.entry(Arc::from(&*shares::short(&name))).or_default() += sum;
    }
    let scores = sums.iter().map(|(name, sum)| (name, *sum));
    followed.update(taken.time, GROUPS, scores, |_| true);
    let names = followed.names();
    names
        .map(|name| (Arc::clone(name), sums.get(name).copied().unwrap_or(0.0)))
        .collect()
}

/// What a signal is, of one profile.
fn elements<'a>(
    kind: &'a str,
    source: &FromProfile,
    taken: Taken<'_>,
    told: Option<&'a Told>,
    groups: &'a [(Arc<str>, f64)],
) -> Vec<Element<'a>> {
    let element = |label: Option<(&'a str, &'a str)>, value: f64| {
        let mut labels: LabelPairs<'a> = vec![(PROFILE_LABEL, kind)];
        labels.extend(label);
        labels.sort_unstable();
        Element { labels, value }
    };
    let of_groups = |label| {
        let groups = groups.iter();
        groups
            .map(|(name, value)| element(Some((label, name)), *value))
            .collect()
    };
    let of_functions = |idx: usize| {
        let functions = told.into_iter().flat_map(|told| &told.functions);
        functions
            .map(|(name, shares)| element(Some((FUNCTION_LABEL, name)), shares[idx]))
            .collect()
    };
    match source.measure {
        Measure::Total | Measure::PerSecond => {
            let value = amount(source, taken);
            value
                .into_iter()
                .map(|value| element(None, value))
                .collect()
        }
        Measure::Samples => {
            let n_events = told.map(|told| told.n_events.round());
            n_events.into_iter().map(|n| element(None, n)).collect()
        }
        Measure::SelfShare => of_functions(0),
        Measure::TotalShare => of_functions(1),
        Measure::ByState => of_groups(STATE_LABEL),
        Measure::ByCreator => of_groups(CREATOR_LABEL),
    }
}

/// The sum of all values, for a second if that is asked for; none if the profile does not have it.
fn amount(source: &FromProfile, taken: Taken<'_>) -> Option<f64> {
    let profile = taken.profile;
    let type_idx = profile.type_idx(&source.sample_type)?;
    let sample_type = profile.sample_types.get(type_idx)?;
    let total = profile.total(type_idx) as f64 * in_seconds(profile.strings.get(sample_type.unit));
    if source.measure != Measure::PerSecond {
        return Some(total);
    }
    let seconds = profile.duration_nanos as f64 / 1e9;
    (taken.is_delta && seconds > 0.0).then(|| total / seconds)
}

/// By what values in a unit are multiplied: times are told in seconds.
fn in_seconds(unit: &str) -> f64 {
    match unit {
        "nanoseconds" => 1e-9,
        "microseconds" => 1e-6,
        "milliseconds" => 1e-3,
        _ => 1.0,
    }
}
