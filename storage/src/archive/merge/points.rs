//! Rows of `metric_points` → one stream.
//!
//! A key is two numbers and a row three, and runs are short: a file of a flush has some samples of
//! each series. So no key is encoded, and rows are copied as they are.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array as _, Float64Array, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::ArrowError;

use super::{Input, ROWS_A_BATCH, column, gallop};
use crate::archive::error::ArchiveError;
use crate::archive::table::Table;

/// The rows of several inputs: see [`Merge`](super::Merge).
pub(super) struct PointMerge<'a> {
    /// Those that have not ended, in the order of the inputs.
    cursors: Vec<Cursor<'a>>,
    /// The row that each is at.
    heads: Vec<Key>,
    last: Option<Key>,
}

/// Id, unsigned, and time of a row; in one number, which is compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(id: i64, time: i64) -> Self {
        // With the sign turned, times are in the same order as unsigned numbers.
        let time = time.cast_unsigned() ^ (1 << 63);
        Self(u128::from(id.cast_unsigned()) << 64 | u128::from(time))
    }
}

/// A place in an input.
struct Cursor<'a> {
    input: Input<'a>,
    ids: ScalarBuffer<i64>,
    times: ScalarBuffer<i64>,
    values: ScalarBuffer<f64>,
    row: usize,
}

/// Which rows come next: those of a cursor that are before a row of another one.
struct Next {
    cursor_idx: usize,
    bound: Option<(Key, usize)>,
}

impl<'a> PointMerge<'a> {
    /// Starts at the beginning of all inputs.
    pub(super) fn new(inputs: Vec<Input<'a>>) -> Result<Self, ArchiveError> {
        let (mut cursors, mut heads) = (Vec::new(), Vec::new());
        for input in inputs {
            let mut cursor = Cursor::new(input);
            if let Some(head) = cursor.refill()? {
                cursors.push(cursor);
                heads.push(head);
            }
        }
        Ok(Self {
            cursors,
            heads,
            last: None,
        })
    }

    /// The next batch; `None` at the end of all inputs.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArchiveError> {
        let mut out = Rows::with_room();
        while let Some(next) = self.least()
            && out.ids.len() < ROWS_A_BATCH
        {
            self.copy_run(&next, &mut out)?;
        }
        if out.ids.is_empty() {
            return Ok(None);
        }
        let batch = out.into_batch();
        batch
            .map(Some)
            .map_err(ArchiveError::columns(Table::MetricPoints))
    }

    /// The cursor that is at the least row, and the one that is at the next.
    fn least(&self) -> Option<Next> {
        let mut heads = self.heads.iter().enumerate();
        let mut least = heads.next().map(|(idx, key)| (*key, idx))?;
        let mut bound: Option<(Key, usize)> = None;
        for (idx, key) in heads {
            let head = (*key, idx);
            if head < least {
                bound = Some(std::mem::replace(&mut least, head));
            } else if bound.is_none_or(|bound| head < bound) {
                bound = Some(head);
            }
        }
        Some(Next {
            cursor_idx: least.1,
            bound,
        })
    }

    /// Copies rows, as many as have room, and moves the cursor on.
    fn copy_run(&mut self, next: &Next, out: &mut Rows) -> Result<(), ArchiveError> {
        let idx = next.cursor_idx;
        let (Some(cursor), Some(head)) = (self.cursors.get_mut(idx), self.heads.get_mut(idx))
        else {
            return Ok(());
        };
        let limit = ROWS_A_BATCH - out.ids.len();
        let end = cursor.run_end(next, limit);
        // A row that was written again.
        let is_repeated = self.last == Some(*head);
        cursor.copy(cursor.row + usize::from(is_repeated), end, out);
        self.last = cursor.key(end - 1);
        cursor.row = end;
        let key = match cursor.key(end) {
            Some(key) => Some(key),
            None => cursor.refill()?,
        };
        match key {
            Some(key) => *head = key,
            None => {
                self.cursors.remove(idx);
                self.heads.remove(idx);
            }
        }
        Ok(())
    }
}

impl<'a> Cursor<'a> {
    fn new(input: Input<'a>) -> Self {
        Self {
            input,
            ids: ScalarBuffer::default(),
            times: ScalarBuffer::default(),
            values: ScalarBuffer::default(),
            row: 0,
        }
    }

    /// Goes to the next batch that has rows; tells the first of them, or `None` at the end.
    fn refill(&mut self) -> Result<Option<Key>, ArchiveError> {
        self.row = 0;
        while let Some(batch) = self.input.next().transpose()? {
            self.take(&batch)
                .map_err(ArchiveError::columns(Table::MetricPoints))?;
            let head = self.key(0);
            if head.is_some() {
                return Ok(head);
            }
        }
        Ok(None)
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.ids = numbers::<Int64Type>(batch, "series_id")?;
        self.times = numbers::<TimestampMillisecondType>(batch, "time")?;
        self.values = numbers::<Float64Type>(batch, "value")?;
        Ok(())
    }

    /// The key of a row of the current batch.
    fn key(&self, row: usize) -> Option<Key> {
        Some(Key::new(*self.ids.get(row)?, *self.times.get(row)?))
    }

    /// Where the rows that come next end, `limit` of them at most. The first of them is one.
    fn run_end(&self, next: &Next, limit: usize) -> usize {
        let end = self.ids.len().min(self.row + limit);
        let Some((bound, other_idx)) = next.bound else {
            return end;
        };
        let comes_first = next.cursor_idx < other_idx;
        gallop(self.row + 1, end, |row| {
            let key = self.key(row);
            key.is_some_and(|key| key < bound || (key == bound && comes_first))
        })
    }

    fn copy(&self, start: usize, end: usize, out: &mut Rows) {
        if let (Some(ids), Some(times), Some(values)) = (
            self.ids.get(start..end),
            self.times.get(start..end),
            self.values.get(start..end),
        ) {
            out.ids.extend_from_slice(ids);
            out.times.extend_from_slice(times);
            out.values.extend_from_slice(values);
        }
    }
}

/// Rows that come out.
struct Rows {
    ids: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Rows {
    fn with_room() -> Self {
        Self {
            ids: Vec::with_capacity(ROWS_A_BATCH),
            times: Vec::with_capacity(ROWS_A_BATCH),
            values: Vec::with_capacity(ROWS_A_BATCH),
        }
    }

    fn into_batch(self) -> Result<RecordBatch, ArrowError> {
        let times = TimestampMillisecondArray::from(self.times).with_timezone("UTC");
        RecordBatch::try_new(
            Table::MetricPoints.schema(),
            vec![
                Arc::new(Int64Array::from(self.ids)),
                Arc::new(times),
                Arc::new(Float64Array::from(self.values)),
            ],
        )
    }
}

fn numbers<T: ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &str,
) -> Result<ScalarBuffer<T::Native>, ArrowError> {
    let column = column(batch, name)?;
    let numbers = column.as_primitive_opt::<T>();
    let numbers = numbers.filter(|numbers| numbers.null_count() == 0);
    let numbers = numbers.map(|numbers| numbers.values().clone());
    numbers.ok_or_else(|| {
        let what = format!("column {name} is of another type, or has rows without a value");
        ArrowError::SchemaError(what)
    })
}
