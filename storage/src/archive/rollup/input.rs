//! Raw files as a rollup reads them.

use std::path::Path;

use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_array::{ArrowPrimitiveType, cast::AsArray as _};
use proto::UnixMillis;

use super::RollUp;
use super::plan::Stretch;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::FileName;
use crate::archive::files::TablePath;
use crate::archive::merge::{Input, Merge};
use crate::archive::reading;
use crate::archive::table::Table;

/// The rows of some files of a table, in the order of its key.
pub(super) fn merged(
    root: &Path,
    table: Table,
    day: Day,
    names: &[FileName],
) -> Result<Merge<'static>, ArchiveError> {
    let schema = table.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let inputs = names.iter().map(|&name| {
        let path = TablePath { table, day, name }.path(root);
        Ok(Box::new(reading::open(&path, &columns)?) as Input<'static>)
    });
    let inputs: Result<Vec<_>, ArchiveError> = inputs.collect();
    Merge::new(table, inputs?)
}

/// The time of the newest row of a stretch's raw table.
pub(super) fn newest(job: &RollUp<'_>, stretch: &Stretch) -> Result<UnixMillis, ArchiveError> {
    let (table, day) = (stretch.group.raw(), stretch.day);
    let mut newest = UnixMillis(i64::MIN);
    for &name in &stretch.raw {
        let path = TablePath { table, day, name }.path(job.root);
        let time = reading::greatest(&path, "time")?.unwrap_or(i64::MIN);
        // `profiles` have microseconds.
        let time = match table {
            Table::Profiles => time.div_euclid(1000),
            _ => time,
        };
        newest = newest.max(UnixMillis(time));
    }
    Ok(newest)
}

/// A column of a batch that comes out of a merge, whose schema is the table's.
pub(super) fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    table: Table,
    name: &str,
) -> Result<&'a PrimitiveArray<T>, ArchiveError> {
    let column = batch.column_by_name(name).map(ArrayRef::as_ref);
    let column = column.and_then(|column: &dyn Array| column.as_primitive_opt());
    column.ok_or_else(|| wrong(table, name))
}

/// The error of a column that is not there.
pub(super) fn wrong(table: Table, name: &str) -> ArchiveError {
    let what = format!("column {name} is missing or of another type");
    ArchiveError::damaged(Path::new(table.name()), what)
}
