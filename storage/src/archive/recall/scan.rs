//! Reading few rows of a table's file: row groups and pages that cannot hold them are skipped by
//! their statistics, columns that are not asked for are not read.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::source::Files;
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::Rows;
use crate::archive::seen::IdSet;

/// Some ids, to be looked for in a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    set: Arc<IdSet>,
    /// As statistics order them.
    sorted: Arc<[i64]>,
}

impl Ids {
    pub(super) fn new(ids: impl IntoIterator<Item = u64>) -> Self {
        let set: IdSet = ids.into_iter().collect();
        let mut sorted: Vec<i64> = set.iter().map(|id| id.cast_signed()).collect();
        sorted.sort_unstable();
        Self {
            set: Arc::new(set),
            sorted: sorted.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.set.contains(&id)
    }

    pub(super) fn set(&self) -> &IdSet {
        &self.set
    }

    /// Whether one of them may be between two others, as signed numbers.
    fn any_within(&self, least: i64, greatest: i64) -> bool {
        let idx = self.sorted.partition_point(|id| *id < least);
        self.sorted.get(idx).is_some_and(|id| *id <= greatest)
    }
}

/// Which rows of a file to read, and what of them.
#[derive(Clone, Debug)]
pub(super) struct Scan<'a> {
    /// The columns.
    pub(super) columns: &'a [&'a str],
    /// A column of texts and the one value that is looked for. Pages without it are skipped; rows
    /// with another value may still come.
    pub(super) text: Option<(&'a str, &'a str)>,
    /// A column of ids and those that are looked for. No other rows come.
    pub(super) ids: Option<(&'a str, &'a Ids)>,
}

impl Scan<'_> {
    /// Opens a file of the table for reading.
    pub(super) fn open(&self, files: &dyn Files, file: &TablePath) -> Result<Rows, ArchiveError> {
        let path = files.describe(file);
        let opened = files.open(file)?;
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(opened, options)
            .map_err(ArchiveError::parquet("open", &path))?;
        let metadata = Arc::clone(builder.metadata());
        let (row_groups, selection) = self.select(&metadata);
        let schema = builder.parquet_schema();
        let mask = ProjectionMask::columns(schema, self.columns.iter().copied());
        let filter = self.ids.map(|(column, ids)| {
            let mask = ProjectionMask::columns(schema, [column]);
            let ids = ids.clone();
            let predicate = ArrowPredicateFn::new(mask, move |batch| holds(&batch, &ids));
            RowFilter::new(vec![Box::new(predicate)])
        });
        let mut builder = builder
            .with_projection(mask)
            .with_batch_size(Rows::A_BATCH)
            .with_row_groups(row_groups)
            .with_row_selection(selection);
        if let Some(filter) = filter {
            builder = builder.with_row_filter(filter);
        }
        let reader = builder
            .build()
            .map_err(ArchiveError::parquet("read", &path))?;
        Ok(Rows::new(path, reader))
    }

    /// The row groups that may hold rows, and the rows of their pages that do.
    fn select(&self, metadata: &ParquetMetaData) -> (Vec<usize>, RowSelection) {
        let (mut row_groups, mut ranges, mut n_before) = (Vec::new(), Vec::new(), 0);
        for (idx, row_group) in metadata.row_groups().iter().enumerate() {
            let n_rows = row_group.num_rows().max(0) as usize;
            let mut kept: Vec<Range<usize>> = std::iter::once(0..n_rows).collect();
            for (name, sought) in self.sought() {
                kept = match column_idx(row_group, name) {
                    Some(column) if may_hold(row_group, column, &sought) => {
                        pages(metadata, idx, column, n_rows, &sought, kept)
                    }
                    Some(_) => Vec::new(),
                    None => kept,
                };
            }
            if !kept.is_empty() {
                row_groups.push(idx);
                let moved = kept
                    .iter()
                    .map(|range| range.start + n_before..range.end + n_before);
                ranges.extend(moved);
                n_before += n_rows;
            }
        }
        let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), n_before);
        (row_groups, selection)
    }

    fn sought(&self) -> impl Iterator<Item = (&str, Sought<'_>)> {
        let text = self.text.map(|(column, text)| (column, Sought::Text(text)));
        let ids = self.ids.map(|(column, ids)| (column, Sought::Ids(ids)));
        text.into_iter().chain(ids)
    }
}

/// Opens a file of a table for reading some rows of it, in order, counted from its first.
pub(super) fn open_rows(
    files: &dyn Files,
    file: &TablePath,
    columns: &[&str],
    rows: impl Iterator<Item = Range<usize>>,
) -> Result<Rows, ArchiveError> {
    let path = files.describe(file);
    let options = ArrowReaderOptions::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(files.open(file)?, options)
        .map_err(ArchiveError::parquet("open", &path))?;
    let n_rows = builder.metadata().file_metadata().num_rows().max(0) as usize;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let selection = RowSelection::from_consecutive_ranges(rows, n_rows);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(Rows::A_BATCH)
        .with_row_selection(selection)
        .build()
        .map_err(ArchiveError::parquet("read", &path))?;
    Ok(Rows::new(path, reader))
}

