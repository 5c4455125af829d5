//! Several sorted streams of a table's rows → one.
//!
//! What compaction writes, what a rollup reads and what is sorted outside of memory all goes
//! through here. Memory: one batch of each input and one of the output.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch, UInt64Array, make_array};
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use arrow_row::{OwnedRow, RowConverter, Rows as KeyRows, SortField};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::error::ArchiveError;
use super::table::Table;

/// Rows of a batch that comes out, unless the inputs end sooner.
const ROWS_A_BATCH: usize = 16 * 1024;

/// Batches of one input, sorted by the table's key.
pub(super) type Input<'a> = Box<dyn Iterator<Item = Result<RecordBatch, ArchiveError>> + 'a>;

/// The rows of several inputs in the order of the table's sort key. Rows with equal keys come in
/// the order of the inputs; of a table whose rows are unique, only the first.
///
/// Inputs must hold all columns of the table (in any order; others are left out), and be sorted.
pub(super) struct Merge<'a> {
    table: Table,
    schema: SchemaRef,
    keys: RowConverter,
    cursors: Vec<Cursor<'a>>,
    last: Option<OwnedRow>,
    failed: bool,
}

/// A place in an input.
struct Cursor<'a> {
    input: Input<'a>,
    current: Option<Current>,
}

/// The batch a cursor is in.
struct Current {
    columns: Vec<ArrayData>,
    keys: KeyRows,
    row: usize,
}

/// A stretch of rows of a batch.
struct Slice {
    source: usize,
    start: usize,
    end: usize,
}

impl<'a> Merge<'a> {
    /// Starts at the beginning of all inputs.
    pub(super) fn new(table: Table, inputs: Vec<Input<'a>>) -> Result<Self, ArchiveError> {
        let schema = table.schema();
        let keys = key_converter(table).map_err(ArchiveError::columns(table))?;
        let cursors = inputs.into_iter().map(|input| Cursor {
            input,
            current: None,
        });
        let mut merge = Self {
            table,
            schema,
            keys,
            cursors: cursors.collect(),
            last: None,
            failed: false,
        };
        for idx in 0..merge.cursors.len() {
            merge.refill(idx)?;
        }
        merge.drop_ended();
        Ok(merge)
    }

    /// Moves a cursor to its next batch that has rows, or to its end.
    fn refill(&mut self, idx: usize) -> Result<(), ArchiveError> {
        let Some(cursor) = self.cursors.get_mut(idx) else {
            return Ok(());
        };
        cursor.current = None;
        while let Some(batch) = cursor.input.next().transpose()? {
            if batch.num_rows() > 0 {
                let current = Current::new(&self.keys, self.table, &self.schema, &batch);
                cursor.current = Some(current.map_err(ArchiveError::columns(self.table))?);
                break;
            }
        }
        Ok(())
    }

    fn drop_ended(&mut self) {
        self.cursors.retain(|cursor| cursor.current.is_some());
    }

