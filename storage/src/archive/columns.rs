//! Nested Arrow columns, put together from flat ones.

use std::sync::Arc;

use arrow_array::builder::{
    StringBuilder, TimestampMicrosecondBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, Fields};
use proto::Labels;

use super::schema;

/// A list column: how many items each row has. The items are a column of their own.
#[derive(Debug, Default)]
pub(super) struct ListLengths(Vec<usize>);

impl ListLengths {
    /// Adds a row with `n_items`.
    pub(super) fn push(&mut self, n_items: usize) {
        self.0.push(n_items);
    }

    /// The list column over all the items.
    pub(super) fn finish(self, items: ArrayRef) -> Result<ArrayRef, ArrowError> {
        let field = Arc::new(schema::element(items.data_type().clone()));
        let offsets = OffsetBuffer::from_lengths(self.0);
        Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
    }

    /// The list column over structs.
    pub(super) fn finish_structs(
        self,
        fields: Fields,
        columns: Vec<ArrayRef>,
    ) -> Result<ArrayRef, ArrowError> {
        self.finish(Arc::new(StructArray::try_new(fields, columns, None)?))
    }
}

/// A `MAP<VARCHAR, VARCHAR>` column of label sets.
#[derive(Debug, Default)]
pub(super) struct LabelsColumn {
    keys: StringBuilder,
    values: StringBuilder,
    lengths: Vec<usize>,
}

impl LabelsColumn {
    /// Adds a row.
    pub(super) fn push(&mut self, labels: &Labels) {
        let mut n_pairs = 0;
        for (key, value) in labels {
            self.keys.append_value(key);
            self.values.append_value(value);
            n_pairs += 1;
        }
        self.lengths.push(n_pairs);
    }

    /// The column.
    pub(super) fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(self.keys.finish()), Arc::new(self.values.finish())];
        let entries = StructArray::try_new(schema::label_fields(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let field = Arc::new(schema::map_entries());
        Ok(Arc::new(MapArray::try_new(
            field, offsets, entries, None, false,
        )?))
    }
}

/// A column of `TIMESTAMP(ms, UTC)`.
pub(super) fn millis_builder() -> TimestampMillisecondBuilder {
    TimestampMillisecondBuilder::new().with_timezone("UTC")
}

/// A column of `TIMESTAMP(us, UTC)`.
pub(super) fn micros_builder() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone("UTC")
}
