//! What happened to a real etcd and to leadsman, as the table `events` tells it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use leadsman_tests::etcd::Etcd;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;
use serde_json::Value;

use super::scene::{QUICK, launch};

/// A row of `events`.
#[derive(Debug)]
struct Row {
    time: i64,
    kind: String,
    job: String,
    before: Option<String>,
    after: Option<String>,
    until: Option<i64>,
    message: String,
}

fn archived_events(data: &Path) -> Result<Vec<Row>> {
    let json = tools::python("events.py", [data.join("archive")])?;
    let rows: Vec<Value> = serde_json::from_str(&json)?;
    let row = |row: &Value| {
        let text = |idx: usize| row[idx].as_str().map(str::to_owned);
        Some(Row {
            time: row[0].as_i64()?,
            kind: text(1)?,
            job: text(2)?,
            before: text(3),
            after: text(4),
            until: row[5].as_i64(),
            message: text(6)?,
        })
    };
    rows.iter()
        .map(|value| row(value).with_context(|| format!("not a row: {value}")))
        .collect()
}

/// Waits until there are so many of a kind.
async fn wait_for(data: &Path, kind: &str, n_expected: usize) -> Result<()> {
    until(&format!("{n_expected} × {kind}"), PATIENCE, || async {
        let rows = archived_events(data)?;
        let n_rows = rows.iter().filter(|row| row.kind == kind).count();
        ensure!(n_rows == n_expected, "{rows:#?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_reloads_and_gaps_are_told_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut etcd = Etcd::start(folder.path(), None).await?;
    let yaml = format!(
        "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n\
         telemetry: {{scrape_self: false}}\n\
         scrape_configs: [{{job_name: etcd, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        etcd.address
    );
    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    leadsman.wait_until_up(&["etcd"]).await?;
    let data = leadsman.data.clone();
    wait_for(&data, "target_new", 1).await?;

    // etcd is away for a while, and comes back as another process on the same ports.
    tokio::task::block_in_place(|| etcd.process.stop(PATIENCE))?;
    wait_for(&data, "down", 1).await?;
    etcd.restart(folder.path()).await?;
    wait_for(&data, "restart", 1).await?;

    leadsman.reconfigure(&format!("{yaml}no_such_key: 1\n"))?;
    leadsman.process.signal(Signal::HUP)?;
    wait_for(&data, "config_error", 1).await?;
    leadsman.reconfigure(&yaml)?;
    leadsman.process.signal(Signal::HUP)?;
    wait_for(&data, "config_reload", 1).await?;

    let status = tokio::task::block_in_place(|| leadsman.process.stop(PATIENCE))?;
    ensure!(status.success(), "{status}: {}", leadsman.process.output());
    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    leadsman.wait_until_up(&["etcd"]).await?;
    wait_for(&data, "start", 2).await?;
    let status = tokio::task::block_in_place(|| leadsman.process.stop(PATIENCE))?;
    ensure!(status.success(), "{status}: {}", leadsman.process.output());

    check_rows(&archived_events(&data)?)
}

fn check_rows(rows: &[Row]) -> Result<()> {
    let mut kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    // etcd's start lies between the scrapes that failed; its clock has hundredths of a second.
    kinds.retain(|kind| *kind != "restart");
    let expected = [
        "start",
        "target_new",
        "down",
        "up",
        "config_error",
        "config_reload",
        "stop",
        "gap",
        "start",
        "stop",
    ];
    // The gap begins with the newest record, which is the stop.
    kinds.sort_by_key(|kind| expected.iter().position(|other| other == kind));
    let mut in_order = expected;
    in_order.sort_by_key(|kind| expected.iter().position(|other| other == kind));
    ensure!(kinds == in_order, "{rows:#?}");

    let find = |kind: &str| {
        rows.iter()
            .find(|row| row.kind == kind)
            .context(kind.to_owned())
    };
    let [down, restart, up] = [find("down")?, find("restart")?, find("up")?];
    ensure!(down.time < up.time && down.until.is_none(), "{rows:#?}");
    ensure!(
        (down.time - 1000..=up.time).contains(&restart.time),
        "{rows:#?}"
    );
    ensure!(
        restart.before < restart.after && restart.before.is_some(),
        "{rows:#?}"
    );
    ensure!(
        restart.job == "etcd" && find("config_error")?.job.is_empty(),
        "{rows:#?}"
    );
    ensure!(
        find("config_error")?.message.contains("no_such_key"),
        "{rows:#?}"
    );
    let (gap, stop) = (find("gap")?, find("stop")?);
    let back = rows.iter().rfind(|row| row.kind == "start");
    ensure!(gap.time == stop.time, "{rows:#?}");
    ensure!(gap.until == back.map(|row| row.time), "{rows:#?}");
    Ok(())
}