    /// The next batch; `None` at the end of all inputs.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArchiveError> {
        let mut n_rows = 0;
        let mut slices: Vec<Slice> = Vec::new();
        let mut exhausted = None;
        while n_rows < ROWS_A_BATCH && exhausted.is_none() {
            let Some((idx, start, end)) = self.next_run(ROWS_A_BATCH - n_rows) else {
                break;
            };
            let start = self.skip_repeated(idx, start, end);
            n_rows += end - start;
            push_slice(
                &mut slices,
                Slice {
                    source: idx,
                    start,
                    end,
                },
            );
            if let Some(current) = self.current_mut(idx) {
                current.row = end;
                if end == current.keys.num_rows() {
                    exhausted = Some(idx);
                }
            }
        }
        if slices.is_empty() && exhausted.is_none() {
            return Ok(None);
        }
        let batch = self.gather(&slices, n_rows)?;
        if let Some(idx) = exhausted {
            self.refill(idx)?;
            self.drop_ended();
        }
        Ok(Some(batch))
    }

    /// The least cursor, and the stretch of its rows that come before those of all others.
    fn next_run(&self, limit: usize) -> Option<(usize, usize, usize)> {
        let heads = || {
            let cursors = self.cursors.iter().enumerate();
            cursors.filter_map(|(idx, cursor)| Some((idx, cursor.current.as_ref()?)))
        };
        let (idx, least) =
            heads().min_by(|(_, left), (_, right)| left.head().cmp(&right.head()))?;
        let others = heads().filter(|(other, _)| *other != idx);
        let bound = others.min_by(|(_, left), (_, right)| left.head().cmp(&right.head()));
        let rest = least.row..least.keys.num_rows().min(least.row + limit);
        let Some((other, bound)) = bound else {
            return Some((idx, rest.start, rest.end));
        };
        let bound = bound.head();
        let is_before = |row: usize| {
            let key = least.keys.row(row);
            if idx < other {
                key <= bound
            } else {
                key < bound
            }
        };
        Some((idx, rest.start, gallop(rest.start + 1, rest.end, is_before)))
    }

    /// Of a table of unique rows: the first row of the run that was not there before.
    fn skip_repeated(&mut self, idx: usize, start: usize, end: usize) -> usize {
        if !self.table.is_unique() {
            return start;
        }
        let current = self
            .cursors
            .get(idx)
            .and_then(|cursor| cursor.current.as_ref());
        let (Some(current), true) = (current, start < end) else {
            return start;
        };
        let is_repeated = |last: &OwnedRow| last.row() == current.keys.row(start);
        let repeated = self.last.as_ref().is_some_and(is_repeated);
        self.last = Some(current.keys.row(end - 1).owned());
        start + usize::from(repeated)
    }

    fn current_mut(&mut self, idx: usize) -> Option<&mut Current> {
        self.cursors.get_mut(idx)?.current.as_mut()
    }

    /// The rows of the slices as one batch.
    fn gather(&self, slices: &[Slice], n_rows: usize) -> Result<RecordBatch, ArchiveError> {
        let columns = (0..self.schema.fields().len()).map(|column| {
            let currents = self
                .cursors
                .iter()
                .filter_map(|cursor| cursor.current.as_ref());
            let sources = currents.filter_map(|current| current.columns.get(column));
            let mut rows = MutableArrayData::new(sources.collect(), false, n_rows);
            for slice in slices {
                rows.try_extend(slice.source, slice.start, slice.end)?;
            }
            Ok(make_array(rows.freeze()))
        });
        let columns: Result<Vec<ArrayRef>, ArrowError> = columns.collect();
        columns
            .and_then(|columns| RecordBatch::try_new(self.schema.clone(), columns))
            .map_err(ArchiveError::columns(self.table))
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<RecordBatch, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.next_batch();
        self.failed = batch.is_err();
        batch.transpose()
    }
}

impl Current {
    fn new(
        keys: &RowConverter,
        table: Table,
        schema: &SchemaRef,
        batch: &RecordBatch,
    ) -> Result<Self, ArrowError> {
        let key = key_columns(table, batch)?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| Ok(column(batch, field.name())?.to_data()));
        let columns: Result<Vec<ArrayData>, ArrowError> = columns.collect();
        Ok(Self {
            columns: columns?,
            keys: keys.convert_columns(&key)?,
            row: 0,
        })
    }

    fn head(&self) -> arrow_row::Row<'_> {
        self.keys.row(self.row)
    }
}

/// Adds a slice, to the one before where it goes on there.
fn push_slice(slices: &mut Vec<Slice>, slice: Slice) {
    match slices.last_mut() {
        Some(last) if last.source == slice.source && last.end == slice.start => {
            last.end = slice.end;
        }
        _ if slice.start == slice.end => {}
        _ => slices.push(slice),
    }
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

/// Makes the sort keys of a table comparable.
pub(super) fn key_converter(table: Table) -> Result<RowConverter, ArrowError> {
    let schema = table.schema();
    let fields = table.sort_key().iter().map(|name| {
        let field = schema.field_with_name(name);
        field.map(|field| SortField::new(key_type(field.data_type())))
    });
    fields.collect::<Result<_, _>>().and_then(RowConverter::new)
}

/// The columns of a table's sort key, for its converter.
pub(super) fn key_columns(table: Table, batch: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
    let key = table.sort_key().iter();
    key.map(|name| Ok(as_key(column(batch, name)?))).collect()
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    let column = batch.column_by_name(name).cloned();
    column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))
}

