//! What tests of several modules need.

use std::path::Path;
use std::time::Duration;

use storage::log::LogOptions;

/// Of a small log in `path` that is synced at once.
pub(crate) fn log_options(path: &Path) -> LogOptions {
    LogOptions {
        path: path.to_owned(),
        segment_bytes: 1 << 20,
        disk_budget_bytes: 64 << 20,
        memory_tail_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    }
}
