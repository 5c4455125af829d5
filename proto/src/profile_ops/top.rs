//! Where a profile's values are spent, function by function.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::profile::{LocationId, Profile};

/// One function's share of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopRow {
    /// Its name, as in [`crate::profile::Frame`].
    pub function: String,
    /// A source file of it, or the empty string.
    pub file: String,
    /// What was spent in the function itself.
    pub flat: i64,
    /// What was spent in it and in what it called. Recursion counts once.
    pub cum: i64,
}

/// The `n` functions with the largest own share of one sample type (by magnitude, so that the
/// rows of a difference come out too), then by total share, then by name. Functions of one name
/// are one row, as in `go tool pprof -top`.
pub fn top(profile: &Profile, type_idx: usize, n: usize) -> Vec<TopRow> {
    let mut table = Table::new(profile);
    let values = profile
        .samples()
        .map(|(stack, _, values)| (stack, values.get(type_idx)));
    for (sample_idx, (stack, value)) in values.enumerate() {
        let stack = profile
            .stacks
            .get(stack.0 as usize)
            .map_or(&[][..], |stack| stack);
        table.add(sample_idx, stack, value.copied().unwrap_or(0));
    }
    let mut rows = table.rows;
    rows.retain(|row| (row.flat, row.cum) != (0, 0));
    rows.sort_by(|left, right| {
        let magnitude = |row: &TopRow| (row.flat.unsigned_abs(), row.cum.unsigned_abs());
        magnitude(right)
            .cmp(&magnitude(left))
            .then_with(|| left.function.cmp(&right.function))
    });
    rows.truncate(n);
    rows
}

struct Table {
    rows: Vec<TopRow>,
    /// The rows of each location's frames, innermost first.
    rows_of_location: Vec<Vec<usize>>,
    /// The last sample that each row was on: a function is counted once for each.
    last_sample: Vec<Option<usize>>,
}

impl Table {
    fn new(profile: &Profile) -> Self {
        let mut rows = Vec::new();
        let mut row_of_name: HashMap<Cow<'_, str>, usize> = HashMap::new();
        let ids = (0..profile.locations.len() as u32).map(LocationId);
        let rows_of_location = ids.map(|id| {
            let frames = profile.frames_of_location(id);
            let row_idxs = frames.map(|frame| {
                *row_of_name.entry(frame.name).or_insert_with_key(|name| {
                    let (function, file) = (name.clone().into_owned(), frame.file.to_owned());
                    rows.push(TopRow {
                        function,
                        file,
                        flat: 0,
                        cum: 0,
                    });
                    rows.len() - 1
                })
            });
            row_idxs.collect()
        });
        let rows_of_location = rows_of_location.collect();
        Self {
            last_sample: vec![None; rows.len()],
            rows,
            rows_of_location,
        }
    }

    fn add(&mut self, sample_idx: usize, stack: &[LocationId], value: i64) {
        let locations = stack
            .iter()
            .filter_map(|id| self.rows_of_location.get(id.0 as usize));
        for (depth, &row_idx) in locations.flatten().enumerate() {
            let row = self
                .rows
                .get_mut(row_idx)
                .zip(self.last_sample.get_mut(row_idx));
            let Some((row, last_sample)) = row else {
                continue;
            };
            if depth == 0 {
                row.flat = row.flat.saturating_add(value);
            }
            if last_sample.replace(sample_idx) != Some(sample_idx) {
                row.cum = row.cum.saturating_add(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::strategies::sample_profile;
    use super::*;

    fn table(profile: &Profile, type_idx: usize, n: usize) -> Vec<(String, i64, i64)> {
        let rows = top(profile, type_idx, n).into_iter();
        rows.map(|row| (row.function, row.flat, row.cum)).collect()
    }

    #[test]
    fn own_share_first_and_recursion_once() {
        let types = [("n", "count"), ("t", "ns")];
        let samples: [(&str, &[i64]); 3] = [
            ("main;f;f;g", &[1, 10]),
            ("main;f", &[5, 0]),
            ("main", &[0, 2]),
        ];
        let profile = sample_profile(&types, &samples);
        let expected = [("f", 5, 6), ("g", 1, 1), ("main", 0, 6)];
        assert_eq!(
            table(&profile, 0, 9),
            expected.map(|(f, flat, cum)| (f.into(), flat, cum))
        );
        assert_eq!(table(&profile, 1, 1), [("g".into(), 10, 10)]);
    }

    #[test]
    fn a_difference_shows_what_fell_as_well() {
        let profile = sample_profile(&[("n", "count")], &[("main;a", &[-9]), ("main;b", &[4])]);
        assert_eq!(table(&profile, 0, 1), [("a".into(), -9, -9)]);
    }
}
