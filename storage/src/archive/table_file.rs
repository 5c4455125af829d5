//! One Parquet file while it is written.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::ZstdLevel;
use parquet::file::metadata::KeyValue;

use super::checksum::Summing;
use super::error::ArchiveError;
use super::files::TablePath;
use super::fuse;
use super::table::{Origin, SCHEMA_VERSION, Table};

/// Footer key: version of the schemas.
pub(super) const KEY_SCHEMA_VERSION: &str = "leadsman.schema_version";
/// Footer key: log position up to which the writer's records are in its files.
pub(super) const KEY_POSITION: &str = "leadsman.position";
/// Footer key: who wrote the file.
pub(super) const KEY_WRITER: &str = "leadsman.writer";
/// Footer key: the file's place below the archive's folder.
pub(super) const KEY_FILE: &str = "leadsman.file";
/// Footer key: [`Checksum`](super::checksum::Checksum) of all that comes before the page indexes.
pub(super) const KEY_CHECKSUM: &str = "leadsman.checksum";

/// A file of a table, open for writing.
pub(super) struct TableFile {
    table: Table,
    path: PathBuf,
    writer: ArrowWriter<Summing<BufWriter<File>>>,
    n_rows: usize,
}

/// What was written to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) n_rows: usize,
    pub(super) n_bytes: u64,
}

impl TableFile {
    /// Creates the file `file` of a table at `path`.
    pub(super) fn create(
        file: &TablePath,
        path: &Path,
        level: ZstdLevel,
    ) -> Result<Self, ArchiveError> {
        Self::create_as(file, path, level, Origin::Flush)
    }

    /// The same for rows of other files.
    pub(super) fn create_merged(
        file: &TablePath,
        path: &Path,
        level: ZstdLevel,
    ) -> Result<Self, ArchiveError> {
        Self::create_as(file, path, level, Origin::Merge)
    }

    fn create_as(
        file: &TablePath,
        path: &Path,
        level: ZstdLevel,
        origin: Origin,
    ) -> Result<Self, ArchiveError> {
        let out = fuse::step()
            .and_then(|()| File::create(path))
            .map_err(ArchiveError::io("create", path))?;
        let options = ArrowWriterOptions::new()
            .with_properties(file.table.writer_properties(level, origin))
            .with_skip_arrow_metadata(true);
        let schema = file.table.schema();
        let mut writer =
            ArrowWriter::try_new_with_options(Summing::new(BufWriter::new(out)), schema, options)
                .map_err(ArchiveError::parquet("start", path))?;
        for (key, value) in [
            (KEY_SCHEMA_VERSION, SCHEMA_VERSION.to_string()),
            (KEY_WRITER, file.name.writer.to_string()),
            (KEY_POSITION, file.name.to.to_string()),
            (KEY_FILE, file.to_string()),
        ] {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        Ok(Self {
            table: file.table,
            path: path.to_owned(),
            writer,
            n_rows: 0,
        })
    }

    /// Writes rows, column by column in the schema's order.
    pub(super) fn write(&mut self, columns: Vec<ArrayRef>) -> Result<(), ArchiveError> {
        let batch = RecordBatch::try_new(self.table.schema(), columns).map_err(|source| {
            ArchiveError::Columns {
                table: self.table.name(),
                source,
            }
        })?;
        self.n_rows += batch.num_rows();
        self.writer
            .write(&batch)
            .map_err(ArchiveError::parquet("write", &self.path))
    }

    /// Writes the footer and makes the file durable (its name is the caller's business).
    pub(super) fn finish(self) -> Result<Written, ArchiveError> {
        let Self {
            path,
            mut writer,
            n_rows,
            ..
        } = self;
        writer
            .flush()
            .map_err(ArchiveError::parquet("write", &path))?;
        writer.sync().map_err(ArchiveError::io("write", &path))?;
        let checksum = writer.inner().checksum().to_string();
        writer.append_key_value_metadata(KeyValue::new(KEY_CHECKSUM.to_owned(), checksum));
        let out = writer
            .into_inner()
            .map_err(ArchiveError::parquet("finish", &path))?;
        let file = out
            .into_inner()
            .into_inner()
            .map_err(|error| ArchiveError::io("write", &path)(error.into_error()))?;
        fuse::step()
            .and_then(|()| file.sync_all())
            .map_err(ArchiveError::io("sync", &path))?;
        let metadata = file
            .metadata()
            .map_err(ArchiveError::io("inspect", &path))?;
        Ok(Written {
            n_rows,
            n_bytes: metadata.len(),
        })
    }
}
