//! Table files as inputs of a merge, whatever release wrote them.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::ArrowError;

use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::merge::Input;
use crate::archive::reading;
use crate::archive::table::Table;

/// All columns of a file, as they are now; those that were not there when it was written are null.
/// `n_rows` counts the rows that were read.
pub(in crate::archive) fn open(
    root: &Path,
    file: &TablePath,
    n_rows: &Rc<Cell<usize>>,
) -> Result<Input<'static>, ArchiveError> {
    let (table, n_rows) = (file.table, Rc::clone(n_rows));
    let schema = table.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| &**field.name())
        .collect();
    let rows = reading::open(&file.path(root), &names)?;
    Ok(Box::new(rows.map(move |batch| {
        let batch = conform(table, &batch?).map_err(ArchiveError::columns(table))?;
        n_rows.set(n_rows.get() + batch.num_rows());
        Ok(batch)
    })))
}

fn conform(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).cloned();
        match column {
            Some(column) => Ok(column),
            None if field.is_nullable() => Ok(new_null_array(field.data_type(), batch.num_rows())),
            None => {
                let what = format!("there is no column {}", field.name());
                Err(ArrowError::SchemaError(what))
            }
        }
    });
    let columns: Result<Vec<ArrayRef>, ArrowError> = columns.collect();
    RecordBatch::try_new(schema.clone(), columns?)
}
