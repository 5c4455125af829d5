//! A leadsman that scrapes one counting target for the archive and one receiver.

use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::wait::{PATIENCE, until};

use super::archived_points;

/// All of it, running.
pub(super) struct Scene {
    pub(super) leadsman: Leadsman,
    pub(super) target: CountingTarget,
    pub(super) receiver: OtlpReceiver,
    pub(super) yaml: String,
}

/// Keys of `archive` that make everything happen soon.
pub(super) const QUICK: &str =
    ", flush_interval: 1s, log: {segment_size: 64KiB, sync_interval: 100ms}";

/// Started with these keys of `archive`.
pub(super) fn launch(archive_keys: &str) -> Launch {
    Launch {
        archive_keys: archive_keys.to_owned(),
        ..Launch::default()
    }
}

impl Scene {
    pub(super) async fn start(folder: &Path, launch: Launch, interval: &str) -> Result<Self> {
        let target = CountingTarget::start().await?;
        let receiver = OtlpReceiver::http().await?;
        let yaml = format!(
            "global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n\
             telemetry: {{scrape_self: false}}\n\
             scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n\
             otlp:\n{}",
            target.address,
            receiver_yaml("first", &receiver)
        );
        let leadsman = Leadsman::launch(folder, launch, &yaml).await?;
        leadsman.wait_until_up(&["counting"]).await?;
        Ok(Self {
            leadsman,
            target,
            receiver,
            yaml,
        })
    }

    /// Waits for so many scrapes more.
    pub(super) async fn more_scrapes(&self, n_more: u64) -> Result<()> {
        let before = self.target.scrapes();
        until("more scrapes", PATIENCE, || async {
            let scrapes = self.target.scrapes();
            ensure!(scrapes >= before + n_more, "{scrapes} scrapes");
            Ok(())
        })
        .await
    }

    /// Waits until `/-/healthy` says this.
    pub(super) async fn health(&self, says: &str) -> Result<()> {
        until(says, PATIENCE, || async {
            let health = self.leadsman.get("/-/healthy").await?;
            ensure!(health.contains(says), "{health}");
            Ok(())
        })
        .await
    }

    /// The sum of one of its own metrics.
    pub(super) async fn metric(&self, name: &str) -> Result<f64> {
        self.leadsman.sum("/metrics", name).await
    }

    /// Stops it in the orderly way.
    pub(super) fn stop(&mut self) -> Result<()> {
        let process = &mut self.leadsman.process;
        let status = tokio::task::block_in_place(|| process.stop(PATIENCE))?;
        ensure!(status.success(), "{status}: {}", process.output());
        Ok(())
    }

    /// Stops it, and looks whether every scrape is there once, in order, at the receiver too.
    pub(super) fn check_every_scrape_is_kept(mut self) -> Result<()> {
        self.stop()?;
        let archived = kept(&self.leadsman.data, 1..=self.target.scrapes())?;
        let mut received = self.receiver.number_points("counting", "scrapes_total");
        received.dedup();
        assert_eq!(received, archived, "receiver and archive differ");
        Ok(())
    }
}

/// The archived counts of the job `counting` by time, each once and one after the other. Those of
/// `expected` must be there, but for scrapes that failed, which must be there as well: a busy
/// machine may need longer than their timeout.
pub(super) fn kept(data: &Path, expected: RangeInclusive<u64>) -> Result<Vec<(u64, f64)>> {
    let rows = archived_points(data, "scrapes_total", "counting")?;
    let counts: Vec<u64> = rows.iter().map(|(_, count)| *count as u64).collect();
    ensure!(
        counts.is_sorted_by(|a, b| a < b),
        "out of order: {counts:?}"
    );
    check_none_missing(data, &counts, expected)?;
    Ok(rows)
}

/// The second half of [`kept`], for counts that are sorted.
pub(super) fn check_none_missing(
    data: &Path,
    counts: &[u64],
    mut expected: RangeInclusive<u64>,
) -> Result<()> {
    let up = archived_points(data, "up", "counting")?;
    let n_failed = up.iter().filter(|(_, up)| *up == 0.0).count();
    let missing = expected
        .by_ref()
        .filter(|count| counts.binary_search(count).is_err());
    let missing: Vec<u64> = missing.collect();
    ensure!(
        missing.len() <= n_failed,
        "{missing:?} missing, {n_failed} failed"
    );
    Ok(())
}

/// An item of `otlp`.
pub(super) fn receiver_yaml(name: &str, receiver: &OtlpReceiver) -> String {
    format!(
        "  - {{name: {name}, endpoint: \"http://{}\", protocol: http/protobuf, \
         signals: [metrics], batch_interval: 100ms}}\n",
        receiver.address
    )
}
