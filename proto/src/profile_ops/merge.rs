//! Merging profiles: the sums of their samples, as `go tool pprof` gives them.

use super::import::{Importer, KnownMappings};
use crate::profile::{MappingId, Profile, ProfileBuilder, ValueType};

/// Why profiles cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There was no profile at all.
    #[error("no profiles to merge")]
    Nothing,
    /// Their values count different things.
    #[error("profile has {found} where the ones before it have {expected}")]
    Types {
        /// The types of the first profile.
        expected: String,
        /// The types of the one that does not fit.
        found: String,
    },
}

/// Merges profiles whose sample types and period type agree.
///
/// Equal samples are summed and samples of zeros left out, so the totals are those of
/// `go tool pprof`. Binaries that were loaded at different addresses are the same binary. The
/// result has the earliest time, the sum of the durations, the longest period, and the rest of
/// its header from the first profile that has it.
///
/// # Errors
/// If there are no profiles, or their types differ.
pub fn merge<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Result<Profile, MergeError> {
    let mut merger = Merger::new();
    for profile in profiles {
        merger.add(profile)?;
    }
    merger.finish()
}

/// Merges profiles one by one, so that only the result needs to be held.
#[derive(Debug, Default)]
pub struct Merger {
    builder: ProfileBuilder,
    known_mappings: KnownMappings,
    n_profiles: usize,
}

impl Merger {
    /// A merger without profiles.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a profile.
    ///
    /// # Errors
    /// If its types differ from those before; the merger is then as it was.
    pub fn add(&mut self, profile: &Profile) -> Result<(), MergeError> {
        self.add_scaled(profile, |_, value| value)
    }

    /// Adds a profile with each value put through `scale(type_idx, value)`.
    pub(super) fn add_scaled(
        &mut self,
        profile: &Profile,
        scale: impl Fn(usize, i64) -> i64,
    ) -> Result<(), MergeError> {
        self.check_types(profile)?;
        let is_first = self.n_profiles == 0;
        self.n_profiles += 1;
        let mut importer = Importer::new(profile, &mut self.builder, &mut self.known_mappings);
        if is_first {
            add_first_header(&mut importer, profile);
        }
        add_header(&mut importer, profile);
        let mut scaled = Vec::with_capacity(profile.sample_types.len());
        for (stack, labels, values) in profile.samples() {
            scaled.clear();
            scaled.extend(
                values
                    .iter()
                    .enumerate()
                    .map(|(idx, value)| scale(idx, *value)),
            );
            if scaled.iter().all(|value| *value == 0) {
                continue;
            }
            let (stack, labels) = (importer.stack(stack), importer.label_set(labels));
            importer.builder().add_sample(stack, labels, &scaled);
        }
        Ok(())
    }

    /// What it holds in memory, about. Bytes.
    pub fn n_bytes(&self) -> usize {
        // The indexes of the builder's tables take as much again.
        2 * self.builder.profile().n_bytes()
    }

    /// The merged profile.
    ///
    /// # Errors
    /// If no profile was added.
    pub fn finish(self) -> Result<Profile, MergeError> {
        if self.n_profiles == 0 {
            return Err(MergeError::Nothing);
        }
        let profile = self.builder.finish();
        if profile
            .samples()
            .all(|(_, _, values)| values.iter().any(|value| *value != 0))
        {
            return Ok(profile);
        }
        // Values cancelled out. Merging again leaves out those samples and what only they used.
        merge([&profile])
    }

    fn check_types(&self, profile: &Profile) -> Result<(), MergeError> {
        let merged = self.builder.profile();
        if self.n_profiles == 0 || types_agree(merged, profile) {
            return Ok(());
        }
        Err(MergeError::Types {
            expected: describe_types(merged),
            found: describe_types(profile),
        })
    }
}

/// What only the first profile says.
fn add_first_header(importer: &mut Importer<'_>, profile: &Profile) {
    let types = profile
        .sample_types
        .iter()
        .map(|known| importer.value_type(*known));
    let sample_types = types.collect();
    let period_type = importer.value_type(profile.period_type);
    let drop_frames = importer.string(profile.drop_frames);
    let keep_frames = importer.string(profile.keep_frames);
    let doc_url = importer.string(profile.doc_url);
    let merged = importer.builder().profile_mut();
    merged.sample_types = sample_types;
    merged.period_type = period_type;
    merged.drop_frames = drop_frames;
    merged.keep_frames = keep_frames;
    merged.doc_url = doc_url;
}

