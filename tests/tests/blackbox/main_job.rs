//! The main job, end to end: etcd behind mutual TLS and containerd, both under load, sounded into
//! the archive, sent on as OTLP, and scraped by a real Prometheus.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Result, ensure};
use leadsman_tests::certs::Certs;
use leadsman_tests::containerd::Containerd;
use leadsman_tests::etcd::Etcd;
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::Process;
use leadsman_tests::prometheus::Prometheus;
use leadsman_tests::tools;
use leadsman_tests::victoria_metrics::VictoriaMetrics;
use leadsman_tests::wait::{PATIENCE, until};

use super::archived_points;

const FSYNC: &str = "etcd_disk_wal_fsync_duration_seconds";

struct Scene {
    etcd: Etcd,
    _containerd: Containerd,
    _load: [Process; 2],
    receiver: OtlpReceiver,
    _prometheus3: Prometheus,
    victoria: VictoriaMetrics,
    leadsman: Leadsman,
}

impl Scene {
    async fn start(folder: &Path) -> Result<Self> {
        let certs = Arc::new(Certs::make(folder)?);
        let etcd = Etcd::start(folder, Some(Arc::clone(&certs))).await?;
        let containerd = Containerd::start(folder).await?;
        let load = [etcd.load(folder)?, containerd.load(folder)?];
        let receiver = OtlpReceiver::grpc().await?;
        let prometheus3 = Prometheus::newer(folder).await?;
        let victoria = VictoriaMetrics::start(folder).await?;
        let yaml = configuration(
            &certs,
            &etcd,
            &containerd,
            &receiver,
            &prometheus3,
            &victoria,
        );
        let leadsman = Leadsman::start(folder, &yaml).await?;
        Ok(Self {
            etcd,
            _containerd: containerd,
            _load: load,
            receiver,
            _prometheus3: prometheus3,
            victoria,
            leadsman,
        })
    }
}

fn configuration(
    certs: &Certs,
    etcd: &Etcd,
    containerd: &Containerd,
    receiver: &OtlpReceiver,
    prometheus3: &Prometheus,
    victoria: &VictoriaMetrics,
) -> String {
    let profiling = "profiling_config: {pprof_config: {process_cpu: {enabled: true, seconds: 2, interval: 10s}, \
                     memory: {enabled: true, interval: 5s}, goroutine: {enabled: true, interval: 5s}}}";
    format!(
        r#"
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{cluster: demo}}}}
otlp:
  - {{endpoint: "http://{receiver}", protocol: grpc, signals: [metrics, profiles, traces]}}
  - {{endpoint: "{victoria}", protocol: http/protobuf, signals: [metrics]}}
scrape_configs:
  - job_name: etcd
    scheme: https
    tls_config: {{ca_file: {ca:?}, cert_file: {cert:?}, key_file: {key:?}}}
    static_configs: [{{targets: ["{etcd}"]}}]
    {profiling}
  - job_name: containerd
    metrics_path: /v1/metrics
    static_configs: [{{targets: ["{metrics}"]}}]
  - job_name: prometheus
    static_configs: [{{targets: ["{prometheus3}"]}}]
  - job_name: containerd-debug
    metrics_enabled: false
    static_configs: [{{targets: ["unix://{socket}"]}}]
    {profiling}
