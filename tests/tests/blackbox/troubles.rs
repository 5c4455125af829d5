//! Three troubles of real programs with weeks behind them: each is found, profiled, explained, told to
//! a real Alertmanager once, and over when it is over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadsman_tests::alertmanager::Alertmanager;
use leadsman_tests::certs::Certs;
use leadsman_tests::etcd::Etcd;
use leadsman_tests::history::{self, Past};
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::patient::Patient;
use leadsman_tests::process::free_port;
use leadsman_tests::tools;
use leadsman_tests::wait::until;
use leadsman_tests::webhook::Webhook;
use serde_json::Value;

use super::scene::{QUICK, launch};

/// Longest time from a trouble to its explanation: forty seconds are spent on profiles alone.
const PATIENCE: Duration = Duration::from_secs(300);

/// The findings as `leadsman findings` tells them.
fn findings(data: &Path) -> Result<Vec<Value>> {
    let mut findings = command(["findings", "--all", "--format", "json", "--archive"])?;
    let text = tools::run(findings.arg(data))?;
    let findings: Value = serde_json::from_str(&text)?;
    Ok(findings.as_array().context("no list of findings")?.clone())
}

/// Waits for a finding of a job that fires and is explained by this.
async fn wait_for_cause(data: &Path, job: &str, cause: &str) -> Result<Value> {
    until(
        &format!("{job} to be explained by {cause}"),
        PATIENCE,
        || async {
            let all = findings(data)?;
            let fits = |one: &&Value| {
                let text = one["cause"].as_str().unwrap_or_default();
                one["target"]["job"] == job && one["state"] == "firing" && text.contains(cause)
            };
            let found = all.iter().find(fits).cloned();
            found.with_context(|| format!("{all:#?}"))
        },
    )
    .await
}

/// Waits until an Alertmanager has so many alerts of each of the three.
async fn wait_for_alerts(alertmanager: &Alertmanager, expected: usize) -> Result<()> {
    until("the alerts", PATIENCE, || async {
        let alerts = alertmanager.alerts().await?;
        for (job, name) in ALERTS {
            let is_it = |one: &&Value| {
                let labels = &one["labels"];
                labels["job"] == job && labels["alertname"] == name
            };
            ensure!(
                alerts.iter().filter(is_it).count() == expected,
                "{job}: {alerts:#?}"
            );
        }
        Ok(())
    })
    .await
}

/// Waits until `/metrics` has what a profile tells of the goroutines that wait.
async fn wait_for_creators(leadsman: &Leadsman) -> Result<()> {
    until("goroutines by their creator", PATIENCE, || async {
        let page = leadsman.get("/metrics").await?;
        let is_it = |line: &&str| {
            line.starts_with("leadsman_signal_profile_goroutine_creators{")
                && line.contains("creator=\"main.waitForReply\"")
                && line.contains("job=\"blocked\"")
                && line.ends_with(" 3000")
        };
        let line = page.lines().find(is_it);
        line.map(drop).with_context(|| page.clone())
    })
    .await
}

/// Connects again and again, a TLS handshake each time, until told to stop.
fn reconnect(etcd: &Etcd, stop: &Arc<AtomicBool>) -> Result<Vec<tokio::task::JoinHandle<()>>> {
    let client = etcd.client()?;
    let address = etcd.address.clone();
    let tasks = (0..8).map(|_| {
        let (client, address, stop) = (client.clone(), address.clone(), Arc::clone(stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let url = format!("https://{address}/health");
                // Each request has a connection of its own: nothing is pooled.
                let _ = client.get(url).send().await;
            }
        })
    });
    Ok(tasks.collect())
}

fn yaml(
    etcd: &Etcd,
    certs: &Certs,
    leaking: &Patient,
    blocked: &Patient,
    alertmanager: &str,
) -> String {
    let profiles =
        "profiling_config: {pprof_config: {block: {enabled: false}, mutex: {enabled: false}}}";
    format!(
        "global: {{scrape_interval: 1s}}\n\
         telemetry: {{scrape_self: false}}\n\
         profiling: {{max_duty_cycle: 1, max_concurrent: 4}}\n\
         judging: {{signal_interval: 1s, hold: 5s, calm: 5s}}\n\
         signals:\n  \
           - {{name: process_cpu, expr: 'rate(process_cpu_seconds_total[1m])'}}\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{alertmanager}\"]}}]}}]}}\n\
         scrape_configs:\n  \
           - {{job_name: etcd, scheme: https, tls_config: {{ca_file: {ca:?}, cert_file: {cert:?}, key_file: {key:?}}}, \
              static_configs: [{{targets: [\"{etcd}\"]}}], {profiles}}}\n  \
           - {{job_name: leaking, static_configs: [{{targets: [\"{leaking}\"]}}], {profiles}}}\n  \
           - {{job_name: blocked, static_configs: [{{targets: [\"{blocked}\"]}}], {profiles}}}\n",
        ca = certs.ca,
        cert = certs.client_cert,
        key = certs.client_key,
        etcd = etcd.address,
        leaking = leaking.address,
        blocked = blocked.address,
    )
}

/// The signals that will be out of the ordinary, by their job.
const SIGNALS: [(&str, &str); 3] = [
    ("etcd", "leadsman_signal_process_cpu_cores"),
    ("leaking", "leadsman_signal_go_heap_in_use_bytes"),
    ("blocked", "leadsman_signal_go_goroutines"),
];

/// The alerts they make.
const ALERTS: [(&str, &str); 3] = [
    ("etcd", "ProcessCpuBand"),
    ("leaking", "GoHeapInUseBand"),
    ("blocked", "GoGoroutinesBand"),
];

