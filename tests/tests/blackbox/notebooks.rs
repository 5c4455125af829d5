//! The notebooks, over simulated weeks and over what real programs said of themselves. The script that
//! runs them compares each answer with another engine's.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leadsman_tests::containerd::Containerd;
use leadsman_tests::etcd::Etcd;
use leadsman_tests::leadsman::{Leadsman, binary, command};
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use leadsman_tests::wall_clock::WallClock;

use super::scene::launch;

const TWO_DAYS: i64 = 2 * 86_400;
const KINDS: [&str; 3] = ["process_cpu", "memory", "goroutine_dump"];

/// Rows of the answers by notebook.
fn answers(archive: &Path, job: &str) -> Result<BTreeMap<String, u64>> {
    let notebooks = tools::tests_folder().join("../dashboards/notebooks");
    let args: [&OsStr; 3] = [notebooks.as_ref(), archive.as_ref(), job.as_ref()];
    Ok(serde_json::from_str(&tools::python("notebooks.py", args)?)?)
}

#[test]
fn the_notebooks_answer_the_same_of_simulated_weeks_before_and_after_they_are_rolled_up()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("archive");
    let mut simulate = command(["archive", "simulate", "--as-flushed", "--targets", "1"])?;
    simulate.args(["--days", "15", "--step", "2h", "--profile-interval", "6h"]);
    tools::run(simulate.arg(&archive))?;
    check_same_when_rolled_up(&archive, || {
        tools::run(command(["archive", "compact"])?.arg(&archive))
    })
}

/// Asks of etcd before and after an archive without rollups is rolled up.
fn check_same_when_rolled_up(
    archive: &Path,
    roll_up: impl FnOnce() -> Result<String>,
) -> Result<()> {
    let raw = answers(archive, "etcd")?;
    assert_eq!(raw.len(), 5, "{raw:?}");
    let said = roll_up()?;
    for table in ["metric_rollups_1h", "profiles_1h", "function_trend"] {
        ensure!(archive.join(table).is_dir(), "no {table}: {said}");
    }
    let rolled = answers(archive, "etcd")?;
    for (notebook, n_rows) in &raw {
        // Functions that hardly matter are not rolled up.
        let is_trend = notebook == "top_functions_week_against_week";
        let found = rolled[notebook];
        ensure!(
            found == *n_rows || (is_trend && found < *n_rows),
            "{notebook}: {n_rows} rows, and {found} when rolled up"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notebooks_answer_of_a_real_etcd_and_containerd() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let mut leadsman = watch_real_programs(folder).await?;
    ensure!(
        leadsman.process.stop(PATIENCE)?.success(),
        "{}",
        leadsman.process.output()
    );
    let archive = leadsman.data.join("archive");
    remove_rollups(&archive)?;
    check_same_when_rolled_up(&archive, || roll_up_tomorrow(folder, &archive))?;
    let of_containerd = answers(&archive, "containerd-debug")?;
    assert_eq!(of_containerd.len(), 3, "{of_containerd:?}");
    Ok(())
}

/// A leadsman that has taken some profiles of each kind of both programs, which are at work.
async fn watch_real_programs(folder: &Path) -> Result<Leadsman> {
    let etcd = Etcd::start(folder, None).await?;
    let containerd = Containerd::start(folder).await?;
    let _load = [etcd.load(folder)?, containerd.load(folder)?];
    let yaml = configuration(&etcd, &containerd);
    let leadsman = Leadsman::launch(folder, launch(", flush_interval: 5s"), &yaml).await?;
    until("four profiles of each kind", PATIENCE * 2, || async {
        for (job, kind) in ["etcd", "containerd-debug"]
            .iter()
            .flat_map(|job| KINDS.map(|kind| (job, kind)))
        {
            let taken = format!("leadsman_profile_taken_total{{job=\"{job}\",kind=\"{kind}\"}}");
            let n_taken = leadsman.sum("/metrics", &taken).await?;
            ensure!(n_taken >= 4.0, "{n_taken} {kind} of {job}");
        }
        Ok(())
    })
    .await?;
    Ok(leadsman)
}

fn configuration(etcd: &Etcd, containerd: &Containerd) -> String {
    let profiling = "profiling_config: {pprof_config: {process_cpu: {enabled: true, seconds: 1, interval: 5s}, \
                     memory: {enabled: true, interval: 3s}, goroutine_dump: {enabled: true, interval: 3s}}}";
    format!(
        r#"
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: etcd
    static_configs: [{{targets: ["{}"]}}]
    {profiling}
  - job_name: containerd
    metrics_path: /v1/metrics
    static_configs: [{{targets: ["{}"]}}]
  - job_name: containerd-debug
    metrics_enabled: false
    static_configs: [{{targets: ["unix://{}"]}}]
    {profiling}
"#,
        etcd.address,
        containerd.metrics_address,
        containerd.debug_socket.display(),
    )
}

/// Those of the windows that ended while leadsman ran.
fn remove_rollups(archive: &Path) -> Result<()> {
    for table in fs::read_dir(archive)? {
        let table = table?;
        let name = table.file_name();
        let name = name.to_str().context("no UTF-8")?;
        if name == "function_trend" || name.ends_with("_5m") || name.ends_with("_1h") {
            fs::remove_dir_all(table.path())?;
        }
    }
    Ok(())
}

/// When today has ended, all of it can be rolled up.
fn roll_up_tomorrow(folder: &Path, archive: &Path) -> Result<String> {
    let clock = WallClock::make(folder)?;
    clock.shift(TWO_DAYS)?;
    let wrapper = clock.wrapper();
    let (program, args) = wrapper.split_first().context("no program")?;
    let mut compact = Command::new(program);
    compact
        .args(args)
        .arg(binary()?)
        .args(["archive", "compact"]);
    tools::run(compact.arg(archive))
}
