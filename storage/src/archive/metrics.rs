//! What the archive tells about itself on `/metrics`.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::table::Table;

/// Counters and gauges of one archive; clones share them.
#[derive(Clone, Debug)]
pub struct ArchiveMetrics {
    pub(super) rows: IntCounterVec,
    pub(super) bytes: IntCounterVec,
    pub(super) files: IntCounterVec,
    pub(super) flush_seconds: Histogram,
    pub(super) flush_failures: IntCounter,
    pub(super) writable: IntGauge,
    pub(super) damaged_files: IntCounter,
    pub(super) buffer_bytes: IntGauge,
    pub(super) position: IntGauge,
    pub(super) dropped: IntCounterVec,
}

/// `reason` of samples and captures whose time is before 1970 or after 9999.
pub(super) const REASON_TIME: &str = "time_out_of_range";

impl ArchiveMetrics {
    /// Makes them, with a zero for each table.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let by_table =
            |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["table"]);
        let metrics = Self {
            rows: by_table(
                "leadsman_archive_rows_total",
                "Rows written to archive files.",
            )?,
            bytes: by_table(
                "leadsman_archive_bytes_total",
                "Size of archive files written.",
            )?,
            files: by_table("leadsman_archive_files_total", "Archive files written.")?,
            flush_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "leadsman_archive_flush_duration_seconds",
                    "Time taken to write the buffers to files.",
                )
                .buckets(vec![0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]),
            )?,
            flush_failures: IntCounter::new(
                "leadsman_archive_flush_failures_total",
                "Flushes that failed and are tried again.",
            )?,
            writable: IntGauge::new(
                "leadsman_archive_writable",
                "0 while files cannot be written, else 1.",
            )?,
            damaged_files: IntCounter::new(
                "leadsman_archive_damaged_files_total",
                "Archive files of the newest days that were found damaged at the start.",
            )?,
            buffer_bytes: IntGauge::new(
                "leadsman_archive_buffer_bytes",
                "Memory taken by rows that are not in a file yet.",
            )?,
            position: IntGauge::new(
                "leadsman_archive_position_bytes",
                "Position in the log up to which everything is in files.",
            )?,
            dropped: IntCounterVec::new(
                Opts::new(
                    "leadsman_archive_dropped_total",
                    "Samples and captures that could not be archived.",
                ),
                &["reason"],
            )?,
        };
        for table in Table::ALL {
            for by_table in [&metrics.rows, &metrics.bytes, &metrics.files] {
                by_table.with_label_values(&[table.name()]);
            }
        }
        metrics.dropped.with_label_values(&[REASON_TIME]);
        metrics.writable.set(1);
        Ok(metrics)
    }

    /// Whether the last flush was written.
    pub fn is_writable(&self) -> bool {
        self.writable.get() == 1
    }

    /// Registers all of them.
    ///
    /// # Errors
    /// When the registry has some of these names already.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.rows.clone()))?;
        registry.register(Box::new(self.bytes.clone()))?;
        registry.register(Box::new(self.files.clone()))?;
        registry.register(Box::new(self.flush_seconds.clone()))?;
        registry.register(Box::new(self.flush_failures.clone()))?;
        registry.register(Box::new(self.writable.clone()))?;
        registry.register(Box::new(self.damaged_files.clone()))?;
        registry.register(Box::new(self.buffer_bytes.clone()))?;
        registry.register(Box::new(self.position.clone()))?;
        registry.register(Box::new(self.dropped.clone()))
    }
}
