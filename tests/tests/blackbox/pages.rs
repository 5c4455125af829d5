//! The pages in a real browser: opened, used, looked at. See `tests/python/pages.py`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::page_server::{Page, PageServer};
use leadsman_tests::pprof::{Message, profile, sample};
use leadsman_tests::tools;
use leadsman_tests::wait::until;
use serde_json::Value;

use super::scene::{QUICK, launch};

/// Profiles of ourselves take ten seconds, and their turn comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Would run if it ever became markup.
const HOSTILE: &str = "<img src=x onerror=document.title='taken'>";

/// Two days of etcd and containerd up to now.
fn simulate(data: &Path) -> Result<()> {
    let mut simulate = command(["archive", "simulate", "--days", "2", "--until", "1m"])?;
    let steps = ["--step", "5m", "--profile-interval", "1h"];
    tools::run(simulate.args(steps).arg(data.join("archive")))?;
    Ok(())
}

/// A profile whose one function has a hostile name, as pprof; of two samples one has a label of that name.
fn hostile_profile() -> Vec<u8> {
    let line = Message::new().number(1, 1);
    let label = Message::new().number(1, 4).number(2, 3);
    let message = Message::new()
        .bytes(
            profile::SAMPLE_TYPE,
            Message::new().number(1, 1).number(2, 2),
        )
        .bytes(profile::SAMPLE, sample(&[1], 3_000_000))
        .bytes(profile::SAMPLE, sample(&[1], 7_000_000).bytes(3, label))
        .bytes(
            profile::LOCATION,
            Message::new().number(1, 1).bytes(4, line),
        )
        .bytes(profile::FUNCTION, Message::new().number(1, 1).number(2, 3));
    let texts = ["", "cpu", "nanoseconds", HOSTILE, "state"].into_iter();
    let message = texts.fold(message, |message, text| {
        message.bytes(profile::STRING, text)
    });
    message.as_ref().to_vec()
}

async fn hostile_target() -> Result<PageServer> {
    let metrics = format!("process_resident_memory_bytes 1e9\nup_to{{path=\"{HOSTILE}\"}} 1\n");
    let page = |content_type, body| Page { content_type, body };
    let pages = vec![
        page("application/octet-stream", hostile_profile()),
        page("text/plain; version=0.0.4", metrics.into_bytes()),
    ];
    PageServer::start(pages).await
}

/// The hostile target, one that is not there, and a limit that is passed at once.
fn yaml(hostile: &PageServer) -> String {
    format!(
        "global: {{scrape_interval: 1s}}\n\
         profiling: {{max_duty_cycle: 1, max_concurrent: 4}}\n\
         judging: {{signal_interval: 1s, hold: 1s, calm: 60s}}\n\
         signals:\n  \
           - {{name: too_much, title: Too much memory, expr: process_resident_memory_bytes, unit: bytes, bad: up, \
              thresholds: [{{severity: warning, above: 1MiB, source: the test}}], remedy: Take less of it.}}\n\
         scrape_configs:\n  \
           - {{job_name: gone, static_configs: [{{targets: [\"127.0.0.1:1\"]}}]}}\n  \
           - {{job_name: hostile, metrics_path: /1, \
              static_configs: [{{targets: [\"{address}\"], labels: {{zone: {HOSTILE:?}}}}}], \
              profiling_config: {{pprof_config: {{process_cpu: {{enabled: true, path: /0, seconds: 1}}, memory: {{enabled: false}}, \
                goroutine: {{enabled: false}}, block: {{enabled: false}}, mutex: {{enabled: false}}}}}}}}\n",
        address = hostile.address,
    )
}

/// Waits for what the pages are to show: profiles of the hostile target, and a finding that is open.
async fn wait_for_contents(leadsman: &Leadsman) -> Result<()> {
    until("profiles and a finding", PATIENCE, || async {
        let query = "/api/v1/profile/types?query=%7Bjob%3D%22hostile%22%7D";
        let types: Value = serde_json::from_str(&leadsman.get(query).await?)?;
        let open = leadsman.get("/api/v1/findings?state=open").await?;
        let open: Value = serde_json::from_str(&open)?;
        let is_there = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
        ensure!(
            is_there(&types["types"]) && is_there(&open["findings"]),
            "{types} {open}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_opened_and_used_in_a_browser() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    simulate(&data)?;
    let hostile = hostile_target().await?;
    let leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml(&hostile)).await?;
    leadsman.wait_until_up(&["hostile", "leadsman"]).await?;
    wait_for_contents(&leadsman).await?;
    let axe = tools::folder().join("axe.min.js");
    let pure = tools::tests_folder().join("pages/pure.js");
    let (url, axe, pure) = (
        leadsman.url(""),
        axe.display().to_string(),
        pure.display().to_string(),
    );
    let run = tokio::task::spawn_blocking(move || tools::python("pages.py", [url, axe, pure]));
    let told = run.await??;
    ensure!(told.trim_end().ends_with("pages are good"), "{told}");
    Ok(())
}
