//! Several sorted streams of a table's rows → one.
//!
//! What compaction writes, what a rollup reads and what is sorted outside of memory all goes
//! through here. Memory: one batch of each input and one of the output.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod points;
mod rows;
#[cfg(test)]
mod tests;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;

use self::points::PointMerge;
use self::rows::RowMerge;
use super::error::ArchiveError;
use super::table::Table;

pub(super) use self::rows::{key_columns, key_converter};

/// Rows of a batch that comes out, unless the inputs end sooner.
const ROWS_A_BATCH: usize = 16 * 1024;

/// Batches of one input, sorted by the table's key.
pub(super) type Input<'a> = Box<dyn Iterator<Item = Result<RecordBatch, ArchiveError>> + 'a>;

/// The rows of several inputs in the order of the table's sort key. Rows with equal keys come in
/// the order of the inputs; of a table whose rows are unique, only the first.
///
/// Inputs must hold all columns of the table (in any order; others are left out), and be sorted.
pub(super) struct Merge<'a> {
    rows: Merging<'a>,
    failed: bool,
}

enum Merging<'a> {
    /// Of `metric_points`, which nearly all rows are of.
    Points(PointMerge<'a>),
    /// Of any other table.
    Rows(RowMerge<'a>),
}

impl<'a> Merge<'a> {
    /// Starts at the beginning of all inputs.
    pub(super) fn new(table: Table, inputs: Vec<Input<'a>>) -> Result<Self, ArchiveError> {
        Ok(Self::of(match table {
            Table::MetricPoints => Merging::Points(PointMerge::new(inputs)?),
            _ => Merging::Rows(RowMerge::new(table, inputs)?),
        }))
    }

    fn of(rows: Merging<'a>) -> Self {
        Self {
            rows,
            failed: false,
        }
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<RecordBatch, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = match &mut self.rows {
            Merging::Points(points) => points.next_batch(),
            Merging::Rows(rows) => rows.next_batch(),
        };
        self.failed = batch.is_err();
        batch.transpose()
    }
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    let column = batch.column_by_name(name).cloned();
    column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))
}

/// The first of `start..end` for which `is_before`, which holds up to some place, does not hold.
/// Most runs are short: it looks near the start first.
fn gallop(start: usize, end: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (start, 1);
    while low + step <= end && is_before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = end.min(low + step);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
