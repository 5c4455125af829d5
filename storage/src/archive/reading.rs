//! Reading table files back, with their columns checked before use.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{Array, ListArray, MapArray, RecordBatch, StringArray, StructArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use proto::Labels;

use super::error::ArchiveError;

/// The rows of a file, some thousand at a time.
pub(super) struct Rows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

/// Opens a file for reading `columns` of it.
pub(super) fn open(path: &Path, columns: &[&str]) -> Result<Rows, ArchiveError> {
    let file = File::open(path).map_err(ArchiveError::io("open", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(ArchiveError::parquet("open", path))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder
        .with_projection(mask)
        .with_batch_size(Rows::A_BATCH)
        .build()
        .map_err(ArchiveError::parquet("read", path))?;
    Ok(Rows::new(path.to_owned(), reader))
}

impl Rows {
    /// Rows that come at once.
    pub(super) const A_BATCH: usize = 8 * 1024;

    /// Of an open file; `path` is for messages.
    pub(super) fn new(path: PathBuf, reader: ParquetRecordBatchReader) -> Self {
        Self { path, reader }
    }
}

/// The greatest value of a column of integers or times, from the file's statistics; `None` if it has
/// none.
pub(super) fn greatest(path: &Path, column: &str) -> Result<Option<i64>, ArchiveError> {
    let file = File::open(path).map_err(ArchiveError::io("open", path))?;
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(ArchiveError::parquet("open", path))?;
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns);
    let columns = columns.filter(|chunk| chunk.column_path().string() == column);
    let greatest = columns.filter_map(|chunk| match chunk.statistics()? {
        Statistics::Int64(statistics) => statistics.max_opt().copied(),
        _ => None,
    });
    Ok(greatest.max())
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| ArchiveError::parquet("read", &self.path)(error.into())))
    }
}

/// Columns by name, as the types they must have.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    columns: &'a StructArray,
    path: &'a Path,
}

impl<'a> Columns<'a> {
    /// Of a batch of rows, or of the structs of a list; `path` is where they come from.
    pub(super) fn new(columns: &'a StructArray, path: &'a Path) -> Self {
        Self { columns, path }
    }

    /// The column `name` as an array of type `A`.
    pub(super) fn get<A: Array + 'static>(&self, name: &str) -> Result<&'a A, ArchiveError> {
        let column = self.columns.column_by_name(name);
        let column = column.and_then(|column| column.as_any().downcast_ref());
        column.ok_or_else(|| self.wrong(name))
    }

    /// The column `name`, if the file has it as an array of type `A`.
    pub(super) fn find<A: Array + 'static>(&self, name: &str) -> Option<&'a A> {
        self.columns.column_by_name(name)?.as_any().downcast_ref()
    }

    /// Columns of the same file that are nested in these.
    pub(super) fn of<'b>(&self, columns: &'b StructArray) -> Columns<'b>
    where
        'a: 'b,
    {
        Columns {
            columns,
            path: self.path,
        }
    }

    /// The items of a list column of structs, of all rows together.
    pub(super) fn items(&self, name: &str) -> Result<Columns<'a>, ArchiveError> {
        let items = self
            .get::<ListArray>(name)?
            .values()
            .as_any()
            .downcast_ref();
        let columns: &StructArray = items.ok_or_else(|| self.wrong(name))?;
        Ok(self.of(columns))
    }

    /// A row of a map of labels.
    pub(super) fn labels(&self, maps: &MapArray, row: usize) -> Result<Labels, ArchiveError> {
        let pairs = maps.value(row);
        let pairs = self.of(&pairs);
        let keys: &StringArray = pairs.get("key")?;
        let values: &StringArray = pairs.get("value")?;
        let pairs = keys.iter().zip(values);
        Ok(Labels::from_pairs(
            pairs.filter_map(|(key, value)| Some((key?, value?))),
        ))
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The error of a column that is not there or not as it must be.
    pub(super) fn wrong(&self, name: &str) -> ArchiveError {
        let what = format!("column {name} is missing or of another type");
        ArchiveError::damaged(self.path, what)
    }
}
