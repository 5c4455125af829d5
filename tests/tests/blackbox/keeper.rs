//! `kill -9` while files are flushed, merged and dropped: every row is there once, whoever reads.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::setting::setting;
use leadsman_tests::wait::{PATIENCE, until};

use super::scene::launch;
use super::{archived_points, check_once_and_in_order};

/// Keys of `archive` with which the keeper works all the time.
const BUSY: &str = ", flush_interval: 1s, log: {sync_interval: 100ms}, \
    compaction: {check_interval: 100ms, settle: 0s, max_duty_cycle: 1}, \
    retention: {raw: 1d, grace: 0s, min_free_space: 0B}";

const MERGED: &str = r#"leadsman_keeper_jobs_total{job="compact",outcome="done"}"#;

/// The kills are spread over this long after a start: longer than it takes until the next flush.
const MOMENTS_MS: u64 = 1700;

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_merges_and_drops_files_it_loses_no_row_and_has_none_twice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let yaml = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        target.address
    );
    let n_kills = setting("LEADSMAN_SOAK_KILLS", 12_u32)?;
    let mut n_merges = 0.0;
    for round in 0..n_kills {
        let mut leadsman = Leadsman::launch(folder.path(), launch(BUSY), &yaml).await?;
        leadsman.wait_until_up(&["counting"]).await?;
        let moment = 900 + u64::from(round) * 173 % MOMENTS_MS;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        n_merges += metric(&leadsman.get("/metrics").await?, MERGED)?;
        leadsman.process.kill()?;
        // At its next start it has something to drop, and is killed on the way.
        grow_old(&leadsman.data, round)?;
    }
    let mut leadsman = Leadsman::launch(folder.path(), launch(BUSY), &yaml).await?;
    until(
        "files to be merged and old days dropped",
        PATIENCE,
        || async {
            ensure!(old_days(&leadsman.data)? == 0, "some days are left");
            let n_merges = n_merges + metric(&leadsman.get("/metrics").await?, MERGED)?;
            ensure!(n_merges > 0.0, "nothing was merged");
            Ok(())
        },
    )
    .await?;
    ensure!(
        leadsman.process.stop(PATIENCE)?.success(),
        "{}",
        leadsman.process.output()
    );

    let archived = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    check_once_and_in_order(&archived);
    let lost = target.scrapes() - archived.len() as u64;
    assert!(
        lost <= u64::from(n_kills) * 15,
        "{lost} of {} scrapes lost",
        target.scrapes()
    );
    assert!(!leadsman.data.join("archive/.keeping/rubbish").exists());
    Ok(())
}

fn metric(page: &str, name: &str) -> Result<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.with_context(|| format!("no {name}"))?.trim().parse()?)
}

/// The rows of today once more, as those of a day of the year 2020.
fn grow_old(data: &Path, round: u32) -> Result<()> {
    for table in ["metric_series", "metric_points"] {
        let table = data.join("archive").join(table);
        let old = table.join(format!("date=2020-01-{:02}", round % 28 + 1));
        fs::create_dir_all(&old)?;
        for day in fs::read_dir(&table)? {
            let day = day?.path();
            if day.to_string_lossy().contains("date=2020") {
                continue;
            }
            for file in fs::read_dir(day)? {
                let file = file?;
                fs::copy(file.path(), old.join(file.file_name()))?;
            }
        }
    }
    fs::create_dir_all(data.join("archive/.keeping/rubbish"))?;
    Ok(())
}

fn old_days(data: &Path) -> Result<usize> {
    let mut n_days = 0;
    for table in ["metric_series", "metric_points"] {
        for day in fs::read_dir(data.join("archive").join(table))? {
            let name = day?.file_name();
            n_days += usize::from(name.to_string_lossy().contains("date=2020"));
        }
    }
    Ok(n_days)
}
