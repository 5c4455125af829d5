//! The first minutes of a new user: no targets configured, and rows of leadsman itself at once.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::tools;
use leadsman_tests::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn without_targets_it_archives_its_own_metrics_and_profiles_within_30_seconds() -> Result<()>
{
    let folder = tempfile::tempdir()?;
    let leadsman = Leadsman::start(folder.path(), "").await?;
    let archive = leadsman.data.join("archive");
    until(
        "rows of leadsman itself in the archive",
        Duration::from_secs(30),
        || async {
            tools::python(
                "check_archive.py",
                [
                    archive.as_os_str(),
                    "--metric".as_ref(),
                    "process_resident_memory_bytes".as_ref(),
                    "--profile".as_ref(),
                    "leadsman/memory/inuse_space".as_ref(),
                ],
            )
        },
    )
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_metrics_page_is_valid_and_says_what_it_did() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let leadsman = Leadsman::start(folder.path(), "global: {scrape_interval: 1s}\n").await?;
    leadsman.wait_until_up(&["leadsman"]).await?;
    let page = leadsman.get("/metrics").await?;
    let file = folder.path().join("page.txt");
    std::fs::write(&file, &page)?;
    let check = tools::output(
        Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(std::fs::File::open(&file)?),
    )?;
    let said = String::from_utf8_lossy(&check.stdout).into_owned()
        + &String::from_utf8_lossy(&check.stderr);
    ensure!(
        check.status.success() && said.is_empty(),
        "promtool: {said}\n{page}"
    );
    for metric in [
        "leadsman_build_info",
        "process_cpu_seconds_total",
        "leadsman_log_",
        "leadsman_archive_",
    ] {
        assert!(page.contains(metric), "{metric} is missing in\n{page}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_a_clear_error() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let mut second = command(["--listen", &address])?;
    second.arg("--data").arg(folder.path().join("data"));
    let output = tools::output(&mut second)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "{:?}: {said}",
        output.status
    );
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_leadsman_on_the_same_folder_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let leadsman = Leadsman::start(folder.path(), "").await?;
    let mut second = command(["--listen", "127.0.0.1:0"])?;
    second.arg("--data").arg(&leadsman.data);
    let output = tools::output(&mut second)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "{:?}: {said}",
        output.status
    );
    assert!(said.contains("in use by another process"), "{said}");
    Ok(())
}
