//! Grafana's dashboards: held to its schema, and every query of every panel asked of what it is for:
//! a real Prometheus that scrapes leadsman, another that scrapes the programs themselves, and leadsman
//! as the data source of profiles.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use leadsman_tests::containerd::Containerd;
use leadsman_tests::etcd::Etcd;
use leadsman_tests::history::{self, Past};
use leadsman_tests::http;
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::{Process, free_port};
use leadsman_tests::prometheus::Prometheus;
use leadsman_tests::tools;
use leadsman_tests::wait::until;
use serde_json::{Value, json};

use super::scene::{QUICK, launch, receiver_yaml};

/// leadsman tells a rate of five minutes when it has seen half of them.
const PATIENCE: Duration = Duration::from_secs(240);
/// Milliseconds.
const HOUR: i64 = 3_600_000;
/// The signal that has a past, and so a band.
const JUDGED: &str = "etcd_db_size";

/// Panels whose queries answer nothing where all is well, or on machines that lack what they show.
const MAY_BE_EMPTY: [(&str, &str); 7] = [
    ("Scrapes that did not go well", "none fails here"),
    ("Profiles that did not go well", "none fails here"),
    ("Tried again and dropped", "the receiver takes everything"),
    ("Alerts told", "no Alertmanager is configured"),
    (
        "Told in an hour",
        "nothing need be out of the ordinary here",
    ),
    ("Pressure", "the kernel may be built without it"),
    ("Time of a disk's write", "no disk need be written to"),
];

/// What people know of etcd's own dashboard, and of containerd's metrics, as the signals that show it.
const MUST_BE_SEEN: [&str; 15] = [
    "etcd_has_leader",
    "etcd_grpc_requests",
    "etcd_client_streams",
    "etcd_db_size",
    "etcd_wal_fsync_p99",
    "etcd_backend_commit_p99",
    "etcd_client_received",
    "etcd_client_sent",
    "etcd_proposals_pending",
    "etcd_proposals_failed",
    "etcd_leader_changes",
    "process_resident_memory",
    "containerd_grpc_requests",
    "go_goroutines",
    "target_up",
];

fn folder_of_dashboards() -> PathBuf {
    tools::tests_folder().join("../dashboards/grafana")
}

/// Every dashboard, by its file.
fn dashboards(folder: &Path) -> Result<Vec<(PathBuf, Value)>> {
    let entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let files = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
    files
        .map(|path| {
            let dashboard = serde_json::from_slice(&std::fs::read(&path)?)?;
            Ok((path, dashboard))
        })
        .collect()
}

#[test]
fn dashboards_are_what_grafana_s_schema_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("leadsman.yml");
    std::fs::write(
        &config,
        "signals: [{name: orders, component: shop, unit: per_second, expr: 'rate(orders_total[5m])', \
         title: Orders, bad: down}]\n",
    )?;
    let into = folder.path().join("grafana");
    let mut own = command(["dashboards", "--config"])?;
    tools::run(own.arg(&config).arg(&into))?;
    let written = dashboards(&into)?;
    let committed = dashboards(&folder_of_dashboards())?;
    ensure!(written.len() == committed.len() + 1, "{}", written.len());
    let shop = std::fs::read_to_string(into.join("shop.json"))?;
    ensure!(shop.contains("rate(orders_total{"), "{shop}");
    tools::python("grafana_schema.py", written.iter().map(|(path, _)| path))?;
    tools::python("grafana_schema.py", committed.iter().map(|(path, _)| path))?;
    Ok(())
}

/// Everything that dashboards show, running.
struct Scene {
    leadsman: Leadsman,
    /// Scrapes leadsman only.
    of_leadsman: Prometheus,
    /// Scrapes the programs only.
    of_programs: Prometheus,
    _running: (Etcd, Containerd, OtlpReceiver, Vec<Process>),
}

