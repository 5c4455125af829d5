//! What is asked of the archive about profiles, by the pages and by Pyroscope's clients alike.
//!
//! A client sees the labels of the target, `service_name` (the job, as in OTLP) and the names of the
//! type (`__profile_type__` and its parts). Values of states, such as memory in use, are means over the
//! captures of each target; amounts, such as CPU, are sums.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use proto::profile::{Profile, ProfileTypeId};
use proto::profile_ops::{FlameTree, Measure, measure, samples_with};
use proto::selector::{Matcher, Selector, SelectorError};
use proto::{Labels, UnixNanos};
use storage::ErrorChain;
use storage::archive::{
    ArchiveError, MergedProfile, ProfileSelection, ProfileSeries, Recall, RecallError,
};

use super::api::time::Range;

/// The label that Pyroscope's clients group and choose by: the job.
pub(super) const SERVICE_NAME: &str = "service_name";
/// The label with the whole id of a type.
pub(super) const PROFILE_TYPE: &str = "__profile_type__";
/// Names of the labels that a type's parts are told in.
const PARTS: [&str; 5] = [
    "__name__",
    "__type__",
    "__unit__",
    "__period_type__",
    "__period_unit__",
];

/// A selector of a client, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// What the target's labels must be.
    target: Selector,
    /// What the labels of the type must be.
    profile_type: Selector,
}

impl Wanted {
    /// Takes a selector apart.
    ///
    /// # Errors
    /// None that is known: the matchers were made before.
    pub(super) fn new(selector: Selector) -> Result<Self, SelectorError> {
        let mut wanted = Self::default();
        for matcher in selector.matchers {
            let name = matcher.name();
            if name == PROFILE_TYPE || PARTS.contains(&name) {
                wanted.profile_type.matchers.push(matcher);
            } else if name == SERVICE_NAME {
                let of_job = Matcher::new("job", matcher.op(), matcher.value())?;
                wanted.target.matchers.push(of_job);
            } else {
                wanted.target.matchers.push(matcher);
            }
        }
        Ok(wanted)
    }

    /// Whether profiles of a type can be meant.
    pub(super) fn may_be(&self, type_id: &ProfileTypeId) -> bool {
        self.profile_type
            .matches(&Labels::from_pairs(type_labels(type_id)))
    }

    /// The type that it names, if it is one.
    pub(super) fn only_type(&self) -> Option<&str> {
        let name = |label| self.profile_type.only_value(label);
        name(PROFILE_TYPE).or_else(|| name("__name__"))
    }

    /// The same of any type.
    #[must_use]
    pub(super) fn of_any_type(self) -> Self {
        Self {
            profile_type: Selector::default(),
            ..self
        }
    }

    /// All captures of it in a range.
    pub(super) fn selection(&self, range: Range) -> ProfileSelection {
        ProfileSelection {
            selector: self.target.clone(),
            from: Some(range.from.into()),
            to: Some(UnixNanos::from(range.to)),
            ..ProfileSelection::default()
        }
    }

    /// The series of it that have captures in a range, and what could not be read.
    pub(super) fn series(
        &self,
        recall: &Recall,
        range: Range,
    ) -> Result<(Vec<ProfileSeries>, Vec<String>), RecallError> {
        let catalog = recall.profile_series(&self.selection(range))?;
        let mut series = catalog.series;
        series.retain(|series| self.may_be(&series.type_id));
        Ok((series, told(&catalog.left_out)))
    }
}

/// One type of the profiles that a selector means, in a range.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) wanted: Wanted,
    pub(super) type_id: ProfileTypeId,
    pub(super) range: Range,
    /// What the labels of the samples must be, such as the state of goroutines.
    pub(super) samples: Selector,
}

impl Choice {
    /// The captures of it.
    pub(super) fn selection(&self) -> ProfileSelection {
        ProfileSelection {
            profile_type: Some(self.type_id.clone()),
            ..self.wanted.selection(self.range)
        }
    }

    /// Merges them; `None` if there are none.
    pub(super) fn merge(&self, recall: &Recall) -> Result<Option<Merged>, RecallError> {
        if !self.wanted.may_be(&self.type_id) {
            return Ok(None);
        }
        let merged = recall.profile(&self.selection())?;
        Ok(merged.map(|mut merged| {
            merged.profile = samples_with(merged.profile, &self.samples);
            Merged::new(merged, &self.type_id)
        }))
    }
}

