//! The captures of one day and the sums of their samples.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;

use arrow_array::{Int64Array, RecordBatch, StructArray};

use super::ProfileSelection;
use super::group::Groups;
use super::known::Known;
use super::plan::{DayPlan, Part};
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::profile_query::captures::{self, Capture, Captures};
use crate::archive::profile_query::samples::{LabelRows, Sample};
use crate::archive::reading::Columns;
use crate::archive::recall::scan::{Ids, Scan, open_rows};
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
    known: &Known<'_>,
    plan: &DayPlan,
) -> Result<(Groups, Vec<ArchiveError>), RecallError> {
    let (mut groups, mut left_out) = (Groups::default(), Vec::new());
    for part in &plan.parts {
        let mut captures = Captures::new();
        // Files whose captures are wanted. Rows of samples are in the same stretch of the log.
        let mut names = Vec::new();
        for file in &part.profiles {
            let n_before = captures.len();
            let result = read_captures(recall, known, part, file, &mut captures);
            note(result, &mut left_out)?;
            if captures.len() > n_before {
                names.push(file.name);
            }
        }
        let n_bytes = captures.values().map(n_bytes).sum();
        recall.allowance.take(n_bytes)?;
        let (places, series) = add_captures(selection, captures, &mut groups);
        let overlaps = |file: &&TablePath| {
            let mut names = names.iter();
            names.any(|name| name.from < file.name.to && file.name.from < name.to)
        };
        for file in part.samples.iter().filter(overlaps) {
            let result = read_samples(recall, file, &places, &series, &mut groups);
            note(result, &mut left_out)?;
        }
        recall.allowance.give_back(n_bytes);
    }
    Ok((groups, left_out))
}

/// What a capture takes in memory, about. Bytes.
fn n_bytes(capture: &Capture) -> usize {
    let comments: usize = capture.comments.iter().map(String::len).sum();
    1024 + 160 * capture.mappings.len() + comments
}

fn read_captures(
    recall: &Recall,
    known: &Known<'_>,
    part: &Part,
    file: &TablePath,
    captures: &mut Captures,
) -> Result<(), RecallError> {
    let runs = known.runs(recall, file, &part.times)?;
    if runs.is_empty() {
        return Ok(());
    }
    let rows = runs.iter().map(|run| run.rows.clone());
    let path = recall.files.describe(file);
    let rows = open_rows(&*recall.files, file, &captures::COLUMNS, rows)?;
    captures::read(rows, &path, &|_, _, _| true, captures)?;
    Ok(())
}

/// Adds what captures say of themselves; tells where their samples go, and of which series these are.
fn add_captures(
    selection: &ProfileSelection,
    captures: Captures,
    groups: &mut Groups,
) -> (Places, Ids) {
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
    (places, Ids::new(series))
}

fn read_samples(
    recall: &Recall,
    file: &TablePath,
    places: &Places,
    series: &Ids,
    groups: &mut Groups,
) -> Result<(), RecallError> {
    let scan = Scan {
        columns: &SAMPLES,
        text: None,
        ids: Some(("series_id", series)),
    };
    let path = recall.files.describe(file);
    for batch in scan.open(&*recall.files, file)? {
        let before = groups.n_bytes();
        add_samples(batch?, &path, places, groups)?;
        recall.allowance.take(groups.n_bytes() - before)?;
    }
    Ok(())
}

/// What is wrong with a file alone leaves it out; anything else ends the answer.
fn note(
    result: Result<(), RecallError>,
    left_out: &mut Vec<ArchiveError>,
) -> Result<(), RecallError> {
    if let Err(error) = result {
        left_out.push(error.into_left_out()?);
    }
    Ok(())
}

/// Adds up what one stack did over time before it is looked for among the sums: rows are sorted so.
fn add_samples(
    batch: RecordBatch,
    path: &Path,
    places: &Places,
    groups: &mut Groups,
) -> Result<(), ArchiveError> {
    let batch = StructArray::from(batch);
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
    Ok(())
}
