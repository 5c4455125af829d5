//! Findings in the log of the real binary, a real Alertmanager, and a webhook. Findings are put into
//! the log while leadsman does not run.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use leadsman_tests::alertmanager::Alertmanager;
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::process::free_port;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use leadsman_tests::webhook::Webhook;
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Record, Target, UnixMillis};
use serde_json::Value;
use storage::Position;
use storage::log::{Log, LogOptions};

use super::scene::{QUICK, launch};

/// Since when the troubles are there.
static SINCE: LazyLock<UnixMillis> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    UnixMillis(i64::try_from(millis).unwrap_or(i64::MAX) - 600_000)
});

/// A change of state of the trouble of an instance, now.
fn finding(instance: &str, state: FindingState) -> Result<Finding> {
    let target = Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = i64::try_from(now.as_millis())?;
    let labels = Labels::default();
    Ok(Finding {
        id: FindingId::of(target.id(), "etcd_wal_fsync_p99", &labels, Rule::Band),
        incident: 1,
        target,
        signal: "etcd_wal_fsync_p99".to_owned(),
        labels,
        rule: Rule::Band,
        state,
        severity: Severity::Critical,
        time: UnixMillis(now),
        since: *SINCE,
        unit: "s".to_owned(),
        before: 0.002,
        now: 0.125,
        lower: f64::NAN,
        upper: 0.005,
        score: 12.0,
        title: "Writing the log takes 62 times as long".to_owned(),
        explanation: "It took 2 ms at this hour for weeks.".to_owned(),
        cause: "A slow disk.".to_owned(),
        remedy: "Another disk.".to_owned(),
        links: Vec::new(),
        captures: Vec::new(),
    })
}

/// Appends findings to the log of a leadsman that does not run.
async fn log_findings(data: &Path, findings: impl IntoIterator<Item = Finding>) -> Result<()> {
    std::fs::create_dir_all(data.join("archive"))?;
    let options = LogOptions {
        path: data.join("log"),
        segment_bytes: 64 << 10,
        disk_budget_bytes: u64::MAX,
        memory_tail_bytes: 0,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    };
    let log = Log::open(options, Position(0))?;
    for finding in findings {
        let record = Record::Finding(Arc::new(finding));
        log.appender().append(record).await?.durable().await?;
    }
    Ok(log.close().await?)
}

async fn wait_for_told(webhook: &Webhook, expected: &[(&str, &str)]) -> Result<()> {
    let own = |(left, right): &(&str, &str)| ((*left).to_owned(), (*right).to_owned());
    let expected: Vec<_> = expected.iter().map(own).collect();
    until("the webhook to be told", PATIENCE, || async {
        let told = webhook.told();
        ensure!(told == expected, "{told:?}");
        Ok(())
    })
    .await
}

fn yaml(alertmanager: &str, webhook: &Webhook) -> String {
    format!(
        "telemetry: {{scrape_self: false}}\nscrape_configs: []\nalerting:\n  \
         alertmanagers: [{{static_configs: [{{targets: [\"{alertmanager}\"]}}]}}]\n  \
         webhooks: [{{url: \"http://{}/hook\"}}]\n  \
         silences: [{{matchers: ['instance=\"silent:1\"']}}]\n",
        webhook.address
    )
}

