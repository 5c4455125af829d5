//! Copies of the archive in a bucket of a real S3 server, and in a folder.

mod large_files;
mod reading;
mod refused;
mod retention;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::proxy::{Mode, Proxy};
use leadsman_tests::s3_server::S3Server;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};

use super::archived_points;

/// Starts a leadsman in a folder of its own that scrapes quickly and copies to a bucket.
async fn start(folder: &Path, target: &CountingTarget, section: &str) -> Result<Leadsman> {
    fs::create_dir_all(folder)?;
    let launch = Launch {
        archive_keys: format!(", flush_interval: 1s, {section}"),
        ..Launch::default()
    };
    let yaml = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         telemetry: {{scrape_self: false}}\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        target.address
    );
    Leadsman::launch(folder, launch, &yaml).await
}

async fn wait_for_uploads(leadsman: &Leadsman, at_least: f64) -> Result<()> {
    until("files to be in the bucket", PATIENCE, || async {
        let metric = "leadsman_object_store_upload_bytes_total";
        let n_bytes = leadsman.sum("/metrics", metric).await?;
        ensure!(n_bytes > at_least, "{n_bytes} bytes");
        Ok(())
    })
    .await
}

/// Waits until the bucket has every file that there is.
async fn wait_for_everything(leadsman: &Leadsman) -> Result<()> {
    wait_for_uploads(leadsman, 0.0).await?;
    until("the bucket to have every file", PATIENCE, || async {
        let metric = "leadsman_object_store_backlog_files";
        let n_files = leadsman.sum("/metrics", metric).await?;
        ensure!(n_files == 0.0, "{n_files} are left");
        Ok(())
    })
    .await
}

fn stop(leadsman: &mut Leadsman) -> Result<()> {
    ensure!(
        leadsman.process.stop(PATIENCE)?.success(),
        "{}",
        leadsman.process.output()
    );
    let said = leadsman.process.output();
    ensure!(!said.contains("planted"), "a secret is in the log: {said}");
    Ok(())
}

/// Names of the files of an archive, below its folder.
fn files(archive: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![archive.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "parquet")
            {
                found.insert(path.strip_prefix(archive)?.to_owned());
            }
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_uploads_a_bucket_ends_with_every_row_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let server = S3Server::start(folder.path()).await?;
    let mut proxy = Proxy::start(server.address).await?;
    let section = S3Server::section(proxy.address, "a/b");
    for round in 0..6 {
        let mut leadsman = start(folder.path(), &target, &section).await?;
        wait_for_uploads(&leadsman, 0.0).await?;
        if round % 2 == 0 {
            // What is on its way hangs there: the next flush's files at the latest.
            proxy.set(Mode::Hang).await?;
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        tokio::time::sleep(Duration::from_millis(round * 173 % 700)).await;
        leadsman.process.kill()?;
        proxy.set(Mode::Pass).await?;
    }
    let mut leadsman = start(folder.path(), &target, &section).await?;
    wait_for_uploads(&leadsman, 0.0).await?;
    stop(&mut leadsman)?;
    let copy = folder.path().join("copy");
    server.download("a/b", &copy.join("archive")).await?;
    assert_eq!(
        files(&copy.join("archive"))?,
        files(&leadsman.data.join("archive"))?
    );
    let here = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    assert_eq!(archived_points(&copy, "scrapes_total", "counting")?, here);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_was_away_gets_everything_when_it_is_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let server = S3Server::start(folder.path()).await?;
    let mut proxy = Proxy::start(server.address).await?;
    proxy.set(Mode::Away).await?;
    let section = S3Server::section(proxy.address, "p");
    let mut leadsman = start(folder.path(), &target, &section).await?;
    until("a backlog and failures", PATIENCE, || async {
        for metric in ["backlog_files", "failed_passes_total"] {
            let name = format!("leadsman_object_store_{metric}");
            ensure!(leadsman.sum("/metrics", &name).await? >= 2.0, "no {name}");
        }
        Ok(())
    })
    .await?;
    let said = leadsman.process.output();
    let n_told = said
        .matches("failed to bring the object store up to date")
        .count();
    assert_eq!(n_told, 1, "once a stretch: {said}");
    assert!(
        said.contains("files wait in the archive's folder"),
        "no remedy: {said}"
    );
    proxy.set(Mode::Pass).await?;
    wait_for_uploads(&leadsman, 0.0).await?;
    stop(&mut leadsman)?;
    assert!(leadsman.process.output().contains("takes files again"));
    let copy = folder.path().join("copy");
    server.download("p", &copy.join("archive")).await?;
    let here = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    assert_eq!(archived_points(&copy, "scrapes_total", "counting")?, here);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leadsmen_make_one_data_set_in_one_bucket() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = S3Server::start(folder.path()).await?;
    let section = S3Server::section(server.address, "fleet/etcd");
    let expected = archived_by_two(folder.path(), &section).await?;
    let copy = folder.path().join("copy");
    server.download("fleet/etcd", &copy.join("archive")).await?;
    assert_eq!(
        in_order(archived_points(&copy, "scrapes_total", "counting")?),
        expected
    );

    let url = S3Server::bucket("fleet/etcd");
    let cache = folder.path().join("cache");
    let args = [
        "series",
        "scrapes_total",
        "--resolution",
        "raw",
        "-o",
        "csv",
        "--archive",
        &url,
    ];
    let mut command = server.reader(args, &cache)?;
    let rows = tools::run(&mut command)?;
    assert_eq!(
        rows.lines().count() - 1,
        expected.len(),
        "with a header: {rows}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leadsmen_make_one_data_set_in_one_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy");
    fs::create_dir_all(copy.join("archive"))?;
    let section = format!(
        "object_store: {{url: \"file://{}/archive\", interval: 1s}}",
        copy.display()
    );
    let expected = archived_by_two(folder.path(), &section).await?;
    assert_eq!(
        in_order(archived_points(&copy, "scrapes_total", "counting")?),
        expected
    );
    Ok(())
}

/// Has two leadsmen copy to one place. Returns what both have archived, in order.
async fn archived_by_two(folder: &Path, section: &str) -> Result<Vec<(u64, f64)>> {
    let (one, two) = (
        CountingTarget::start().await?,
        CountingTarget::start().await?,
    );
    let mut first = start(&folder.join("1"), &one, section).await?;
    let mut second = start(&folder.join("2"), &two, section).await?;
    let mut archived = Vec::new();
    for leadsman in [&mut first, &mut second] {
        wait_for_uploads(leadsman, 0.0).await?;
        stop(leadsman)?;
        archived.extend(archived_points(
            &leadsman.data,
            "scrapes_total",
            "counting",
        )?);
    }
    Ok(in_order(archived))
}

fn in_order(mut points: Vec<(u64, f64)>) -> Vec<(u64, f64)> {
    points.sort_by(|left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal));
    points
}
