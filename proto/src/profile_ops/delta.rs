//! What happened between two profiles that both count since the process started.

use super::merge::{Merger, types_agree};
use crate::profile::{Profile, StrId};

/// Value types that only grow while a process lives: Go's `allocs` and the first half of
/// `heap`, and both types of `block` and `mutex` (`runtime/pprof`). Everything else is a state
/// (`inuse_space`) or already covers an interval (`cpu`).
const CUMULATIVE_TYPES: [&str; 4] = ["alloc_objects", "alloc_space", "contentions", "delay"];

/// How much of the values before may be missing now, as a fraction of them, before it means that
/// the process is another one. Runtimes scale sampled values in floating point, and the scale
/// may move by a hair; a restart loses nearly everything.
const TOLERATED_LOSS: f64 = 0.01;

/// Whether [`delta`] has something to subtract in this profile.
pub fn has_cumulative_types(profile: &Profile) -> bool {
    (0..profile.sample_types.len()).any(|type_idx| is_cumulative(profile, type_idx))
}

/// The difference of two profiles of one process: cumulative types (`alloc_objects`,
/// `alloc_space`, `contentions`, `delay`) count what came since `previous`, the others are as in
/// `current`. Time is that of `current`, the duration is the time between them.
///
/// `None` if there is nothing to subtract, or `current` is of another process: other types,
/// another build, or counts that fell.
pub fn delta(previous: &Profile, current: &Profile) -> Option<Profile> {
    if !has_cumulative_types(current)
        || !types_agree(previous, current)
        || rebuilt(previous, current)
    {
        return None;
    }
    let mut merger = Merger::new();
    merger.add(current).ok()?;
    merger
        .add_scaled(previous, |type_idx, value| {
            if is_cumulative(current, type_idx) {
                value.saturating_neg()
            } else {
                0
            }
        })
        .ok()?;
    let mut difference = merger.finish().ok()?;
    if restarted(previous, &difference) {
        return None;
    }
    clear_losses(&mut difference);
    difference.time_nanos = current.time_nanos;
    difference.duration_nanos = match (previous.time_nanos, current.time_nanos) {
        (0, _) | (_, 0) => 0,
        (before, now) => now.saturating_sub(before).max(0),
    };
    Some(difference)
}

fn is_cumulative(profile: &Profile, type_idx: usize) -> bool {
    let kind = profile
        .sample_types
        .get(type_idx)
        .map_or("", |known| profile.strings.get(known.kind));
    is_cumulative_type(kind)
}

/// Whether values of a type only grow while a process lives.
pub(super) fn is_cumulative_type(sample_type: &str) -> bool {
    CUMULATIVE_TYPES.contains(&sample_type)
}

/// Whether both profiles name the build of their main binary, and it is not the same.
fn rebuilt(previous: &Profile, current: &Profile) -> bool {
    let build_id = |profile: &Profile| {
        let main = profile
            .mappings
            .first()
            .map_or(StrId::default(), |main| main.build_id);
        profile.strings.get(main).to_owned()
    };
    let (before, now) = (build_id(previous), build_id(current));
    !before.is_empty() && !now.is_empty() && before != now
}

fn restarted(previous: &Profile, difference: &Profile) -> bool {
    let types = (0..previous.sample_types.len()).filter(|idx| is_cumulative(previous, *idx));
    types.into_iter().any(|type_idx| {
        let value = |values: &[i64]| values.get(type_idx).copied().unwrap_or(0) as f64;
        let sum = |profile: &Profile, part: fn(f64) -> f64| -> f64 {
            profile
                .samples()
                .map(|(_, _, values)| part(value(values)))
                .sum()
        };
        let lost = -sum(difference, |change| change.min(0.0));
        lost > TOLERATED_LOSS * sum(previous, |before| before.max(0.0))
    })
}

/// Sets the tolerated losses to zero: a count of events is never negative.
fn clear_losses(difference: &mut Profile) {
    let n_types = difference.sample_types.len().max(1);
    for type_idx in (0..n_types)
        .filter(|idx| is_cumulative(difference, *idx))
        .collect::<Vec<_>>()
    {
        for value in difference.values.iter_mut().skip(type_idx).step_by(n_types) {
            *value = (*value).max(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::strategies::sample_profile;
    use super::super::{canonical, top};
    use super::*;

    const HEAP: [(&str, &str); 2] = [("alloc_space", "bytes"), ("inuse_space", "bytes")];

    fn flat(profile: &Profile, type_idx: usize) -> Vec<(String, i64)> {
        top(profile, type_idx, 9)
            .into_iter()
            .map(|row| (row.function, row.flat))
            .collect()
    }

    #[test]
    fn cumulative_types_are_subtracted_and_states_are_kept() {
        let mut before = sample_profile(&HEAP, &[("a", &[100, 50]), ("b", &[10, 0])]);
        before.time_nanos = 1_000;
        let mut now = sample_profile(&HEAP, &[("a", &[130, 40]), ("b", &[10, 0]), ("c", &[7, 7])]);
        now.time_nanos = 4_000;
        let between = delta(&before, &now).unwrap();
        assert_eq!(flat(&between, 0), [("a".into(), 30), ("c".into(), 7)]);
        assert_eq!(between.total(1), 47);
        assert_eq!((between.time_nanos, between.duration_nanos), (4_000, 3_000));
        assert_eq!(between.n_samples(), 2);
    }

    #[test]
    fn a_restarted_process_has_no_difference() {
        let before = sample_profile(&HEAP, &[("a", &[100, 50]), ("b", &[10, 0])]);
        let smaller = sample_profile(&HEAP, &[("a", &[20, 20])]);
        let larger_but_elsewhere = sample_profile(&HEAP, &[("c", &[5_000, 0])]);
        assert_eq!(delta(&before, &smaller), None);
        assert_eq!(delta(&before, &larger_but_elsewhere), None);
    }

    #[test]
    fn a_rounding_loss_is_zero() {
        let before = sample_profile(&HEAP, &[("a", &[100_000, 0]), ("b", &[10, 1])]);
        let now = sample_profile(&HEAP, &[("a", &[100_500, 0]), ("b", &[9, 1])]);
        let between = delta(&before, &now).unwrap();
        assert_eq!(flat(&between, 0), [("a".into(), 500)]);
    }

    #[test]
    fn another_build_has_no_difference() {
        let built = |build: &str| {
            let mut builder = crate::profile::ProfileBuilder::new();
            let kind = builder.string("delay");
            let build_id = builder.string(build);
            builder.profile_mut().sample_types = vec![crate::profile::ValueType {
                kind,
                unit: StrId(0),
            }];
            builder.mapping(crate::profile::Mapping {
                build_id,
                ..Default::default()
            });
            builder.finish()
        };
        assert_eq!(delta(&built("1"), &built("2")), None);
        let same = delta(&built("1"), &built("1")).unwrap();
        assert_eq!(canonical(&same), canonical(&built("1")));
    }

    #[test]
    fn nothing_to_subtract_has_no_difference() {
        let cpu = sample_profile(&[("cpu", "nanoseconds")], &[("a", &[1])]);
        assert!(!has_cumulative_types(&cpu));
        assert_eq!(delta(&cpu, &cpu), None);
    }
}
