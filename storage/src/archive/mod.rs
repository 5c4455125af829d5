//! The Parquet archive: a reader of the log that writes tables for years.
//!
//! [`Archive`] buffers records and flushes them: every table's rows of one stretch of the log
//! become files that appear all at once or not at all, and carry the log position they reach.
//! [`ProfileQuery`] reads profiles back as they were. The tables are described in
//! `storage/SCHEMA.md`.
//!
//! This module does not know where records come from beyond the log, and holds no query engine:
//! the tables are for DuckDB, Polars, Spark and the like.

use std::path::PathBuf;
use std::time::Duration;

mod buffer;
mod capture;
mod check;
mod checksum;
mod columns;
mod content_hash;
mod day;
mod error;
mod event_rows;
mod exemplar_rows;
mod file_name;
mod files;
mod finding_buffer;
mod finding_rows;
mod flush;
mod folder;
mod frames;
mod fuse;
mod histogram_rows;
mod inspect;
mod intern;
mod keeper;
mod last_times;
mod merge;
mod merged_samples;
mod metric_buffer;
mod metric_day;
mod metric_rows;
mod metrics;
mod profile_buffer;
mod profile_query;
mod profile_rows;
mod reading;
mod recall;
pub mod remote;
mod rollup;
mod run;
mod sample_rows;
mod schema;
mod seen;
mod span_buffer;
mod span_rows;
mod stack_rows;
mod staging;
mod table;
mod table_file;
mod target_rows;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verify;
mod watch;
mod writer;

pub use content_hash::capture_id;
pub use error::ArchiveError;
pub use flush::FlushReport;
pub use inspect::{
    ArchiveFile, Inspection, Inspector, NamedCount, SeriesCounts, inspect, series_counts,
};
pub use keeper::{
    Compacted, CompactionOptions, CompactionReport, DropReason, Dropped, Keeper, KeeperMetrics,
    KeeperOptions, KeeperStop, PruneMode, PruneReport, RetentionPolicy, RunningKeeper,
};
pub use metrics::ArchiveMetrics;
pub use profile_query::ProfileQuery;
#[doc(hidden)]
pub use recall::generate;
pub use recall::{
    Allowance, Asked, FindingAnswer, FindingQuery, MergedProfile, ProfileCatalog, ProfileSelection,
    ProfileSeries, ProfileTotals, Recall, RecallError, Sample, Series, SeriesAnswer, SeriesLimits,
    SeriesQuery, SeriesTotals, TotalsQuery, Window, WindowValues,
};
pub use table::Resolution;
pub use verify::{Damage, Depth, Severity, VerifyProgress, VerifyReport, verify};
pub use watch::TargetEvents;
pub use writer::Archive;

/// How the archive is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Folder of the tables (`TABLE/date=YYYY-MM-DD/*.parquet` below it).
    pub path: PathBuf,
    /// Rows are written to files when the buffers hold this much, or eight samples of each series
    /// (64 bytes) where that is more. Bytes.
    pub buffer_bytes: usize,
    /// Rows are written to files when the oldest is this old. After a start the first flush
    /// comes much sooner, so that a new user sees files at once.
    pub flush_interval: Duration,
    /// zstd level, 1…22.
    pub compression_level: i32,
}
