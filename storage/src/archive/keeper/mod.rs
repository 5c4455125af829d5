//! The archive's keeper: merges small files into large ones, rolls days up, and drops days that are
//! not kept any longer, quietly, one job at a time.
//!
//! [`listing`] says what is there, [`job`], [`plan`] and [`retention`] (pure) decide what to do,
//! [`compact`], [`rollups`] and [`prune`] do it, and [`replace`] shows it to readers at one moment.
//! The keeper knows nothing of the log and of what is buffered: it sees files, and files of a flush
//! only when all of the flush is there.

mod compact;
mod input;
mod job;
mod keeping;
mod listing;
mod metrics;
mod pace;
mod plan;
mod policy;
mod prune;
mod replace;
mod retention;
mod rolling;
mod rollups;
mod running;
mod space;
mod stacks;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use keeping::{Compacted, CompactionReport, Keeper};
pub use metrics::KeeperMetrics;
pub use policy::RetentionPolicy;
pub use prune::{Dropped, PruneMode, PruneReport};
pub use retention::DropReason;
pub use running::{KeeperStop, RunningKeeper};

pub(super) use policy::referrers;
pub(super) use replace::remove_leftovers;

/// How the archive is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeeperOptions {
    /// How files are merged.
    pub compaction: CompactionOptions,
    /// How long rows are kept.
    pub retention: RetentionPolicy,
    /// Share of a core that the keeper takes at most, on average: 0.1 is 100 ms of each second.
    pub max_duty_cycle: f64,
    /// Time between two looks at what is there, while there is nothing to do.
    pub check_interval: Duration,
}

/// How files are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactionOptions {
    /// zstd level of what is written, 1…22.
    pub compression_level: i32,
    /// No file gets larger by being merged. Bytes.
    pub max_file_bytes: u64,
    /// A day that has ended becomes one file when nothing came for it for this long.
    pub settle: Duration,
}

impl Default for CompactionOptions {
    fn default() -> Self {
        Self {
            compression_level: 6,
            max_file_bytes: 512 << 20,
            settle: Duration::from_secs(600),
        }
    }
}

impl Default for KeeperOptions {
    fn default() -> Self {
        Self {
            compaction: CompactionOptions::default(),
            retention: RetentionPolicy::default(),
            max_duty_cycle: 0.1,
            check_interval: Duration::from_secs(30),
        }
    }
}
