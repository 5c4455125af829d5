//! Days that are too old while the bucket is away, and a disk that gets full meanwhile.

use std::path::Path;

use anyhow::{Result, ensure};
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::proxy::{Mode, Proxy};
use leadsman_tests::s3_server::S3Server;
use leadsman_tests::small_disk::SmallDisk;
use leadsman_tests::wait::{PATIENCE, until};

use super::reading::simulate;
use super::stop;

const MEBIBYTES: u32 = 64;
/// Of a small disk a tenth stays free.
const KEPT_FREE: u64 = MEBIBYTES as u64 * (1 << 20) / 10;
const FIRST: &str = "profiles/date=2026-11-21";
const SECOND: &str = "metric_points/date=2026-11-22";

async fn wait_until_gone(folder: &Path) -> Result<()> {
    until("a day to be dropped", PATIENCE, || async {
        ensure!(!folder.exists(), "{} is there", folder.display());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn old_days_wait_for_the_bucket_until_the_disk_is_full() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(&folder.path().join("data"), MEBIBYTES)?;
    let archive = folder.path().join("data/archive");
    simulate(&archive)?;
    let server = S3Server::start(folder.path()).await?;
    let mut proxy = Proxy::start(server.address).await?;
    proxy.set(Mode::Away).await?;
    let launch = Launch {
        archive_keys: format!(
            ", compaction: {{check_interval: 100ms, settle: 0s, max_duty_cycle: 1}}, \
             retention: {{raw: 1d, 5m: 36500d, 1h: 36500d, grace: 0s}}, {}",
            S3Server::section(proxy.address, "p")
        ),
        ..Launch::default()
    };
    let yaml = "telemetry: {scrape_self: false}\nscrape_configs: []\n";
    let mut leadsman = Leadsman::launch(folder.path(), launch, yaml).await?;
    until("passes to fail", PATIENCE, || async {
        let failed = "leadsman_object_store_failed_passes_total";
        ensure!(leadsman.sum("/metrics", failed).await? >= 2.0, "none");
        Ok(())
    })
    .await?;
    ensure!(archive.join(FIRST).exists() && archive.join(SECOND).exists());

    disk.fill(KEPT_FREE - 4096)?;
    wait_until_gone(&archive.join(FIRST)).await?;
    let lost = "leadsman_archive_dropped_before_upload_bytes_total";
    ensure!(leadsman.sum("/metrics", lost).await? > 0.0, "not told");
    let said = leadsman.process.output();
    ensure!(
        said.contains("does not have all of a day that had to go"),
        "{said}"
    );
    ensure!(archive.join(SECOND).exists(), "more went than was needed");

    proxy.set(Mode::Pass).await?;
    wait_until_gone(&archive.join(SECOND)).await?;
    let objects = server.objects().await?;
    let has = |day: &str| objects.iter().any(|(key, _)| key.contains(day));
    ensure!(has(SECOND) && !has(FIRST), "{objects:?}");
    stop(&mut leadsman)
}