impl Scene {
    async fn start(folder: &Path) -> Result<Self> {
        let etcd = Etcd::start(folder, None).await?;
        let containerd = Containerd::start(folder).await?;
        let receiver = OtlpReceiver::http().await?;
        let node = format!("127.0.0.1:{}", free_port()?);
        let mut exporter = Command::new("prometheus-node-exporter");
        exporter.arg(format!("--web.listen-address={node}"));
        let running = vec![
            Process::spawn("node-exporter", folder, exporter)?,
            etcd.load(folder)?,
        ];
        tools::run(&mut containerd.ctr(["images", "ls"]))?;
        let past = Past {
            job: "etcd",
            instance: &etcd.address,
            signals: &[("leadsman_signal_etcd_db_size_bytes", [20_480.0, 20_480.0])],
            profiles: &[],
        };
        history::write(&folder.join("data/archive"), 3, &[past])?;
        let yaml = yaml(&etcd, &containerd, &receiver);
        let leadsman = Leadsman::launch(folder, launch(QUICK), &yaml).await?;
        leadsman.wait_until_up(&["etcd", "containerd"]).await?;
        let ours = folder.join("of-leadsman");
        std::fs::create_dir(&ours)?;
        // Its page is long, and everything here runs on few cores.
        let own = format!(
            "honor_labels: true, scrape_interval: 5s, static_configs: [{{targets: [\"{}\"]}}]",
            leadsman.address
        );
        let of_leadsman =
            Prometheus::scraping(&ours, &format!("[{{job_name: leadsman, {own}}}]")).await?;
        let programs = format!(
            "[{{job_name: etcd, static_configs: [{{targets: [\"{}\"]}}]}}, \
             {{job_name: containerd, metrics_path: /v1/metrics, static_configs: [{{targets: [\"{}\"]}}]}}, \
             {{job_name: node, static_configs: [{{targets: [\"{node}\"]}}]}}]",
            etcd.address, containerd.metrics_address
        );
        let theirs = folder.join("of-programs");
        std::fs::create_dir(&theirs)?;
        let of_programs = Prometheus::scraping(&theirs, &programs).await?;
        Ok(Self {
            leadsman,
            of_leadsman,
            of_programs,
            _running: (etcd, containerd, receiver, running),
        })
    }

    /// Signals that leadsman tells of programs' pages now, by name with unit.
    async fn signals(&self) -> Result<BTreeSet<String>> {
        let page = self.leadsman.get("/metrics").await?;
        let names = page.lines().filter_map(|line| line.split_once('{'));
        let is_of_program = |labels: &str| {
            labels.contains(r#"job="etcd""#) || labels.contains(r#"job="containerd""#)
        };
        let names = names
            .filter(|(name, labels)| name.starts_with("leadsman_signal_") && is_of_program(labels));
        Ok(names.map(|(name, _)| name.to_owned()).collect())
    }
}

fn yaml(etcd: &Etcd, containerd: &Containerd, receiver: &OtlpReceiver) -> String {
    let every = "{enabled: true, interval: 3s}";
    format!(
        "global: {{scrape_interval: 1s}}\n\
         judging: {{signal_interval: 1s}}\n\
         scrape_configs:\n  - job_name: etcd\n    static_configs: [{{targets: [\"{}\"]}}]\n    \
         profiling_config: {{pprof_config: {{process_cpu: {{enabled: true, seconds: 1, interval: 3s}}, \
         memory: {every}, goroutine: {every}, mutex: {every}, block: {{enabled: false}}}}}}\n  \
         - job_name: containerd\n    metrics_path: /v1/metrics\n    static_configs: [{{targets: [\"{}\"]}}]\n\
         otlp:\n{}",
        etcd.address,
        containerd.metrics_address,
        receiver_yaml("first", receiver)
    )
}

/// A query of a panel with the names of the variables' values in it.
struct Asked<'a> {
    panel: &'a str,
    target: &'a Value,
    query: String,
}

fn chosen(text: &str) -> String {
    let values = [
        ("${job:regex}", ".*"),
        ("$job", ".*"),
        ("$instance", ".*"),
        ("${signal}", JUDGED),
        ("$signal", JUDGED),
        ("$service", "etcd"),
    ];
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

fn queries(dashboard: &Value) -> Result<Vec<Asked<'_>>> {
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let mut all = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().context("no title")?;
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().or(target["labelSelector"].as_str());
            let query = chosen(query.context("neither an expression nor a selector")?);
            ensure!(!query.contains('$'), "{title}: {query}");
            all.push(Asked {
                panel: title,
                target,
                query,
            });
        }
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_every_panel_is_answered() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Scene::start(folder.path()).await?;
    let dashboards = dashboards(&folder_of_dashboards())?;
    let signals = until("rates of both programs", PATIENCE, || async {
        let signals = scene.signals().await?;
        for program in ["etcd", "containerd"] {
            let rate = format!("leadsman_signal_{program}_grpc_requests_per_second");
            ensure!(signals.contains(&rate), "no {rate} yet");
        }
        anyhow::Ok(signals)
    })
    .await?;
    for (path, dashboard) in &dashboards {
        for asked in queries(dashboard)? {
            let what = format!("{}: {}: {}", path.display(), asked.panel, asked.query);
            until(&what, PATIENCE, || check(&scene, &asked, &signals)).await?;
        }
        let what = format!("what can be chosen on {}", path.display());
        until(&what, PATIENCE, || check_choices(&scene, dashboard)).await?;
    }
    Ok(())
}

