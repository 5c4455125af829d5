//! What leadsman answers from a bucket is what it answers from the folder the bucket is a copy of.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Launch, Leadsman, command};
use leadsman_tests::s3_server::S3Server;
use leadsman_tests::tools;
use leadsman_tests::wait::PATIENCE;

use super::{start, stop, wait_for_everything, wait_for_uploads};

/// Two days of etcds and containerds with their profiles, as a leadsman would have archived them.
pub(super) fn simulate(archive: &Path) -> Result<()> {
    let days = ["--days", "2", "--step", "10m", "--until", "2026-11-23"];
    let size = ["--series-per-target", "60", "--profile-interval", "2h"];
    let mut simulate = command(["archive", "simulate"])?;
    tools::run(simulate.arg(archive).args(days).args(size))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_answers_as_the_archive_it_is_a_copy_of() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = S3Server::start(folder.path()).await?;
    let archive = folder.path().join("data/archive");
    simulate(&archive)?;
    let launch = Launch {
        archive_keys: format!(
            ", retention: {{raw: 36500d, 5m: 36500d, 1h: 36500d}}, {}",
            S3Server::section(server.address, "copy")
        ),
        ..Launch::default()
    };
    let yaml = "telemetry: {scrape_self: false}\nscrape_configs: []\n";
    let mut leadsman = Leadsman::launch(folder.path(), launch, yaml).await?;
    wait_for_everything(&leadsman).await?;
    stop(&mut leadsman)?;

    let range = ["--from", "2026-11-21", "--until", "2026-11-23"];
    let series = ["series", "containerd_cri_input_bytes_total", "-o", "csv"];
    let raw = ["--resolution", "raw"];
    check(
        &server,
        folder.path(),
        &[&series[..], &range, &raw].concat(),
    )?;
    check(&server, folder.path(), &[&series[..], &range].concat())?;
    check(
        &server,
        folder.path(),
        &[&["series", "--list"][..], &range].concat(),
    )?;
    let profile = ["profile", "top", "--kind", "process_cpu"];
    check(&server, folder.path(), &[&profile[..], &range].concat())?;

    let listed = |command: &mut Command| -> Result<Vec<String>> {
        let text = tools::run(command)?;
        let without_rows = |line: &str| {
            let mut cells: Vec<_> = line.split(',').collect();
            cells.remove(2);
            cells.join(",")
        };
        Ok(text.lines().map(without_rows).collect())
    };
    let files = ["archive", "ls", "--files", "-o", "csv"];
    let here = listed(command(files)?.arg(&archive))?;
    let bucket = S3Server::bucket("copy");
    let there = listed(server.command(files)?.arg(&bucket))?;
    assert_eq!(there, here);
    ensure!(here.len() > 10, "{here:?}");
    Ok(())
}

/// Runs a command on the archive and, twice, on its copy.
#[track_caller]
fn check(server: &S3Server, folder: &Path, args: &[&str]) -> Result<()> {
    let archive = folder.join("data/archive");
    let here = tools::run(command([])?.args(args).arg("--archive").arg(archive))?;
    ensure!(here.lines().count() > 1, "{args:?}: {here}");
    for _ in 0..2 {
        let mut reader = server.command([])?;
        reader
            .args(args)
            .arg("--archive")
            .arg(S3Server::bucket("copy"));
        let there = tools::run(reader.arg("--cache").arg(folder.join("cache")))?;
        assert_eq!(there, here, "{args:?}");
    }
    let cached = fs::read_dir(folder.join("cache"))?.count();
    ensure!(cached == 1, "{cached} folders of buckets");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_while_files_are_merged_sees_every_row_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let server = S3Server::start(folder.path()).await?;
    let section = format!(
        "compaction: {{check_interval: 100ms, settle: 0s, max_duty_cycle: 1}}, {}",
        S3Server::section(server.address, "p")
    );
    let mut leadsman = start(folder.path(), &target, &section).await?;
    wait_for_uploads(&leadsman, 0.0).await?;
    let url = S3Server::bucket("p");
    let args = [
        "series",
        "scrapes_total",
        "-o",
        "csv",
        "--resolution",
        "raw",
    ];
    let (mut n_rows, mut n_replaced) = (0, 0.0);
    let deadline = Instant::now() + PATIENCE;
    while n_replaced < 16.0 {
        ensure!(
            Instant::now() < deadline,
            "{n_replaced} files were replaced"
        );
        let mut reader = server.reader(args, &folder.path().join("cache"))?;
        let text = tools::run(reader.args(["--archive", &url]))?;
        let values = text.lines().skip(1).map(|line| {
            let (_, value) = line.rsplit_once(',').context("no value")?;
            Ok(value.parse()?)
        });
        let values: Vec<f64> = values.collect::<Result<_>>()?;
        let all: Vec<f64> = (1..=values.len()).map(|n| n as f64).collect();
        assert_eq!(values, all, "once each: {text}");
        assert!(n_rows <= values.len(), "rows were there before: {text}");
        n_rows = values.len();
        let replaced = "leadsman_object_store_deleted_files_total";
        n_replaced = leadsman.sum("/metrics", replaced).await?;
    }
    stop(&mut leadsman)
}
