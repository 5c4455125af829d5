//! What the keeper tells about itself on `/metrics`.

use prometheus::{Counter, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::job::KINDS;
use super::retention::DropReason;
use crate::archive::table::Table;

/// Counters and gauges of one keeper; clones share them.
#[derive(Clone, Debug)]
pub struct KeeperMetrics {
    pub(super) jobs: IntCounterVec,
    pub(super) read_bytes: IntCounter,
    pub(super) written_bytes: IntCounter,
    pub(super) written_rows: IntCounter,
    pub(super) cpu_seconds: Counter,
    pub(super) backlog_bytes: IntGauge,
    pub(super) damaged_files: IntGauge,
    pub(super) missing_bytes: IntGauge,
    pub(super) dropped_bytes: IntCounterVec,
    pub(super) dropped_partitions: IntCounterVec,
    pub(super) dropped_awaited_bytes: IntCounter,
}

/// Values of `outcome`.
pub(super) const DONE: &str = "done";
pub(super) const FAILED: &str = "failed";

impl KeeperMetrics {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            jobs: IntCounterVec::new(
                Opts::new(
                    "leadsman_keeper_jobs_total",
                    "Jobs of the archive's keeper: files merged, left-overs removed, days rolled up.",
                ),
                &["job", "outcome"],
            )?,
            read_bytes: IntCounter::new(
                "leadsman_keeper_read_bytes_total",
                "Size of the archive files that were merged.",
            )?,
            written_bytes: IntCounter::new(
                "leadsman_keeper_written_bytes_total",
                "Size of the archive files they became.",
            )?,
            written_rows: IntCounter::new(
                "leadsman_keeper_written_rows_total",
                "Rows of the archive files they became.",
            )?,
            cpu_seconds: Counter::new(
                "leadsman_keeper_cpu_seconds_total",
                "CPU time taken by the archive's keeper.",
            )?,
            backlog_bytes: IntGauge::new(
                "leadsman_keeper_backlog_bytes",
                "Size of the archive files that are to be merged next.",
            )?,
            damaged_files: IntGauge::new(
                "leadsman_keeper_damaged_files",
                "Archive files that were found damaged when they were to be merged, and are left as they are.",
            )?,
            missing_bytes: IntGauge::new(
                "leadsman_keeper_missing_bytes",
                "Free space that the disk lacks although the archive has no older day to drop.",
            )?,
            dropped_bytes: IntCounterVec::new(
                Opts::new(
                    "leadsman_archive_dropped_bytes_total",
                    "Size of archive files that were not kept any longer.",
                ),
                &["table", "reason"],
            )?,
            dropped_partitions: IntCounterVec::new(
                Opts::new(
                    "leadsman_archive_dropped_partitions_total",
                    "Days of archive tables that were not kept any longer.",
                ),
                &["table", "reason"],
            )?,
            dropped_awaited_bytes: IntCounter::new(
                "leadsman_archive_dropped_before_upload_bytes_total",
                "Size of days of archive tables that had to go before all of them was in the object store.",
            )?,
        };
        metrics.zero();
        Ok(metrics)
    }

    /// A zero for everything that can happen.
    fn zero(&self) {
        for kind in KINDS {
            for outcome in [DONE, FAILED] {
                self.jobs.with_label_values(&[kind, outcome]);
            }
        }
        for table in Table::ALL {
            for reason in DropReason::ALL {
                let labels = [table.name(), reason.name()];
                self.dropped_bytes.with_label_values(&labels);
                self.dropped_partitions.with_label_values(&labels);
            }
        }
    }

    /// Registers all of them.
    ///
    /// # Errors
    /// When the registry has some of these names already.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.jobs.clone()))?;
        registry.register(Box::new(self.read_bytes.clone()))?;
        registry.register(Box::new(self.written_bytes.clone()))?;
        registry.register(Box::new(self.written_rows.clone()))?;
        registry.register(Box::new(self.cpu_seconds.clone()))?;
        registry.register(Box::new(self.backlog_bytes.clone()))?;
        registry.register(Box::new(self.damaged_files.clone()))?;
        registry.register(Box::new(self.missing_bytes.clone()))?;
        registry.register(Box::new(self.dropped_bytes.clone()))?;
        registry.register(Box::new(self.dropped_partitions.clone()))?;
        registry.register(Box::new(self.dropped_awaited_bytes.clone()))
    }
}
