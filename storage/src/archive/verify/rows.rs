//! The rows of one file: that they can be read, their order, their day, and their ids.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_row::{OwnedRow, Row, RowConverter};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use crate::archive::files::TablePath;
use crate::archive::merge;
use crate::archive::table::Table;
use proto::UnixMillis;

const ROWS_A_BATCH: usize = 8 * 1024;

/// Reads all rows of a file; gives each batch to `each` once it was found to be in order.
pub(super) fn check(
    file: &TablePath,
    content: File,
    metadata: ArrowReaderMetadata,
    mut each: impl FnMut(&RecordBatch),
) -> Result<(), String> {
    let expected = metadata.metadata().file_metadata().num_rows();
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata)
        .with_batch_size(ROWS_A_BATCH)
        .build()
        .map_err(|error| format!("cannot be read: {error}"))?;
    let mut order =
        Order::new(file.table).map_err(|error| format!("cannot be compared: {error}"))?;
    let mut n_rows = 0;
    for batch in reader {
        let batch = batch.map_err(|error| format!("a page cannot be read: {error}"))?;
        order.check(&batch)?;
        check_times(file, &batch)?;
        n_rows += batch.num_rows() as i64;
        each(&batch);
    }
    if n_rows == expected {
        Ok(())
    } else {
        Err(format!(
            "has {n_rows} rows where its footer says {expected}"
        ))
    }
}

/// The table's sort order.
struct Order {
    table: Table,
    keys: Option<RowConverter>,
    last: Option<OwnedRow>,
}

impl Order {
    fn new(table: Table) -> Result<Self, ArrowError> {
        let keys = (!table.sort_key().is_empty()).then(|| merge::key_converter(table));
        Ok(Self {
            table,
            keys: keys.transpose()?,
            last: None,
        })
    }

    fn check(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let Some(keys) = &self.keys else {
            return Ok(());
        };
        let rows = merge::key_columns(self.table, batch)
            .and_then(|columns| keys.convert_columns(&columns));
        let rows = rows.map_err(|error| format!("its sort key cannot be read: {error}"))?;
        let is_behind = |before: Row<'_>, row: Row<'_>| {
            if self.table.is_unique() {
                before < row
            } else {
                before <= row
            }
        };
        let first = self.last.as_ref().map(OwnedRow::row).into_iter();
        let before = first.chain(rows.iter());
        let skip = usize::from(self.last.is_none());
        let is_sorted = before
            .zip(rows.iter().skip(skip))
            .all(|(before, row)| is_behind(before, row));
        if !is_sorted {
            let key = self.table.sort_key().join(", ");
            return Err(format!("rows are not sorted by {key}"));
        }
        self.last = rows
            .iter()
            .next_back()
            .map(|row| row.owned())
            .or(self.last.take());
        Ok(())
    }
}

/// Whether the rows are of the folder's day. Exemplars are there by the time of their scrape.
fn check_times(file: &TablePath, batch: &RecordBatch) -> Result<(), String> {
    let Some(column) = batch
        .column_by_name("time")
        .filter(|_| file.table != Table::MetricExemplars)
    else {
        return Ok(());
    };
    let outside = match column.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let times = column.as_primitive::<TimestampMillisecondType>().values();
            times
                .iter()
                .copied()
                .find(|time| !file.day.contains(UnixMillis(*time)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = column.as_primitive::<TimestampMicrosecondType>().values();
            let mut times = times.iter().map(|time| time.div_euclid(1000));
            times.find(|time| !file.day.contains(UnixMillis(*time)))
        }
        _ => None,
    };
    match outside.map(UnixMillis) {
        None => Ok(()),
        Some(time) => Err(format!(
            "has rows of another day ({time} s since 1970) than its folder"
        )),
    }
}

/// The ids of a column; none if the batch has no such column.
pub(super) fn ids<'a>(batch: &'a RecordBatch, column: &str) -> impl Iterator<Item = u64> + 'a {
    let column = batch
        .column_by_name(column)
        .and_then(|column| column.as_primitive_opt::<Int64Type>());
    let column = column.into_iter().filter(|column| column.null_count() == 0);
    column.flat_map(|column| column.values().iter().map(|id| id.cast_unsigned()))
}

/// What a finding is about, below the archive's folder.
pub(super) fn shown(table: Table, day: &str, root: &Path) -> std::path::PathBuf {
    root.join(table.name()).join(day)
}
