//! How two profiles differ: as a profile, and function by function.

use std::collections::BTreeMap;

use super::merge::{MergeError, Merger};
use super::top::{TopRow, top};
use crate::profile::{LabelValue, Profile, SampleLabel};

/// Label of the samples of the base in a difference, as `go tool pprof -diff_base` sets it: with it
/// pprof shows shares of the base's total.
pub const BASE_LABEL: &str = "pprof::base";

/// The samples of `current` and, negated and labelled [`BASE_LABEL`], those of `base` times `scale`.
///
/// # Errors
/// If their types differ.
pub fn diff(base: &Profile, current: &Profile, scale: f64) -> Result<Profile, MergeError> {
    let mut merger = Merger::new();
    merger.add(current)?;
    merger.add_scaled(&labelled(base), |_, value| scaled(value, -scale))?;
    let mut difference = merger.finish()?;
    difference.time_nanos = current.time_nanos;
    difference.duration_nanos = current.duration_nanos;
    Ok(difference)
}

/// One function in two profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffRow {
    /// Its name.
    pub function: String,
    /// What was spent in it alone, in the base (scaled) and now.
    pub flat: [i64; 2],
    /// What was spent in it and in what it called, in the base (scaled) and now.
    pub cum: [i64; 2],
}

/// The functions of two profiles, with the values of `base` times `scale`, by name.
pub fn compare(
    (base, base_type): (&Profile, usize),
    (current, current_type): (&Profile, usize),
    scale: f64,
) -> Vec<DiffRow> {
    let rows = |profile, type_idx| top(profile, type_idx, usize::MAX);
    compare_rows(rows(base, base_type), rows(current, current_type), scale)
}

/// The same of the functions that [`top`] told of each, so that one profile need not be held beside
/// the other.
pub fn compare_rows(base: Vec<TopRow>, current: Vec<TopRow>, scale: f64) -> Vec<DiffRow> {
    let mut rows: BTreeMap<String, DiffRow> = BTreeMap::new();
    for row in base {
        let (flat, cum) = (scaled(row.flat, scale), scaled(row.cum, scale));
        let known = rows
            .entry(row.function)
            .or_insert_with_key(|name| empty(name));
        (known.flat, known.cum) = ([flat, 0], [cum, 0]);
    }
    for row in current {
        let known = rows
            .entry(row.function)
            .or_insert_with_key(|name| empty(name));
        let ([flat, _], [cum, _]) = (known.flat, known.cum);
        (known.flat, known.cum) = ([flat, row.flat], [cum, row.cum]);
    }
    rows.into_values().collect()
}

fn empty(function: &str) -> DiffRow {
    DiffRow {
        function: function.to_owned(),
        flat: [0; 2],
        cum: [0; 2],
    }
}

/// Rounded to the next whole number; saturates.
fn scaled(value: i64, scale: f64) -> i64 {
    if scale == -1.0 {
        value.saturating_neg()
    } else if scale == 1.0 {
        value
    } else {
        (value as f64 * scale).round() as i64
    }
}

/// The profile with the base's label on every sample.
fn labelled(base: &Profile) -> Profile {
    let mut labelled = base.clone();
    let (key, value) = (
        labelled.strings.push(BASE_LABEL),
        labelled.strings.push("true"),
    );
    let label = SampleLabel {
        key,
        value: LabelValue::Str(value),
    };
    // The first set is the empty one and stays so: each set comes a second time, with the label.
    let with_label: Vec<Box<[SampleLabel]>> = labelled
        .label_sets
        .iter()
        .map(|set| set.iter().copied().chain([label]).collect())
        .collect();
    let n_sets = labelled.label_sets.len() as u32;
    labelled.label_sets.extend(with_label);
    for set in &mut labelled.sample_labels {
        set.0 += n_sets;
    }
    labelled
}

#[cfg(test)]
mod tests {
    use super::super::strategies::sample_profile;
    use super::*;

    const TYPES: [(&str, &str); 1] = [("cpu", "ns")];

    #[test]
    fn the_base_is_negated_scaled_and_labelled() {
        let base = sample_profile(&TYPES, &[("main;f", &[10]), ("main;g", &[3])]);
        let current = sample_profile(&TYPES, &[("main;f", &[7])]);
        let difference = diff(&base, &current, 0.5).unwrap();
        let mut samples: Vec<(String, bool, i64)> = difference
            .samples()
            .map(|(stack, labels, values)| {
                let leaf = difference.frames(stack).next().unwrap().name.into_owned();
                let is_base = difference.label_sets[labels.0 as usize]
                    .iter()
                    .any(|label| difference.strings.get(label.key) == BASE_LABEL);
                (leaf, is_base, values[0])
            })
            .collect();
        samples.sort();
        let expected = [("f", false, 7), ("f", true, -5), ("g", true, -2)];
        assert_eq!(
            samples,
            expected.map(|(leaf, is_base, value)| (leaf.to_owned(), is_base, value))
        );
    }

    #[test]
    fn functions_are_paired_by_name() {
        let base = sample_profile(&TYPES, &[("main;f", &[10]), ("main;g", &[3])]);
        let current = sample_profile(&TYPES, &[("main;f", &[7]), ("main;h", &[1])]);
        let rows = compare((&base, 0), (&current, 0), 1.0);
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (&*row.function, row.flat, row.cum))
            .collect();
        let expected = [
            ("f", [10, 7], [10, 7]),
            ("g", [3, 0], [3, 0]),
            ("h", [0, 1], [0, 1]),
            ("main", [0, 0], [13, 8]),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_profile_differs_in_nothing_from_itself() {
        let profile = sample_profile(&TYPES, &[("main;f", &[10]), ("main;g", &[3])]);
        let difference = diff(&profile, &profile, 1.0).unwrap();
        assert_eq!(difference.total(0), 0);
    }
}
