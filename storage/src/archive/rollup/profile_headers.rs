//! `profiles` → `profiles_5m` or `profiles_1h`: what the captures of a window say apart from their
//! samples.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::builder::Int64Builder;
use arrow_array::{ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StructArray};
use proto::profile::{Profile, ValueType};

use super::merged_windows::MergedWindows;
use super::profile_index::{ProfileIndex, WindowKey};
use crate::archive::capture::{Capture, ProfileRow};
use crate::archive::error::ArchiveError;
use crate::archive::profile_query::assemble;
use crate::archive::profile_query::captures::{self, ProfileRows};
use crate::archive::profile_rows::ProfileColumns;
use crate::archive::reading::Columns;
use crate::archive::table::Table;
use crate::archive::table_file::TableFile;

/// Rows that are turned into Arrow arrays at once.
const ROWS_A_BATCH: usize = 1024;
/// Sample types of a capture at most. More are told as the last.
const MAX_TYPES: i32 = 1000;

/// Merges captures that come by series and time. What is held is the open windows of a series.
pub(super) struct HeaderMerger<'a> {
    index: &'a ProfileIndex,
    windows: MergedWindows,
    file: TableFile,
    current: u64,
    open: BTreeMap<WindowKey, Merged>,
    columns: ProfileColumns,
    n_captures: Int64Builder,
    n_rows: usize,
}

/// A capture merged of several.
struct Merged {
    /// The first one, with the sums of all.
    first: captures::Capture,
    n_captures: i64,
    /// Mappings and comments of the last one, to see at once that the next one has the same.
    last: (ArrayRef, ArrayRef),
}

impl<'a> HeaderMerger<'a> {
    pub(super) fn new(index: &'a ProfileIndex, windows: MergedWindows, file: TableFile) -> Self {
        Self {
            index,
            windows,
            file,
            current: 0,
            open: BTreeMap::new(),
            columns: ProfileColumns::new(),
            n_captures: Int64Builder::new(),
            n_rows: 0,
        }
    }

    /// Adds rows of `profiles`, in the order of series and time.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), ArchiveError> {
        let batch = StructArray::from(batch.clone());
        let columns = Columns::new(&batch, Path::new(Table::Profiles.name()));
        let rows = ProfileRows::new(columns)?;
        let ids: &Int64Array = columns.get("series_id")?;
        let times: &Int64Array = columns.get("time_nanos")?;
        let is_delta: &BooleanArray = columns.get("is_delta")?;
        let durations: &Int64Array = columns.get("duration_nanos")?;
        let periods: &Int64Array = columns.get("period")?;
        let mappings: &ListArray = columns.get("mappings")?;
        let comments: &ListArray = columns.get("comments")?;
        for row in 0..columns.len() {
            let id = ids.value(row).cast_unsigned();
            let key = WindowKey {
                start: self
                    .windows
                    .grid
                    .start(times.value(row).div_euclid(1_000_000)),
                is_delta: is_delta.value(row),
            };
            self.close_before(id, key.start)?;
            if !self.windows.grid.is_complete(key.start) {
                continue;
            }
            let last = (mappings.value(row), comments.value(row));
            let Some(merged) = self.open.get_mut(&key) else {
                self.open.insert(key, Merged::first(&rows, row, last)?);
                continue;
            };
            merged.n_captures += 1;
            let first = &mut merged.first;
            first.duration_nanos = first.duration_nanos.saturating_add(durations.value(row));
            first.period = first.period.max(periods.value(row));
            if *merged.last.0 != *last.0 || *merged.last.1 != *last.1 {
                merged.add_new(&rows, row)?;
                merged.last = last;
            }
        }
        Ok(())
    }

    /// Writes the windows of other series, and those that begin before `start`.
    fn close_before(&mut self, id: u64, start: i64) -> Result<(), ArchiveError> {
        let is_other = self.current != id;
        while let Some(entry) = self.open.first_entry() {
            if !is_other && entry.key().start >= start {
                break;
            }
            let (key, merged) = entry.remove_entry();
            self.write_row(key, merged);
        }
        self.current = id;
        if self.n_rows >= ROWS_A_BATCH {
            self.write()?;
        }
        Ok(())
    }

    fn write_row(&mut self, key: WindowKey, merged: Merged) {
        let Some(series) = self.index.series(self.current) else {
            return;
        };
        let [capture_id, profile_id] = self.windows.ids(key, series, self.current);
        let (total, n_samples) = self.windows.totals(profile_id);
        let type_idx = merged.first.types.first().map_or(0, |first| first.idx);
        let row = ProfileRow {
            id: profile_id,
            series_id: self.current,
            capture_idx: 0,
            type_idx: type_idx.clamp(0, MAX_TYPES) as usize,
            total,
            n_samples,
        };
        let n_captures = merged.n_captures;
        let capture = merged.into_capture(capture_id, key.start, row.type_idx);
        self.columns.push(&row, &capture);
        self.n_captures.append_value(n_captures);
        self.n_rows += 1;
    }

    fn write(&mut self) -> Result<(), ArchiveError> {
        self.n_rows = 0;
        let columns = std::mem::replace(&mut self.columns, ProfileColumns::new());
        let mut columns = columns
            .finish()
            .map_err(ArchiveError::columns(Table::Profiles5m))?;
        columns.push(std::sync::Arc::new(self.n_captures.finish()));
        self.file.write(columns)
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<TableFile, ArchiveError> {
        self.close_before(self.current, i64::MAX)?;
        if self.n_rows > 0 {
            self.write()?;
        }
        Ok(self.file)
    }
}

impl Merged {
    fn first(
        rows: &ProfileRows<'_>,
        row: usize,
        last: (ArrayRef, ArrayRef),
    ) -> Result<Self, ArchiveError> {
        let first = rows.capture(row, rows.labels(row)?, rows.sample_type(row)?)?;
        Ok(Self {
            first,
            n_captures: 1,
            last,
        })
    }

    /// Adds mappings and comments that were not there yet.
    fn add_new(&mut self, rows: &ProfileRows<'_>, row: usize) -> Result<(), ArchiveError> {
        for mapping in rows.mappings(row)? {
            if !self.first.mappings.contains(&mapping) {
                self.first.mappings.push(mapping);
            }
        }
        for comment in rows.comments(row)? {
            if !self.first.comments.contains(&comment) {
                self.first.comments.push(comment);
            }
        }
        Ok(())
    }

    /// The capture of a window that begins at `start` (milliseconds), with its one sample type at its
    /// place.
    fn into_capture(self, id: u64, start: i64, type_idx: usize) -> Capture {
        let first = self.first;
        let is_default = first.types.first().is_some_and(|first| first.is_default);
        let header: Profile = assemble::builder(&first).finish();
        let own = header.sample_types.first().copied();
        let mut sample_types = vec![ValueType::default(); type_idx];
        sample_types.extend(own);
        Capture {
            id,
            target: first.target,
            kind: first.kind,
            is_delta: first.is_delta,
            header: Profile {
                sample_types,
                default_sample_type: is_default.then_some(type_idx as u32),
                time_nanos: start.saturating_mul(1_000_000),
                ..header
            },
        }
    }
}
