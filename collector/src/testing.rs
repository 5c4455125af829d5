//! What tests of several modules need.

use std::path::Path;
use std::time::Duration;

use storage::Position;
use storage::log::{Log, LogOptions};

/// A small log in `path` that is synced at once.
pub(crate) fn open_log(path: &Path) -> Log {
    let options = LogOptions {
        path: path.to_owned(),
        segment_bytes: 1 << 20,
        disk_budget_bytes: 8 << 20,
        memory_tail_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    };
    Log::open(options, Position(0)).unwrap()
}
