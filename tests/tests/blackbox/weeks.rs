//! What only shows over weeks: a real etcd whose database, by its made-up past, grows towards its quota.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadsman_tests::etcd::Etcd;
use leadsman_tests::history::{self, Past};
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::tools;
use leadsman_tests::wait::until;
use serde_json::Value;

use super::scene::{QUICK, launch};

const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes. etcd takes its quota as it is told, however small.
const QUOTA: &str = "30000";

/// The states of the trend of the database's size, the oldest first.
fn states(data: &Path) -> Result<Vec<Value>> {
    let mut findings = command(["findings", "--all", "--format", "json", "--archive"])?;
    let all: Value = serde_json::from_str(&tools::run(findings.arg(data))?)?;
    let all = all.as_array().context("no list")?.iter();
    let is_it = |one: &&Value| one["signal"] == "etcd_db_size" && one["rule"] == "trend";
    Ok(all.filter(is_it).cloned().collect())
}

async fn start(folder: &Path, yaml: &str) -> Result<Leadsman> {
    let leadsman = Leadsman::launch(folder, launch(QUICK), yaml).await?;
    leadsman.wait_until_up(&["etcd"]).await?;
    Ok(leadsman)
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_towards_a_limit_is_told_with_the_day_it_is_reached_and_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let etcd = Etcd::start_with(folder.path(), None, &["--quota-backend-bytes", QUOTA]).await?;
    let yaml = format!(
        "global: {{scrape_interval: 1s}}\n\
         telemetry: {{scrape_self: false}}\n\
         judging: {{signal_interval: 1s, review_interval: 2s}}\n\
         scrape_configs: [{{job_name: etcd, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        etcd.address
    );
    // The file has 20,480 bytes now: half as many four weeks ago.
    let past = Past {
        job: "etcd",
        instance: &etcd.address,
        signals: &[("leadsman_signal_etcd_db_size_bytes", [10_240.0, 20_480.0])],
        profiles: &[],
    };
    history::write(&folder.path().join("data/archive"), 28, &[past])?;
    let mut leadsman = start(folder.path(), &yaml).await?;
    let told = until("the trend", PATIENCE, || async {
        states(&leadsman.data)?
            .into_iter()
            .next()
            .context("nothing yet")
    })
    .await?;
    let title = told["title"].as_str().unwrap_or_default();
    ensure!(
        title.contains("reaches its limit of 29.3 KiB in"),
        "{told:#}"
    );
    ensure!(
        told["severity"] == "warning" && told["state"] == "firing",
        "{told:#}"
    );
    let page = leadsman.get("/metrics").await?;
    ensure!(
        page.contains("leadsman_limit_etcd_db_size_bytes{"),
        "{page}"
    );

    // It is known after a restart, and nobody is told again.
    tokio::task::block_in_place(|| leadsman.process.stop(PATIENCE))?;
    let leadsman = start(folder.path(), &yaml).await?;
    until("twenty scrapes", PATIENCE, || async {
        let count = "leadsman_scrape_duration_seconds_count";
        let n_scrapes = leadsman.sum("/metrics", count).await?;
        ensure!(n_scrapes >= 20.0, "{n_scrapes}");
        Ok(())
    })
    .await?;
    let firing = states(&leadsman.data)?;
    let times: Vec<_> = firing.iter().map(|one| &one["id"]).collect();
    ensure!(
        firing.iter().all(|one| one["state"] == "firing"),
        "{firing:#?}"
    );
    ensure!(times.len() <= 2, "told, and told explained: {firing:#?}");
    Ok(())
}
