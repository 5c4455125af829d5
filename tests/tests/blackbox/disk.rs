//! A disk that is full, read-only, slow or failing: soundings go on, it says what is wrong, and
//! when the disk is well again nothing is missing and nothing is there twice.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use leadsman_tests::leadsman::{Launch, Leadsman, binary, command};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::small_disk::SmallDisk;
use leadsman_tests::strace::Strace;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

use super::scene::{QUICK, Scene, kept, launch, receiver_yaml};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_outlived_also_by_a_new_receiver() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(&folder.path().join("data"), 16)?;
    let scene = Scene::start(folder.path(), launch(QUICK), "200ms").await?;
    disk.fill(0)?;
    scene
        .health("degraded: the log cannot be written, the archive cannot be written")
        .await?;
    for metric in ["leadsman_log_writable", "leadsman_archive_writable"] {
        assert_eq!(scene.metric(metric).await?, 0.0, "{metric}");
    }
    let said = scene.leadsman.process.output();
    for part in ["log cannot write", "archive files", "No space left"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    scene.more_scrapes(10).await?;

    let late = OtlpReceiver::http().await?;
    let yaml = format!("{}{}", scene.yaml, receiver_yaml("late", &late));
    scene.leadsman.reconfigure(&yaml)?;
    scene.leadsman.process.signal(Signal::HUP)?;
    until(
        "the late receiver to get what is durable",
        PATIENCE,
        || async {
            let n_points = late.number_points("counting", "scrapes_total").len();
            ensure!(n_points > 0, "{}", scene.leadsman.process.output());
            Ok(())
        },
    )
    .await?;
    disk.free()?;
    scene.health("healthy").await?;
    scene.more_scrapes(5).await?;
    scene.check_every_scrape_is_kept()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_on_a_full_disk_that_holds_its_data_and_goes_on_when_there_is_space() -> Result<()>
{
    let folder = tempfile::tempdir()?;
    let disk = SmallDisk::mount(&folder.path().join("data"), 16)?;
    let mut scene = Scene::start(folder.path(), launch(QUICK), "200ms").await?;
    scene.more_scrapes(5).await?;
    disk.fill(0)?;
    scene.health("degraded").await?;
    scene.leadsman.process.kill()?;
    let n_before = scene.target.scrapes();
    scene.leadsman = Leadsman::launch(folder.path(), launch(QUICK), &scene.yaml).await?;
    scene.more_scrapes(5).await?;
    scene.health("degraded").await?;
    disk.free()?;
    scene.health("healthy").await?;
    scene.more_scrapes(5).await?;
    scene.stop()?;
    kept(&scene.leadsman.data, n_before + 1..=scene.target.scrapes())?;
    Ok(())
}

#[test]
fn a_first_start_on_a_disk_that_takes_nothing_says_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mount = folder.path().join("disk");
    let disk = SmallDisk::mount(&mount, 1)?;
    disk.fill(0)?;
    check_refusal(&[], &mount, ["No space left on device", "free some space"])?;
    disk.free()?;
    disk.remount("ro")?;
    check_refusal(&[], &mount, ["Read-only file system", "make it writable"])?;
    disk.remount("rw")?;
    std::fs::set_permissions(&mount, Permissions::from_mode(0o555))?;
    // Root without its privilege to write everywhere.
    let bounded = ["setpriv", "--bounding-set", "-dac_override"];
    let elsewhere = mount.join("elsewhere");
    check_refusal(
        &bounded,
        &elsewhere,
        ["Permission denied", "make it writable"],
    )
}