/// The least and the greatest value of a column of integers, from a file's statistics; `None` if it
/// has none.
pub(super) fn extent(
    files: &dyn Files,
    file: &TablePath,
    column: &str,
) -> Result<Option<(i64, i64)>, ArchiveError> {
    let path = files.describe(file);
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&files.open(file)?)
        .map_err(ArchiveError::parquet("open", &path))?;
    let of_group = |row_group: &RowGroupMetaData| {
        let column = row_group.columns().get(column_idx(row_group, column)?)?;
        match column.statistics()? {
            Statistics::Int64(known) => Some((*known.min_opt()?, *known.max_opt()?)),
            _ => None,
        }
    };
    let extents = metadata.row_groups().iter().filter_map(of_group);
    Ok(extents.reduce(|(least, greatest), (min, max)| (least.min(min), greatest.max(max))))
}

/// What is looked for in a column.
#[derive(Clone, Copy)]
enum Sought<'a> {
    Text(&'a str),
    Ids(&'a Ids),
}

fn column_idx(row_group: &RowGroupMetaData, name: &str) -> Option<usize> {
    let columns = row_group.columns().iter();
    let mut paths = columns.map(|column| column.column_path().parts());
    paths.position(|path| matches!(path, [only] if only == name))
}

/// Whether a row group may hold what is sought, by the statistics of its column.
fn may_hold(row_group: &RowGroupMetaData, column: usize, sought: &Sought<'_>) -> bool {
    let statistics = row_group
        .columns()
        .get(column)
        .and_then(|column| column.statistics());
    match (statistics, sought) {
        (Some(Statistics::Int64(known)), Sought::Ids(ids)) => {
            match (known.min_opt(), known.max_opt()) {
                (Some(least), Some(greatest)) => ids.any_within(*least, *greatest),
                _ => true,
            }
        }
        (Some(Statistics::ByteArray(known)), Sought::Text(text)) => {
            match (known.min_opt(), known.max_opt()) {
                (Some(least), Some(greatest)) => {
                    (least.data()..=greatest.data()).contains(&text.as_bytes())
                }
                _ => true,
            }
        }
        _ => true,
    }
}

/// Those of some rows that are in pages that may hold what is sought.
fn pages(
    metadata: &ParquetMetaData,
    row_group: usize,
    column: usize,
    n_rows: usize,
    sought: &Sought<'_>,
    kept: Vec<Range<usize>>,
) -> Vec<Range<usize>> {
    let index = metadata.page_index_for_row_group(row_group);
    let (Some(values), Some(offsets)) = (index.column_index(column), index.offset_index(column))
    else {
        return kept;
    };
    let locations = offsets.page_locations();
    let starts = locations
        .iter()
        .map(|page| page.first_row_index.max(0) as usize);
    let ends = starts.clone().skip(1).chain([n_rows]);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (page, (start, end)) in starts.zip(ends).enumerate() {
        if !page_may_hold(values, page, sought) {
            continue;
        }
        for range in &kept {
            let both = range.start.max(start)..range.end.min(end);
            match ranges.last_mut() {
                _ if both.is_empty() => {}
                Some(last) if last.end == both.start => last.end = both.end,
                _ => ranges.push(both),
            }
        }
    }
    ranges
}

fn page_may_hold(values: &ColumnIndexMetaData, page: usize, sought: &Sought<'_>) -> bool {
    match (values, sought) {
        (ColumnIndexMetaData::INT64(index), Sought::Ids(ids)) => {
            match (index.min_value(page), index.max_value(page)) {
                (Some(least), Some(greatest)) => ids.any_within(*least, *greatest),
                _ => true,
            }
        }
        (ColumnIndexMetaData::BYTE_ARRAY(index), Sought::Text(text)) => {
            match (index.min_value(page), index.max_value(page)) {
                (Some(least), Some(greatest)) => (least..=greatest).contains(&text.as_bytes()),
                _ => true,
            }
        }
        _ => true,
    }
}

/// Of each row, whether its id is one of those. Files are sorted by id, or by what has few of them:
/// equal ones come one after the other.
fn holds(batch: &RecordBatch, ids: &Ids) -> Result<BooleanArray, ArrowError> {
    let column = batch.column(0).as_primitive_opt::<Int64Type>();
    let column = column.ok_or_else(|| ArrowError::SchemaError("ids are no numbers".to_owned()))?;
    let mut last = None;
    let holds = column.values().iter().map(|id| match last {
        Some((known, is_held)) if known == *id => is_held,
        _ => {
            let is_held = ids.contains(id.cast_unsigned());
            last = Some((*id, is_held));
            is_held
        }
    });
    Ok(BooleanArray::from(holds.collect::<Vec<bool>>()))
}