/// Whether a query answers what it should here.
async fn check(scene: &Scene, asked: &Asked<'_>, signals: &BTreeSet<String>) -> Result<()> {
    if asked.target["datasource"]["type"] == "grafana-pyroscope-datasource" {
        return check_profiles(scene, asked).await;
    }
    let ours = scene.of_leadsman.query(&asked.query).await?;
    let theirs = scene.of_programs.query(&asked.query).await?;
    let query = &asked.query;
    let name = query.split('{').next().unwrap_or_default();
    if query.starts_with("leadsman_signal_") && asked.target["refId"] == "Value" {
        // What leadsman told at first may have ended, as profiles are skipped when there are many.
        let is_gone = ours.is_empty() && !scene.signals().await?.contains(name);
        let is_there = signals.contains(name) && !is_gone;
        ensure!(!is_there || !ours.is_empty(), "nothing of leadsman");
        let must_be_seen = MUST_BE_SEEN.iter().any(|must| name.contains(must));
        let is_of_page = query.contains(" or ") && (is_there || must_be_seen);
        ensure!(!is_of_page || !theirs.is_empty(), "nothing of the program");
        return Ok(());
    }
    if query.starts_with("leadsman_baseline_") || query.starts_with("leadsman_limit_") {
        let is_judged =
            query.contains(&format!("\"{JUDGED}\"")) || query.contains(&format!("_{JUDGED}_"));
        ensure!(!is_judged || !ours.is_empty(), "nothing is usual");
        return Ok(());
    }
    let may_be_empty = MAY_BE_EMPTY.iter().any(|(panel, _)| *panel == asked.panel);
    let is_answered = !ours.is_empty() || !theirs.is_empty();
    ensure!(may_be_empty || is_answered, "no answer");
    Ok(())
}

/// A panel of profiles, as Grafana's data source asks for it.
async fn check_profiles(scene: &Scene, asked: &Asked<'_>) -> Result<()> {
    let mut question = json!({
        "profileTypeID": asked.target["profileTypeId"], "labelSelector": asked.query,
        "start": now()? - HOUR, "end": now()?,
    });
    let method = match asked.target["queryType"].as_str() {
        Some("metrics") => {
            question["step"] = json!(15);
            question["groupBy"] = asked.target["groupBy"].clone();
            "SelectSeries"
        }
        Some("profile") => {
            question["maxNodes"] = asked.target["maxNodes"].clone();
            "SelectMergeStacktraces"
        }
        other => anyhow::bail!("unknown kind of query {other:?}"),
    };
    let answer = ask_pyroscope(scene, method, &question).await?;
    let found = match method {
        "SelectSeries" => !answer["series"][0]["points"][0].is_null(),
        _ => answer["flamegraph"]["names"]
            .as_array()
            .is_some_and(|names| names.len() > 1),
    };
    ensure!(found, "{method} of {question}: {answer}");
    Ok(())
}

/// Milliseconds since 1970.
fn now() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_millis())?)
}

async fn ask_pyroscope(scene: &Scene, method: &str, question: &Value) -> Result<Value> {
    let url = scene
        .leadsman
        .url(&format!("/querier.v1.QuerierService/{method}"));
    let request = http::client()
        .post(url)
        .header("content-type", "application/json");
    let answer = request.body(question.to_string()).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    ensure!(status.is_success(), "{method}: {status}");
    Ok(serde_json::from_slice(&body)?)
}

/// What can be chosen above the panels, and the marks of findings.
async fn check_choices(scene: &Scene, dashboard: &Value) -> Result<()> {
    for mark in dashboard["annotations"]["list"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let expr = mark["expr"].as_str().context("no expression")?;
        scene.of_leadsman.query(expr).await?;
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if variable["query"]["type"] == "labelValue" {
            let label = &variable["query"]["labelName"];
            let question = json!({"name": label, "start": now()? - HOUR, "end": now()?});
            let answer = ask_pyroscope(scene, "LabelValues", &question).await?;
            ensure!(answer["names"].to_string().contains("etcd"), "{answer}");
            continue;
        }
        let query = variable["query"].as_str().context("no query")?;
        let Some(inside) = query.strip_prefix("label_values(") else {
            continue;
        };
        let inside = inside.strip_suffix(')').context("no end")?;
        let (series, label) = inside.rsplit_once(", ").context("no label")?;
        // Kubernetes' programs are not here.
        if ["workqueue_", "kubelet_"]
            .iter()
            .any(|prefix| series.contains(prefix))
            && !series.contains("node_")
        {
            continue;
        }
        let series = chosen(series);
        let mut all = scene.of_leadsman.query(&series).await?;
        all.extend(scene.of_programs.query(&series).await?);
        let has_label = all.iter().any(|one| one["metric"][label].is_string());
        ensure!(has_label, "{query} has no values: {all:?}");
    }
    Ok(())
}