fn check_refusal(wrapper: &[&str], data: &Path, says: [&str; 2]) -> Result<()> {
    let mut first = match wrapper {
        [] => command([])?,
        [program, args @ ..] => {
            let mut wrapped = Command::new(program);
            wrapped.args(args).arg(binary()?);
            wrapped
        }
    };
    first.args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
    let output = tools::output(&mut first)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let folder = data.to_str().context("no UTF-8")?;
    for part in says.into_iter().chain([folder, "--data"]) {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_calls_of_the_disk_are_told_and_outlived() -> Result<()> {
    const EROFS: &str = "fdatasync,fsync,rename,mkdir,unlink,ftruncate,pwrite64";
    let folder = tempfile::tempdir()?;
    let scene = Scene::start(folder.path(), launch(QUICK), "200ms").await?;
    for (calls, error, part) in [
        ("fdatasync", "error=EIO", "log"),
        ("fsync", "error=EIO", "archive"),
        ("rename", "error=EIO", "archive"),
        ("fdatasync,fsync", "error=EIO:when=1+2", "log"),
        (EROFS, "error=EROFS", "log"),
    ] {
        let process = &scene.leadsman.process;
        let strace = Strace::inject(folder.path(), process, calls, error).await?;
        scene
            .health(&format!("the {part} cannot be written"))
            .await?;
        scene.more_scrapes(3).await?;
        drop(strace);
        scene.health("healthy").await?;
    }
    check_a_failing_write(folder.path(), &scene).await?;
    scene.check_every_scrape_is_kept()
}

/// Writes to the log's segment fail: it goes on in another one.
async fn check_a_failing_write(folder: &Path, scene: &Scene) -> Result<()> {
    let errors = scene.metric("leadsman_log_write_errors_total").await?;
    let segment = newest_segment(&scene.leadsman.data)?;
    let process = &scene.leadsman.process;
    let segment = segment.to_str().context("no UTF-8")?;
    let args = [
        "-P",
        segment,
        "-e",
        "trace=write",
        "-e",
        "inject=write:error=EIO",
    ];
    let strace = Strace::attach(folder, process, &args).await?;
    until("a write to fail", PATIENCE, || async {
        let now = scene.metric("leadsman_log_write_errors_total").await?;
        ensure!(now > errors, "{now} errors");
        Ok(())
    })
    .await?;
    drop(strace);
    scene.health("healthy").await?;
    scene.more_scrapes(3).await
}

fn newest_segment(data: &Path) -> Result<PathBuf> {
    let mut newest = PathBuf::new();
    for entry in std::fs::read_dir(data.join("log"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            newest = newest.max(path);
        }
    }
    Ok(newest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_delays_no_scrape_and_no_answer_while_memory_holds() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Scene::start(folder.path(), launch(QUICK), "500ms").await?;
    let process = &scene.leadsman.process;
    let strace = Strace::inject(folder.path(), process, "fdatasync", "delay_enter=2s").await?;
    let target = scene.target.scrapes();
    let mut slowest = Duration::ZERO;
    while scene.target.scrapes() < target + 14 {
        let asked = Instant::now();
        scene.leadsman.get("/-/healthy").await?;
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(strace);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let page = scene.leadsman.get("/metrics").await?;
    assert!(!page.contains("leadsman_scrape_missed_total{"), "{page}");
    scene.check_every_scrape_is_kept()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slow_disk_and_a_full_queue_leave_out_is_counted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = ", flush_interval: 1s, log: {sync_interval: 100ms, queue: 64KiB}";
    let scene = Scene::start(folder.path(), launch(keys), "100ms").await?;
    let process = &scene.leadsman.process;
    let strace = Strace::inject(folder.path(), process, "fdatasync", "delay_enter=4s").await?;
    let missed = r#"leadsman_scrape_missed_total{job="counting",reason="overlap"}"#;
    until("scrapes to be left out", PATIENCE, || async {
        let page = scene.leadsman.get("/metrics").await?;
        ensure!(page.contains(missed), "{page}");
        Ok(())
    })
    .await?;
    drop(strace);
    scene.more_scrapes(10).await?;
    scene.check_every_scrape_is_kept()
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_that_cannot_be_written_do_not_stop_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let wrapper = ["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"];
    let launch = Launch {
        wrapper: wrapper.map(str::to_owned).to_vec(),
        ..launch(QUICK)
    };
    let yaml = "scrape_configs: [{job_name: nobody, scrape_interval: 1s, \
                static_configs: [{targets: [\"127.0.0.1:1\"]}]}]\n";
    let mut leadsman = Leadsman::launch(folder.path(), launch, yaml).await?;
    until("a failed scrape, which is logged", PATIENCE, || async {
        let failures = leadsman.sum("/metrics", "leadsman_scrape_failures_total");
        ensure!(failures.await? > 1.0, "none");
        Ok(())
    })
    .await?;
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    Ok(())
}
