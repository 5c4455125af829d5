//! The durable, segmented log: one appender, many readers with a durable cursor each.

use std::path::PathBuf;
use std::time::Duration;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Folder of the segments and cursors.
    pub path: PathBuf,
    /// A segment is closed when it is this long. Bytes.
    pub segment_bytes: u64,
    /// The oldest segments go when all of them take more than this. Bytes.
    pub disk_budget_bytes: u64,
    /// Recent records kept in memory for readers that keep up. Bytes, encoded.
    pub memory_tail_bytes: usize,
    /// Records waiting to be written; an appender waits when it is full. Bytes, encoded.
    pub queue_bytes: usize,
    /// Longest time a record waits for its fsync; readers see a record only after it.
    /// Zero: every write is synced by itself.
    pub sync_interval: Duration,
}
