//! What the mirror tells about itself on `/metrics`.

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counters and gauges of the mirror; clones share them. Without a bucket they stay zero.
#[derive(Clone, Debug)]
pub struct MirrorMetrics {
    pub(super) uploads: IntCounterVec,
    pub(super) bytes: IntCounter,
    pub(super) deleted: IntCounterVec,
    pub(super) failed_passes: IntCounter,
    pub(super) backlog_files: IntGauge,
    pub(super) backlog_bytes: IntGauge,
    pub(super) last_success: Gauge,
}

/// `outcome` of uploads that reached the bucket.
pub(super) const OK: &str = "ok";
/// `outcome` of uploads that did not, and are tried again.
pub(super) const FAILED: &str = "failed";
/// `outcome` of files that are damaged and stay here.
pub(super) const DAMAGED: &str = "damaged";
/// `reason` of deletions: another file of ours has all its rows.
pub(super) const SUPERSEDED: &str = "superseded";
/// `reason` of deletions: the bucket's retention.
pub(super) const EXPIRED: &str = "expired";

impl MirrorMetrics {
    /// Makes them and registers all of them.
    ///
    /// # Errors
    /// When the registry has some of these names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self::new()?;
        registry.register(Box::new(metrics.uploads.clone()))?;
        registry.register(Box::new(metrics.bytes.clone()))?;
        registry.register(Box::new(metrics.deleted.clone()))?;
        registry.register(Box::new(metrics.failed_passes.clone()))?;
        registry.register(Box::new(metrics.backlog_files.clone()))?;
        registry.register(Box::new(metrics.backlog_bytes.clone()))?;
        registry.register(Box::new(metrics.last_success.clone()))?;
        Ok(metrics)
    }

    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let by = |name: &str, help: &str, label: &str, values: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            for value in values {
                counters.with_label_values(&[value]);
            }
            Ok::<_, prometheus::Error>(counters)
        };
        Ok(Self {
            uploads: by(
                "leadsman_object_store_uploads_total",
                "Archive files that were to go to the object store, by what became of it.",
                "outcome",
                &[OK, FAILED, DAMAGED],
            )?,
            bytes: IntCounter::new(
                "leadsman_object_store_upload_bytes_total",
                "Size of archive files that went to the object store.",
            )?,
            deleted: by(
                "leadsman_object_store_deleted_files_total",
                "Files of ours that were deleted in the object store, by reason.",
                "reason",
                &[SUPERSEDED, EXPIRED],
            )?,
            failed_passes: IntCounter::new(
                "leadsman_object_store_failed_passes_total",
                "Times that the object store could not be brought up to date and that are tried again.",
            )?,
            backlog_files: IntGauge::new(
                "leadsman_object_store_backlog_files",
                "Archive files that are not in the object store yet.",
            )?,
            backlog_bytes: IntGauge::new(
                "leadsman_object_store_backlog_bytes",
                "Size of archive files that are not in the object store yet.",
            )?,
            last_success: Gauge::new(
                "leadsman_object_store_last_success_timestamp_seconds",
                "When the object store last had every archive file, as seconds since 1970.",
            )?,
        })
    }
}