"#,
        receiver = receiver.address,
        victoria = victoria.otlp_endpoint(),
        prometheus3 = prometheus3.address,
        ca = certs.ca,
        cert = certs.client_cert,
        key = certs.client_key,
        etcd = etcd.address,
        metrics = containerd.metrics_address,
        socket = containerd.debug_socket.display(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_and_containerd_under_load_reach_the_archive_otlp_and_prometheus() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::start(folder.path()).await?;
    scene
        .leadsman
        .wait_until_up(&["leadsman", "etcd", "containerd", "prometheus"])
        .await?;
    until(
        "CPU stacks of both at the OTLP receiver",
        PATIENCE * 2,
        || async {
            let functions = scene.receiver.functions();
            for package in ["go.etcd.io/etcd", "github.com/containerd/"] {
                let found = functions.iter().any(|function| function.contains(package));
                ensure!(found, "no function of {package} among {}", functions.len());
            }
            Ok(())
        },
    )
    .await?;
    until(
        "a trace of a scrape at the OTLP receiver",
        PATIENCE,
        || async {
            ensure!(!scene.receiver.received().traces.is_empty(), "no traces");
            Ok(())
        },
    )
    .await?;
    check_prometheus_scrapes_it(folder.path(), &scene).await?;

    ensure!(
        scene.leadsman.process.stop(PATIENCE)?.success(),
        "{}",
        scene.leadsman.process.output()
    );
    check_archive(&scene.leadsman.data)?;
    check_receivers_have_the_archived_points(&scene).await?;
    check_go_reads_an_export(folder.path(), &scene.leadsman.data)
}

async fn check_prometheus_scrapes_it(folder: &Path, scene: &Scene) -> Result<()> {
    let (address, instance) = (&scene.leadsman.address, &scene.etcd.address);
    let jobs = format!(
        "[{{job_name: leadsman, static_configs: [{{targets: ['{address}']}}]}}, \
          {{job_name: etcd-through-leadsman, params: {{target: ['etcd/{instance}']}}, \
            static_configs: [{{targets: ['{address}']}}]}}]"
    );
    let prometheus = Prometheus::scraping(folder, &jobs).await?;
    let query = format!("{FSYNC}_count{{job=\"etcd-through-leadsman\"}} > 0");
    until(
        "etcd's samples in Prometheus through leadsman",
        PATIENCE,
        || async {
            let result = prometheus.query(&query).await?;
            ensure!(result.len() == 1, "{result:?}");
            let up = prometheus.query("up{job=\"leadsman\"} == 1").await?;
            ensure!(up.len() == 1, "leadsman is not up: {up:?}");
            Ok(())
        },
    )
    .await?;
    assert!(
        !prometheus.process.output().contains("level=warn"),
        "{}",
        prometheus.process.output()
    );
    Ok(())
}

fn check_archive(data: &Path) -> Result<()> {
    let mut args = vec![data.join("archive").into_os_string()];
    let schema = tools::tests_folder().join("../storage/SCHEMA.md");
    args.extend(["--document".into(), schema.into_os_string()]);
    for (flag, value) in [
        ("--metric", "etcd_disk_wal_fsync_duration_seconds_bucket"),
        ("--metric", "containerd_build_info_total"),
        ("--profile-job", "etcd"),
        ("--profile-job", "containerd-debug"),
        ("--table", "metric_histograms"),
    ] {
        args.extend([flag.into(), value.into()]);
    }
    tools::python("check_archive.py", args)?;
    Ok(())
}

async fn check_receivers_have_the_archived_points(scene: &Scene) -> Result<()> {
    let metric = "etcd_mvcc_put_total";
    let archived = archived_points(&scene.leadsman.data, metric, "etcd")?;
    assert!(archived.len() > 5, "{archived:?}");
    assert_eq!(scene.receiver.number_points("etcd", metric), archived);
    let selector = format!("{metric}{{cluster=\"demo\"}}");
    let received = scene.victoria.points(&selector).await?;
    assert_eq!(received, archived, "VictoriaMetrics got other points");
    Ok(())
}

fn check_go_reads_an_export(folder: &Path, data: &Path) -> Result<()> {
    let export = folder.join("etcd-cpu.pb.gz");
    let mut merge = command([
        "profile",
        "merge",
        "--job",
        "etcd",
        "--kind",
        "process_cpu",
        "--archive",
    ])?;
    tools::run(merge.arg(data).arg("-o").arg(&export))?;
    let top = tools::run(
        Command::new("go")
            .args(["tool", "pprof", "-top"])
            .arg(&export),
    )?;
    assert!(top.contains("Type: cpu") && top.contains("etcd"), "{top}");
    Ok(())
}