/// What the signals are while nothing happens, as a leadsman without a past sees them.
async fn measure(folder: &Path, yaml: &str) -> Result<[f64; 3]> {
    let folder = folder.join("first");
    std::fs::create_dir(&folder)?;
    let mut leadsman = Leadsman::launch(&folder, launch(QUICK), yaml).await?;
    wait_for_scrapes(&leadsman, 75.0).await?;
    let mut levels = [0.0; 3];
    for ((job, metric), level) in SIGNALS.iter().zip(&mut levels) {
        let page = leadsman.get("/metrics").await?;
        let is_it =
            |line: &&str| line.starts_with(metric) && line.contains(&format!("job=\"{job}\""));
        let line = page.lines().find(is_it).with_context(|| page.clone())?;
        *level = line.rsplit(' ').next().context("no value")?.parse()?;
    }
    tokio::task::block_in_place(|| leadsman.process.stop(PATIENCE))?;
    Ok(levels)
}

/// Weeks in which all three were as they are now.
async fn write_past(
    archive: &Path,
    levels: [f64; 3],
    etcd: &Etcd,
    leaking: &Patient,
    blocked: &Patient,
) -> Result<()> {
    let instances = [&etcd.address, &leaking.address, &blocked.address];
    let profiles = [
        ("process_cpu", etcd.profile("profile?seconds=3").await?),
        ("memory", leaking.profile("heap").await?),
        ("goroutine", blocked.profile("goroutine").await?),
    ];
    let signals = SIGNALS.iter().zip(levels);
    let signals: Vec<_> = signals
        .map(|((_, metric), level)| [(*metric, [level; 2])])
        .collect();
    let pasts = SIGNALS.iter().enumerate().map(|(idx, (job, _))| Past {
        job,
        instance: instances[idx],
        signals: &signals[idx],
        profiles: &profiles[idx..=idx],
    });
    history::write(archive, 21, &pasts.collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_troubles_are_found_explained_told_once_and_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certs = Arc::new(Certs::make(folder.path())?);
    let mut etcd = Etcd::start(folder.path(), Some(Arc::clone(&certs))).await?;
    let leaking = Patient::start(folder.path(), "leaking").await?;
    let blocked = Patient::start(folder.path(), "blocked").await?;
    let notified = Webhook::start().await?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let hook = format!("http://{}/", notified.address);
    let alertmanager = Alertmanager::start(folder.path(), &address, &hook).await?;
    let yaml = yaml(&etcd, &certs, &leaking, &blocked, &address);
    let levels = measure(folder.path(), &yaml).await?;
    let archive = folder.path().join("data/archive");
    write_past(&archive, levels, &etcd, &leaking, &blocked).await?;
    let leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    leadsman
        .wait_until_up(&["etcd", "leaking", "blocked"])
        .await?;
    wait_for_scrapes(&leadsman, 90.0).await?;

    let stop = Arc::new(AtomicBool::new(false));
    let reconnecting = reconnect(&etcd, &stop)?;
    leaking.get("/leak").await?;
    blocked.get("/block").await?;
    let data = &leadsman.data;
    let handshakes = wait_for_cause(data, "etcd", "TLS handshake").await?;
    wait_for_cause(data, "leaking", "main.growCache").await?;
    wait_for_cause(data, "blocked", "main.waitForReply").await?;
    wait_for_creators(&leadsman).await?;
    ensure!(
        handshakes["captures"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    let links = handshakes["links"].to_string();
    ensure!(
        links.contains("/findings?id=") && links.contains("/profiles?query="),
        "{links}"
    );
    wait_for_alerts(&alertmanager, 1).await?;

    stop.store(true, Ordering::Relaxed);
    for task in reconnecting {
        task.await?;
    }
    leaking.get("/cure").await?;
    blocked.get("/cure").await?;
    // How soon its CPU is as before depends on the machine: it goes, and its trouble with it.
    tokio::task::block_in_place(|| etcd.process.stop(PATIENCE))?;
    wait_for_alerts(&alertmanager, 0).await?;
    check_reports(data)
}

/// The report names each trouble and its cause, with the flame graphs of what changed.
fn check_reports(data: &Path) -> Result<()> {
    let report = |name: &str| -> Result<String> {
        let file = data.join(name);
        let mut report = command(["report", "--since", "1h", "--archive"])?;
        tools::run(report.arg(data).arg("--output").arg(&file))?;
        Ok(std::fs::read_to_string(file)?)
    };
    let (page, text) = (report("report.html")?, report("report.md")?);
    for said in ["TLS handshake", "main.growCache", "main.waitForReply"] {
        ensure!(page.contains(said), "no {said} in the page");
        ensure!(text.contains(said), "no {said} in {text}");
    }
    ensure!(page.matches("<svg").count() > 3, "charts and flame graphs");
    Ok(())
}

/// Waits for so many scrapes of each target.
async fn wait_for_scrapes(leadsman: &Leadsman, n_scrapes: f64) -> Result<()> {
    until("scrapes", PATIENCE, || async {
        let page = leadsman.get("/metrics").await?;
        for (job, _) in SIGNALS {
            let count = format!("leadsman_scrape_duration_seconds_count{{job=\"{job}\"}} ");
            let count = page
                .lines()
                .find_map(|line| line.strip_prefix(&count)?.parse().ok());
            let count: f64 = count.unwrap_or(0.0);
            ensure!(count >= n_scrapes, "{job}: {count} scrapes");
        }
        Ok(())
    })
    .await
}