/// Merged profiles of one type.
pub(super) struct Merged {
    /// Their sum; it has the one type.
    pub(super) profile: Profile,
    pub(super) facts: Facts,
}

/// What is known of merged profiles.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Whether values are states, of which the mean is told.
    pub(super) is_state: bool,
    pub(super) n_captures: u64,
    pub(super) n_targets: u64,
    /// How long all captures took together; 0 for snapshots. Nanoseconds.
    pub(super) duration_nanos: i64,
    /// What could not be read.
    pub(super) left_out: Vec<String>,
}

impl Merged {
    fn new(merged: MergedProfile, type_id: &ProfileTypeId) -> Self {
        let is_state = match measure(&type_id.kind, &type_id.sample_type) {
            Measure::Amount => false,
            Measure::State => true,
            Measure::Cumulative => !merged.is_delta,
        };
        Self {
            facts: Facts {
                is_state,
                n_captures: merged.n_captures,
                n_targets: merged.n_targets as u64,
                duration_nanos: merged.profile.duration_nanos,
                left_out: told(&merged.left_out),
            },
            profile: merged.profile,
        }
    }

    /// The calls of the stacks that begin with `calls`.
    pub(super) fn tree(&self, calls: &[String]) -> FlameTree {
        let tree = FlameTree::below(&self.profile, 0, calls);
        match self.facts.share() {
            Some([part, whole]) => tree.scaled(part, whole),
            None => tree,
        }
    }
}

impl Facts {
    /// What part of the sum is told, if it is not all of it.
    pub(super) fn share(&self) -> Option<[u64; 2]> {
        let share = [self.n_targets.max(1), self.n_captures.max(1)];
        self.is_state.then_some(share)
    }

    /// That part of a sum.
    pub(super) fn shared(&self, sum: i64) -> i64 {
        let [part, whole] = self.share().unwrap_or([1, 1]);
        let shared = i128::from(sum) * i128::from(part) / i128::from(whole);
        i64::try_from(shared).unwrap_or(i64::MAX)
    }
}

/// Errors as the sentences that a client is told.
pub(super) fn told(errors: &[ArchiveError]) -> Vec<String> {
    let errors = errors.iter();
    errors.map(|error| ErrorChain(error).to_string()).collect()
}

/// All labels that a client sees of a series, in order of their names.
pub(super) fn labels_of(series: &ProfileSeries) -> Labels {
    let own = series.labels.iter();
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let job = series.labels.get("job").unwrap_or_default().to_owned();
    let service = [(SERVICE_NAME.to_owned(), job)];
    let of_type = type_labels(&series.type_id);
    let of_type = of_type.map(|(name, value)| (name.to_owned(), value));
    Labels::from_pairs(own.chain(service).chain(of_type))
}

fn type_labels(type_id: &ProfileTypeId) -> impl Iterator<Item = (&'static str, String)> {
    let ProfileTypeId {
        kind,
        sample_type,
        unit,
        period_type,
        period_unit,
    } = type_id;
    let parts = [kind, sample_type, unit, period_type, period_unit];
    let parts = PARTS.into_iter().zip(parts.map(Clone::clone));
    parts.chain([(PROFILE_TYPE, type_id.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> ProfileSeries {
        ProfileSeries {
            labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:1")]),
            type_id: "memory:inuse_space:bytes:space:bytes".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(selector: &str, expected: bool) {
        let series = series();
        let wanted = Wanted::new(selector.parse().unwrap()).unwrap();
        let is_meant = wanted.target.matches(&series.labels) && wanted.may_be(&series.type_id);
        assert_eq!(is_meant, expected, "{selector}");
        let selector: Selector = selector.parse().unwrap();
        assert_eq!(
            selector.matches(&labels_of(&series)),
            expected,
            "{selector}"
        );
    }

    #[test]
    fn a_selector_means_what_the_labels_say() {
        check("{}", true);
        check(r#"{service_name="etcd"}"#, true);
        check(r#"{service_name!~"etc."}"#, false);
        check(r#"{service_name="etcd",instance="b:1"}"#, false);
        check(
            r#"{__profile_type__="memory:inuse_space:bytes:space:bytes"}"#,
            true,
        );
        check(r#"{__profile_type__=~"process_cpu:.*"}"#, false);
        check(r#"{__name__="memory",__type__="alloc_space"}"#, false);
        check(r#"memory{__unit__="bytes",__period_type__="space"}"#, true);
    }
}