/// Ids are hashes, and sorted as such: unsigned.
fn key_type(of: &DataType) -> DataType {
    match of {
        DataType::Int64 => DataType::UInt64,
        other => other.clone(),
    }
}

fn as_key(column: ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<Int64Type>() {
        Some(ids) => Arc::new(UInt64Array::new(
            ids.values().inner().clone().into(),
            ids.nulls().cloned(),
        )),
        None => column,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int64Array, TimestampMillisecondArray};
    use proptest::prelude::*;

    type Row = (u64, i64, f64);

    fn batch(rows: &[Row]) -> RecordBatch {
        let ids: Int64Array = rows.iter().map(|row| row.0.cast_signed()).collect();
        let times: TimestampMillisecondArray = rows.iter().map(|row| Some(row.1)).collect();
        let values: Float64Array = rows.iter().map(|row| Some(row.2)).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(values),
        ];
        RecordBatch::try_new(Table::MetricPoints.schema(), columns).unwrap()
    }

    fn input(rows: Vec<Row>, batch_rows: usize) -> Input<'static> {
        let batches: Vec<_> = rows
            .chunks(batch_rows)
            .map(|rows| Ok(batch(rows)))
            .collect();
        Box::new(batches.into_iter())
    }

    fn rows(merge: Merge<'_>) -> Vec<Row> {
        let mut rows = Vec::new();
        for batch in merge {
            let batch = batch.unwrap();
            let ids = batch.column(0).as_primitive::<Int64Type>();
            let times = batch
                .column(1)
                .as_primitive::<arrow_array::types::TimestampMillisecondType>();
            let values = batch
                .column(2)
                .as_primitive::<arrow_array::types::Float64Type>();
            rows.extend((0..batch.num_rows()).map(|row| {
                (
                    ids.value(row).cast_unsigned(),
                    times.value(row),
                    values.value(row),
                )
            }));
        }
        rows
    }

    #[test]
    fn an_error_of_an_input_ends_the_merge() {
        let failing: Input<'_> = Box::new(
            [
                Ok(batch(&[(1, 1, 1.0)])),
                Err(ArchiveError::Locked { path: "x".into() }),
            ]
            .into_iter(),
        );
        let mut merge = Merge::new(Table::MetricPoints, vec![failing]).unwrap();
        let first = merge.next();
        assert!(first.is_some_and(|first| first.is_err()));
        assert!(merge.next().is_none());
    }

    #[test]
    fn ids_are_ordered_as_unsigned() {
        let inputs = vec![
            input(vec![(1, 1, 0.0), (u64::MAX, 1, 0.0)], 8),
            input(vec![(1 << 63, 1, 0.0)], 8),
        ];
        let ids: Vec<u64> = rows(Merge::new(Table::MetricPoints, inputs).unwrap())
            .iter()
            .map(|row| row.0)
            .collect();
        assert_eq!(ids, [1, 1 << 63, u64::MAX]);
    }

    proptest! {
        #[test]
        fn it_is_what_sorting_everything_gives(
            inputs in prop::collection::vec(prop::collection::btree_set((0u64..6, 0i64..40), 0..60), 0..5),
            batch_rows in 1usize..20,
        ) {
            let numbered = inputs.iter().enumerate().map(|(idx, keys)| -> Vec<Row> {
                keys.iter().map(|(id, time)| (*id, *time, idx as f64)).collect()
            });
            let numbered: Vec<Vec<Row>> = numbered.collect();
            let mut expected: Vec<Row> = numbered.concat();
            expected.sort_by_key(|row| (row.0, row.1, row.2 as i64));
            expected.dedup_by_key(|row| (row.0, row.1));
            let inputs = numbered.into_iter().map(|rows| input(rows, batch_rows)).collect();
            prop_assert_eq!(rows(Merge::new(Table::MetricPoints, inputs).unwrap()), expected);
        }
    }
}