/// What each profile adds to the header.
fn add_header(importer: &mut Importer<'_>, profile: &Profile) {
    // The first mapping is the main binary and stays so, whether or not a sample lies in it.
    if importer.builder().profile().mappings.is_empty() && !profile.mappings.is_empty() {
        importer.mapping(MappingId(0));
    }
    let comments: Vec<_> = profile
        .comments
        .iter()
        .map(|text| importer.string(*text))
        .collect();
    let merged = importer.builder().profile_mut();
    for comment in comments {
        if !merged.comments.contains(&comment) {
            merged.comments.push(comment);
        }
    }
    merged.default_sample_type = merged.default_sample_type.or(profile.default_sample_type);
    merged.time_nanos = match (merged.time_nanos, profile.time_nanos) {
        (0, time) | (time, 0) => time,
        (first, second) => first.min(second),
    };
    merged.duration_nanos = merged.duration_nanos.saturating_add(profile.duration_nanos);
    merged.period = merged.period.max(profile.period);
}

/// Whether the values of two profiles count the same things, in the same order.
pub(super) fn types_agree(left: &Profile, right: &Profile) -> bool {
    type_texts(left).eq(type_texts(right))
}

/// Kind and unit of each sample type, then those of the period.
fn type_texts(profile: &Profile) -> impl Iterator<Item = [&str; 2]> {
    let text = |known: &ValueType| [known.kind, known.unit].map(|id| profile.strings.get(id));
    profile
        .sample_types
        .iter()
        .chain([&profile.period_type])
        .map(text)
}

fn describe_types(profile: &Profile) -> String {
    let mut texts: Vec<_> = type_texts(profile)
        .map(|kind_and_unit| kind_and_unit.join("/"))
        .collect();
    let period = texts.pop().unwrap_or_default();
    format!("{} (period {period})", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::canonical;
    use super::super::strategies::{any_profile, sample_profile};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn merging_nothing_is_an_error() {
        assert_eq!(merge([]), Err(MergeError::Nothing));
    }

    #[test]
    fn profiles_that_count_different_things_are_refused() {
        let cpu = sample_profile(&[("cpu", "nanoseconds")], &[("main", &[1])]);
        let heap = sample_profile(&[("space", "bytes")], &[("main", &[1])]);
        let refused = merge([&cpu, &heap]).unwrap_err().to_string();
        let expected = "profile has space/bytes (period /) where the ones before it have cpu/nanoseconds (period /)";
        assert_eq!(refused, expected);
    }

    #[test]
    fn samples_that_cancel_out_leave_nothing_behind() {
        let plus = sample_profile(&[("n", "count")], &[("main;a", &[1]), ("main;b", &[2])]);
        let minus = sample_profile(&[("n", "count")], &[("main;a", &[-1])]);
        let merged = merge([&plus, &minus]).unwrap();
        assert_eq!(merged.n_samples(), 1);
        assert_eq!((merged.stacks.len(), merged.functions.len()), (1, 2));
    }

    #[test]
    fn a_binary_loaded_at_another_address_is_the_same_binary() {
        let at = |start: u64| {
            let mut profile = sample_profile(&[("n", "count")], &[("main", &[1])]);
            profile.mappings = vec![crate::profile::Mapping {
                memory_start: start,
                memory_limit: start + 0x1000,
                ..Default::default()
            }];
            profile.locations[0].mapping = Some(MappingId(0));
            profile.locations[0].address = start + 0x10;
            profile
        };
        let merged = merge([&at(0x5000), &at(0x9000)]).unwrap();
        assert_eq!((merged.n_samples(), merged.total(0)), (1, 2));
        assert_eq!(merged.locations[0].address, 0x5010);
    }

    #[test]
    fn the_header_is_combined() {
        let mut first = sample_profile(&[("n", "count")], &[]);
        (first.time_nanos, first.duration_nanos, first.period) = (0, 5, 10);
        let mut second = first.clone();
        (second.time_nanos, second.duration_nanos, second.period) = (30, 7, 12);
        let mut third = first.clone();
        (third.time_nanos, third.default_sample_type) = (20, Some(0));
        let merged = merge([&first, &second, &third]).unwrap();
        assert_eq!(
            (merged.time_nanos, merged.duration_nanos, merged.period),
            (20, 17, 12)
        );
        assert_eq!(merged.default_sample_type, Some(0));
    }

    proptest! {
        #[test]
        fn totals_are_the_sums(profiles in prop::collection::vec(any_profile(), 1..5)) {
            let merged = merge(&profiles).unwrap();
            for type_idx in 0..merged.sample_types.len() {
                let sum: i64 = profiles.iter().map(|profile| profile.total(type_idx)).sum();
                prop_assert_eq!(merged.total(type_idx), sum);
            }
        }

        #[test]
        fn merging_is_associative(a in any_profile(), b in any_profile(), c in any_profile()) {
            let left = merge([&merge([&a, &b]).unwrap(), &c]).unwrap();
            let right = merge([&a, &merge([&b, &c]).unwrap()]).unwrap();
            prop_assert_eq!(canonical(&left), canonical(&right));
        }

        #[test]
        fn merging_twice_changes_nothing(profile in any_profile()) {
            let once = merge([&profile]).unwrap();
            prop_assert_eq!(canonical(&merge([&once]).unwrap()), canonical(&once));
        }
    }
}
