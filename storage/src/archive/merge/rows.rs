//! Rows of any table → one stream.
//!
//! Keys of any types are made comparable bytes. Memory: one batch of each input and one of the
//! output.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch, UInt64Array, make_array};
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use arrow_row::{OwnedRow, RowConverter, Rows as KeyRows, SortField};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::{Input, ROWS_A_BATCH, column, gallop};
use crate::archive::error::ArchiveError;
use crate::archive::table::Table;

/// The rows of several inputs: see [`Merge`](super::Merge).
pub(super) struct RowMerge<'a> {
    table: Table,
    schema: SchemaRef,
    keys: RowConverter,
    cursors: Vec<Cursor<'a>>,
    last: Option<OwnedRow>,
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

impl<'a> RowMerge<'a> {
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
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArchiveError> {
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

/// Makes the sort keys of a table comparable.
pub(in crate::archive) fn key_converter(table: Table) -> Result<RowConverter, ArrowError> {
    let schema = table.schema();
    let fields = table.sort_key().iter().map(|name| {
        let field = schema.field_with_name(name);
        field.map(|field| SortField::new(key_type(field.data_type())))
    });
    fields.collect::<Result<_, _>>().and_then(RowConverter::new)
}

/// The columns of a table's sort key, for its converter.
pub(in crate::archive) fn key_columns(
    table: Table,
    batch: &RecordBatch,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let key = table.sort_key().iter();
    key.map(|name| Ok(as_key(column(batch, name)?))).collect()
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
