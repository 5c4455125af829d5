//! Which series of profiles match, and where their rows are in a file: what tells a series from
//! others is read once, of its first row.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{Array as _, Int64Array, MapArray, StringArray, StructArray};
use proto::profile::ProfileTypeId;

use super::{ProfileSelection, ProfileSeries};
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::Columns;
use crate::archive::recall::scan::{Scan, extent, open_rows};
use crate::archive::recall::{Recall, RecallError};
use crate::archive::seen::IdHasher;

/// What a series takes in memory, about. Bytes.
const A_SERIES: usize = 1024;

/// Series by id; `None` if one is known not to match.
type ById = HashMap<u64, Option<Arc<ProfileSeries>>, BuildHasherDefault<IdHasher>>;

/// The series that are known so far.
pub(super) struct Known<'a> {
    selection: &'a ProfileSelection,
    by_id: Mutex<ById>,
}

/// Rows of a file that follow each other, of one series and in the times that are wanted.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) rows: Range<usize>,
}

impl<'a> Known<'a> {
    pub(super) fn new(selection: &'a ProfileSelection) -> Self {
        Self {
            selection,
            by_id: Mutex::default(),
        }
    }

    /// A series that matches.
    pub(super) fn get(&self, id: u64) -> Option<Arc<ProfileSeries>> {
        self.by_id().get(&id).cloned().flatten()
    }

    /// The rows of a file of `profiles`, or of windows of them, that are wanted. In order.
    pub(super) fn runs(
        &self,
        recall: &Recall,
        file: &TablePath,
        times: &[Range<i64>],
    ) -> Result<Vec<Run>, RecallError> {
        recall.allowance.check()?;
        // Most files of a day are of other times than the last hour.
        let of_file = extent(&*recall.files, file, "time_nanos")?;
        let overlaps = |(first, last): (i64, i64)| {
            let mut times = times.iter();
            times.any(|range| range.start <= last && first < range.end)
        };
        if !of_file.is_none_or(overlaps) {
            return Ok(Vec::new());
        }
        let mut runs = read_runs(recall, file, times)?;
        let mut unknown: Vec<(u64, usize)> = Vec::new();
        {
            let by_id = self.by_id();
            for run in &runs {
                let is_new = unknown.last().is_none_or(|(id, _)| *id != run.id);
                if is_new && !by_id.contains_key(&run.id) {
                    unknown.push((run.id, run.rows.start));
                }
            }
        }
        if !unknown.is_empty() {
            self.learn(recall, file, &unknown)?;
        }
        let by_id = self.by_id();
        runs.retain(|run| by_id.get(&run.id).is_some_and(Option::is_some));
        Ok(runs)
    }

    /// Reads what tells some series from others, each at a row of it.
    fn learn(
        &self,
        recall: &Recall,
        file: &TablePath,
        unknown: &[(u64, usize)],
    ) -> Result<(), RecallError> {
        recall.allowance.take(unknown.len() * A_SERIES)?;
        let columns = [
            "labels",
            "kind",
            "sample_type",
            "sample_unit",
            "period_type",
            "period_unit",
        ];
        let rows = unknown.iter().map(|(_, row)| *row..*row + 1);
        let path = recall.files.describe(file);
        let mut ids = unknown.iter().map(|(id, _)| *id);
        for batch in open_rows(&*recall.files, file, &columns, rows)? {
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let identities = Identities::new(columns)?;
            for (row, id) in (0..batch.len()).zip(&mut ids) {
                let series = identities.read(row)?;
                let is_wanted = self.selection.wants(&series);
                self.by_id().insert(id, is_wanted.then(|| Arc::new(series)));
            }
        }
        Ok(())
    }

    fn by_id(&self) -> MutexGuard<'_, ById> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of all series in the times that are wanted.
fn read_runs(
    recall: &Recall,
    file: &TablePath,
    times: &[Range<i64>],
) -> Result<Vec<Run>, RecallError> {
    let scan = Scan {
        columns: &["series_id", "time_nanos"],
        text: None,
        ids: None,
    };
    let path = recall.files.describe(file);
    let (mut runs, mut n_before): (Vec<Run>, usize) = (Vec::new(), 0);
    for batch in scan.open(&*recall.files, file)? {
        recall.allowance.check()?;
        let batch = StructArray::from(batch?);
        let columns = Columns::new(&batch, &path);
        let ids: &Int64Array = columns.get("series_id")?;
        let stamps: &Int64Array = columns.get("time_nanos")?;
        for (row, (id, time)) in (n_before..).zip(ids.values().iter().zip(stamps.values())) {
            if !times.iter().any(|range| range.contains(time)) {
                continue;
            }
            let id = id.cast_unsigned();
            match runs.last_mut() {
                Some(run) if run.id == id && run.rows.end == row => run.rows.end = row + 1,
                _ => runs.push(Run {
                    id,
                    rows: row..row + 1,
                }),
            }
        }
        n_before += batch.len();
    }
    Ok(runs)
}

/// Columns that tell series apart.
struct Identities<'a> {
    columns: Columns<'a>,
    labels: &'a MapArray,
    /// kind, sample_type, sample_unit, period_type, period_unit
    texts: [&'a StringArray; 5],
}

impl<'a> Identities<'a> {
    fn new(columns: Columns<'a>) -> Result<Self, ArchiveError> {
        Ok(Self {
            columns,
            labels: columns.get("labels")?,
            texts: [
                columns.get("kind")?,
                columns.get("sample_type")?,
                columns.get("sample_unit")?,
                columns.get("period_type")?,
                columns.get("period_unit")?,
            ],
        })
    }

    fn read(&self, row: usize) -> Result<ProfileSeries, ArchiveError> {
        let [kind, sample_type, unit, period_type, period_unit] =
            self.texts.map(|text| text.value(row).to_owned());
        Ok(ProfileSeries {
            labels: self.columns.labels(self.labels, row)?,
            type_id: ProfileTypeId {
                kind,
                sample_type,
                unit,
                period_type,
                period_unit,
            },
        })
    }
}
