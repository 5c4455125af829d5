//! The Parquet archive: a reader of the log that writes tables for years.

use std::path::PathBuf;
use std::time::Duration;

/// How the archive is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Folder of the tables (`TABLE/date=YYYY-MM-DD/*.parquet` below it).
    pub path: PathBuf,
    /// Rows are written to files when the buffers hold this much. Bytes.
    pub buffer_bytes: usize,
    /// Rows are written to files when the oldest is this old. After a start the first flush
    /// comes much sooner, so that a new user sees files at once.
    pub flush_interval: Duration,
    /// zstd level, 1…22.
    pub compression_level: i32,
}