/// The alerts of an Alertmanager, by the instances they are of.
async fn wait_for_alerts(alertmanager: &Alertmanager, expected: &[&str]) -> Result<Vec<Value>> {
    until("the alerts", PATIENCE, || async {
        let alerts = alertmanager.alerts().await?;
        let instances: Vec<&str> = alerts
            .iter()
            .filter_map(|alert| alert["labels"]["instance"].as_str())
            .collect();
        ensure!(instances == expected, "{instances:?}");
        Ok(alerts)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_alertmanager_and_a_webhook_are_told_over_outages_and_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let (notified, hook) = (Webhook::start().await?, Webhook::start().await?);
    let address = format!("127.0.0.1:{}", free_port()?);
    let yaml = yaml(&address, &hook);
    let firing = |instance| finding(instance, FindingState::Firing);
    log_findings(&data, [firing("a:1")?, firing("silent:1")?]).await?;

    // The Alertmanager is not there yet.
    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    until("a try that failed", PATIENCE, || async {
        let failed = leadsman.sum("/metrics", "leadsman_alert_failures_total");
        ensure!(failed.await? > 0.0);
        Ok(())
    })
    .await?;
    let url = format!("http://{}/", notified.address);
    let alertmanager = Alertmanager::start(folder.path(), &address, &url).await?;
    let alerts = wait_for_alerts(&alertmanager, &["a:1"]).await?;
    let labels = &alerts[0]["labels"];
    ensure!(labels["alertname"] == "EtcdWalFsyncP99Band", "{labels}");
    ensure!(labels["severity"] == "critical", "{labels}");
    ensure!(alerts[0]["annotations"]["cause"] == "A slow disk.");
    wait_for_told(&notified, &[("a:1", "firing")]).await?;
    let findings = r#"leadsman_findings{severity="critical",state="firing"} 2"#;
    let page = leadsman.get("/metrics").await?;
    ensure!(page.contains(findings), "{page}");

    // Both are open in what is archived by now, and are told again after a kill.
    leadsman.process.kill()?;
    log_findings(&data, [firing("b:1")?]).await?;
    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    wait_for_told(&hook, &[("b:1", "firing")]).await?;
    until("both alerts", PATIENCE, || async {
        let n_alerts = alertmanager.alerts().await?.len();
        ensure!(n_alerts == 2, "{n_alerts}");
        Ok(())
    })
    .await?;

    // What was over while leadsman was away is told at once, long before the alerts would end by
    // themselves.
    leadsman.process.kill()?;
    let over = |instance| finding(instance, FindingState::Resolved);
    log_findings(&data, [over("a:1")?, over("silent:1")?, over("b:1")?]).await?;
    let leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    wait_for_alerts(&alertmanager, &[]).await?;
    let expected = [("b:1", "firing"), ("a:1", "resolved"), ("b:1", "resolved")];
    wait_for_told(&hook, &expected).await?;
    until("four notifications", PATIENCE, || async {
        let mut told = notified.told();
        told.sort();
        told.dedup();
        ensure!(told.len() == 4, "{told:?}");
        Ok(())
    })
    .await?;
    drop(leadsman);

    let mut findings = command(["findings", "--all", "--archive"])?;
    let shown = tools::run(findings.arg(&data))?;
    ensure!(
        shown.contains("etcd a:1") && shown.contains("0 open of 3"),
        "{shown}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_what_is_open() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    log_findings(&data, []).await?;
    let show = |args: &[&str]| {
        let mut findings = command(["findings", "--archive"])?;
        tools::run(findings.arg(&data).args(args))
    };
    let nothing = show(&[])?;
    ensure!(
        nothing.starts_with("nothing is out of the ordinary now"),
        "{nothing}"
    );
    ensure!(show(&["--format", "json"])? == "[]\n");
    let firing = finding("a:1", FindingState::Firing)?;
    log_findings(&data, [firing.clone()]).await?;
    let table = show(&[])?;
    ensure!(
        table.contains("2ms → 125ms") && table.contains("1 open of 1"),
        "{table}"
    );
    let json: Value = serde_json::from_str(&show(&["--since", "1h", "--format", "json"])?)?;
    ensure!(
        json[0]["id"] == firing.id.to_string() && json[0]["upper"] == 0.005,
        "{json}"
    );
    let id = firing.id.to_string();
    let whole = show(&[id.get(..6).unwrap_or_default()])?;
    for text in ["It took 2 ms", "A slow disk.", "Another disk.", &id] {
        ensure!(whole.contains(text), "{whole}");
    }
    Ok(())
}
