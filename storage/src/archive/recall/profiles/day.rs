//! The captures of one day and the sums of their samples.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;

use arrow_array::{Int64Array, StructArray};
use proto::{Labels, UnixNanos};

use super::ProfileSelection;
use super::group::Groups;
use super::plan::{DayPlan, Part};
use crate::archive::error::ArchiveError;
use crate::archive::profile_query::captures::{self, Captures};
use crate::archive::profile_query::samples::{LabelRows, Sample};
use crate::archive::reading::{Columns, Rows};
use crate::archive::recall::scan::{Ids, Scan};
use crate::archive::recall::{Recall, RecallError};
use crate::archive::seen::IdHasher;

const SAMPLES: [&str; 4] = ["profile_id", "stack_id", "value", "labels"];

/// Where the samples of a profile go: group and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    group_idx: usize,
    type_idx: usize,
}

/// By profile.
type Places = HashMap<u64, Place, BuildHasherDefault<IdHasher>>;

/// Reads a day. Files that cannot be read are left out.
pub(super) fn read(
    recall: &Recall,
    selection: &ProfileSelection,
    plan: &DayPlan,
) -> Result<(Groups, Vec<ArchiveError>), RecallError> {
    let (mut groups, mut left_out) = (Groups::default(), Vec::new());
    for part in &plan.parts {
        read_part(recall, selection, part, &mut groups, &mut left_out)?;
    }
    Ok((groups, left_out))
}

fn read_part(
    recall: &Recall,
    selection: &ProfileSelection,
    part: &Part,
    groups: &mut Groups,
    left_out: &mut Vec<ArchiveError>,
) -> Result<(), RecallError> {
    let is_wanted = |labels: &Labels, kind: &str, time: UnixNanos| {
        part.times.iter().any(|range| range.contains(&time.0)) && selection.matches(labels, kind)
    };
    let mut captures = Captures::new();
    for file in &part.profiles {
        let scan = Scan {
            columns: &captures::COLUMNS,
            text: None,
            ids: None,
        };
        let path = recall.files.describe(file);
        let rows = scan.open(&*recall.files, file);
        let result = rows.and_then(|rows| captures::read(rows, &path, &is_wanted, &mut captures));
        note(result, left_out)?;
    }
    let (mut places, mut series) = (Places::default(), Vec::new());
    for mut capture in captures.into_values() {
        capture.types.sort_by_key(|known| known.idx);
        capture
            .types
            .retain(|known| selection.has_type(&known.kind));
        if capture.types.is_empty() {
            continue;
        }
        let ids = capture
            .types
            .iter()
            .map(|known| (known.profile_id, known.series_id));
        let ids: Vec<(u64, u64)> = ids.collect();
        let group_idx = groups.add(capture);
        for (type_idx, (profile_id, series_id)) in ids.into_iter().enumerate() {
            let place = Place {
                group_idx,
                type_idx,
            };
            places.insert(profile_id, place);
            series.push(series_id);
        }
    }
    let series = Ids::new(series);
    for file in part.samples.iter().filter(|_| !series.is_empty()) {
        let scan = Scan {
            columns: &SAMPLES,
            text: None,
            ids: Some(("series_id", &series)),
        };
        let path = recall.files.describe(file);
        let rows = scan.open(&*recall.files, file);
        note(
            rows.and_then(|rows| add_samples(rows, &path, &places, groups)),
            left_out,
        )?;
    }
    Ok(())
}

/// A file that is gone makes the whole answer be begun anew, any other error leaves it out.
fn note(
    result: Result<(), ArchiveError>,
    left_out: &mut Vec<ArchiveError>,
) -> Result<(), ArchiveError> {
    match result {
        Err(error) if !error.is_gone() => left_out.push(error),
        result => return result,
    }
    Ok(())
}

/// Adds up what one stack did over time before it is looked for among the sums: rows are sorted so.
fn add_samples(
    rows: Rows,
    path: &Path,
    places: &Places,
    groups: &mut Groups,
) -> Result<(), ArchiveError> {
    for batch in rows {
        let batch = StructArray::from(batch?);
        let columns = Columns::new(&batch, path);
        let profiles: &Int64Array = columns.get("profile_id")?;
        let stacks: &Int64Array = columns.get("stack_id")?;
        let values: &Int64Array = columns.get("value")?;
        let labels = LabelRows::new(&columns)?;
        let rows = profiles
            .values()
            .iter()
            .zip(stacks.values())
            .zip(values.values());
        let mut run: Option<(Place, Sample, usize)> = None;
        for (row, ((profile_id, stack_id), value)) in rows.enumerate() {
            let Some(place) = places.get(&profile_id.cast_unsigned()) else {
                continue;
            };
            let stack_id = stack_id.cast_unsigned();
            match &mut run {
                Some((known, sample, last))
                    if *known == *place
                        && sample.stack_id == stack_id
                        && labels.are_equal(*last, row) =>
                {
                    sample.value = sample.value.saturating_add(*value);
                    *last = row;
                }
                _ => {
                    if let Some((place, sample, _)) = run.take() {
                        groups.add_value(place.group_idx, sample);
                    }
                    let set = if labels.is_empty(row) {
                        Vec::new()
                    } else {
                        labels.read(row)
                    };
                    let sample = Sample {
                        stack_id,
                        labels: groups.labels(&set),
                        type_idx: place.type_idx,
                        value: *value,
                    };
                    run = Some((*place, sample, row));
                }
            }
        }
        if let Some((place, sample, _)) = run {
            groups.add_value(place.group_idx, sample);
        }
    }
    Ok(())
}
