//! Metrics of spans: posted over OTLP, counted, scraped by a real Prometheus, and asked for as Jaeger's
//! Monitor tab does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use leadsman_tests::containerd::Containerd;
use leadsman_tests::http;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::process::free_port;
use leadsman_tests::prometheus::Prometheus;
use leadsman_tests::registry::Registry;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::scene::{QUICK, launch};

const PULL: &str = "containerd.services.transfer.v1.Transfer/Transfer";
const CALLS: &str = "traces_span_metrics_calls_total";

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const UNSET: i32 = 0;
const ERROR: i32 = 2;

/// `n` spans of containerd: name, kind, status and milliseconds of each.
fn spans(name: &str, kind: i32, code: i32, millis: u64, n: usize) -> Vec<Span> {
    // Spans of long ago are not taken.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let end = since.unwrap_or_default().as_nanos() as u64;
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.to_owned(),
        kind,
        start_time_unix_nano: end - millis * 1_000_000,
        end_time_unix_nano: end,
        status: Some(Status {
            code,
            ..Default::default()
        }),
        ..Default::default()
    };
    vec![span; n]
}

/// Sends spans of containerd as an SDK does it, over HTTP.
async fn post(address: &str, spans: Vec<Span>) -> Result<()> {
    let service = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue("containerd".to_owned())),
        }),
        ..Default::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![service],
                ..Default::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    let answer = http::client()
        .post(format!("http://{address}/v1/traces"))
        .header("content-type", "application/x-protobuf")
        .body(request.encode_to_vec())
        .send()
        .await?;
    ensure!(answer.status().is_success(), "{}", answer.status());
    Ok(())
}

/// Three pulls that went well, one that failed, a client's view of one, and names without end.
async fn post_all(address: &str, round: usize) -> Result<()> {
    let mut all = spans(PULL, SERVER, UNSET, 300, 3);
    all.extend(spans(PULL, SERVER, ERROR, 5, 1));
    all.extend(spans(PULL, CLIENT, UNSET, 60_000, 1));
    all.extend(spans(&format!("GET /items/{round}"), SERVER, UNSET, 1, 1));
    post(address, all).await
}

fn yaml(traces: &str) -> String {
    format!(
        "global: {{scrape_interval: 1s, external_labels: {{node: n1}}}}\n\
         traces: {{enabled: true, listen: [\"{traces}\"]}}\n\
         span_metrics: {{interval: 2s, max_operations: 4}}\n\
         judging: {{signal_interval: 1s}}\n\
         telemetry: {{scrape_self: false}}\n\
         scrape_configs: []\n"
    )
}

/// Jaeger's filter of a query: the service and, as the tab asks by default, spans of servers
/// (jaegertracing/jaeger, internal/storage/metricstore/prometheus/metricstore/reader.go).
const FILTER: &str = r#"service_name =~ "containerd", span_kind =~ "SPAN_KIND_SERVER""#;

/// The one value of the answer.
async fn value(prometheus: &Prometheus, query: &str) -> Result<f64> {
    let found = prometheus.query(query).await?;
    ensure!(found.len() == 1, "{query}: {found:?}");
    let value = found[0]["value"][1].as_str().context("no value")?;
    Ok(value.parse()?)
}

/// The queries of `GetLatencies`, `GetCallRates` and `GetErrorRates`, by service and by operation.
async fn check_monitor_tab(prometheus: &Prometheus) -> Result<()> {
    let buckets = "traces_span_metrics_duration_milliseconds_bucket";
    let errors = r#"status_code = "STATUS_CODE_ERROR", "#;
    let error_rate = |by: &str| {
        format!(
            "sum(rate({CALLS}{{{errors}{FILTER}}}[1m])) by ({by}) \
             / sum(rate({CALLS}{{{FILTER}}}[1m])) by ({by})"
        )
    };
    let latency = |quantile: f64, by: &str| {
        format!(
            "histogram_quantile({quantile:.2}, sum(rate({buckets}{{{FILTER}}}[1m])) by ({by},le))"
        )
    };
    let call_rate = |by: &str| format!("sum(rate({CALLS}{{{FILTER}}}[1m])) by ({by})");

    let p95 = value(prometheus, &latency(0.95, "service_name")).await?;
    ensure!((200.0..=500.0).contains(&p95), "95th percentile {p95} ms");
    let calls = value(prometheus, &call_rate("service_name")).await?;
    ensure!(calls > 0.1, "{calls} calls a second");
    // One of five: four pulls and another span in each round.
    let failed = value(prometheus, &error_rate("service_name")).await?;
    ensure!((failed - 0.2).abs() < 0.05, "{failed} of the calls failed");

    let by = "service_name,span_name";
    for query in [latency(0.5, by), call_rate(by), error_rate(by)] {
        let found = prometheus.query(&query).await?;
        let of_pull = found.iter().find(|one| one["metric"]["span_name"] == PULL);
        of_pull.with_context(|| format!("{query}: {found:?}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn jaegers_monitor_tab_finds_what_was_counted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let traces = format!("127.0.0.1:{}", free_port()?);
    let leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml(&traces)).await?;
    let jobs = format!(
        "[{{job_name: leadsman, honor_labels: true, static_configs: [{{targets: [\"{}\"]}}]}}]",
        leadsman.address
    );
    let prometheus = Prometheus::scraping(folder.path(), &jobs).await?;
    until("Prometheus to scrape leadsman", PATIENCE, || async {
        let up = value(&prometheus, r#"up{job="leadsman"}"#).await?;
        ensure!(up == 1.0, "not up");
        Ok(())
    })
    .await?;
    let n_rounds = 12;
    for round in 0..n_rounds {
        post_all(&traces, round).await?;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    until("Prometheus to have all calls", PATIENCE, || async {
        let all = value(&prometheus, &format!("sum({CALLS})")).await?;
        ensure!(all == 6.0 * n_rounds as f64, "{all} calls");
        Ok(())
    })
    .await?;
    // What is new was zero before, or `rate` would not know of its first calls.
    let first = format!(r#"max(min_over_time({CALLS}{{service_name="containerd"}}[5m]))"#);
    let first = value(&prometheus, &first).await?;
    ensure!(first == 0.0, "an operation began with {first} calls");
    until("what the tab asks for", PATIENCE, || {
        check_monitor_tab(&prometheus)
    })
    .await?;
    check_overflow(&leadsman, &prometheus, n_rounds).await?;
    check_target(&leadsman, &prometheus).await
}

/// Three operations of the pull have names, and one of the others.
async fn check_overflow(
    leadsman: &Leadsman,
    prometheus: &Prometheus,
    n_rounds: usize,
) -> Result<()> {
    let overflow = format!(r#"{CALLS}{{otel_metric_overflow="true",span_name="overflow"}}"#);
    let beyond = value(prometheus, &overflow).await?;
    ensure!(beyond == n_rounds as f64 - 1.0, "{beyond} beyond the limit");
    let counted = leadsman
        .sum("/metrics", "leadsman_span_metrics_overflowed_total")
        .await?;
    ensure!(counted == beyond, "{counted} counted as beyond");
    Ok(())
}

/// The service is a target with all that follows: its page, its signals, and its series by name.
async fn check_target(leadsman: &Leadsman, prometheus: &Prometheus) -> Result<()> {
    let page = leadsman.get("/metrics?target=containerd/traces").await?;
    let line = format!(
        r#"{CALLS}{{service_name="containerd",span_kind="SPAN_KIND_SERVER",span_name="{PULL}""#
    );
    ensure!(page.contains(&line), "no {line} in {page}");
    let own = leadsman.get("/metrics?signals=off").await?;
    ensure!(!own.contains(CALLS), "leadsman would scrape it from itself");
    let signal = format!(
        r#"leadsman_signal_containerd_trace_failures{{job="containerd",instance="traces",node="n1",span_name="{PULL}"}}"#
    );
    until("the signal of failed pulls", PATIENCE, || async {
        let failed = value(prometheus, &signal).await?;
        ensure!(failed == 12.0, "{failed} failed pulls");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_nothing_is_counted_twice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let traces = format!("127.0.0.1:{}", free_port()?);
    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml(&traces)).await?;
    let calls = |leadsman: Leadsman, n: f64| async move {
        until("the calls", PATIENCE, || async {
            let told = leadsman.sum("/metrics", CALLS).await?;
            ensure!(told == n, "{told} calls");
            Ok(())
        })
        .await?;
        Ok::<_, anyhow::Error>(leadsman)
    };
    post(&traces, spans(PULL, SERVER, UNSET, 5, 40)).await?;
    leadsman = calls(leadsman, 40.0).await?;
    leadsman.process.kill()?;
    let leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml(&traces)).await?;
    post(&traces, spans(PULL, SERVER, UNSET, 5, 3)).await?;
    calls(leadsman, 3.0).await?;
    Ok(())
}

/// The selector of spans in the expression of a signal, as the catalogue has it.
async fn selected(leadsman: &Leadsman, signal: &str) -> Result<String> {
    let catalogue: serde_json::Value =
        serde_json::from_str(&leadsman.get("/api/v1/signals").await?)?;
    let signals = catalogue["signals"].as_array().context("no signals")?;
    let found = signals.iter().find(|one| one["name"] == signal);
    let expr = found
        .and_then(|one| one["expr"].as_str())
        .with_context(|| format!("no {signal}"))?;
    let (_, from) = expr.split_once('{').context("no selector")?;
    let (selector, _) = from.split_once('}').context("no end of the selector")?;
    Ok(selector.to_owned())
}

/// A pull and a start in containerd: the signals of its phases select the spans that it really sends.
#[tokio::test(flavor = "multi_thread")]
async fn signals_select_the_spans_of_a_real_containerd() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let traces = format!("127.0.0.1:{}", free_port()?);
    let yaml = yaml(&traces).replace("max_operations: 4", "max_operations: 500");
    let leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    let jobs = format!(
        "[{{job_name: leadsman, honor_labels: true, static_configs: [{{targets: [\"{}\"]}}]}}]",
        leadsman.address
    );
    let prometheus = Prometheus::scraping(folder.path(), &jobs).await?;
    let image = Registry::start(folder.path()).await?;
    let name = image.push_busybox()?;
    let containerd = Containerd::sending_traces(folder.path(), &format!("http://{traces}")).await?;
    tools::run(&mut containerd.ctr(["images", "pull", "--plain-http", &name]))?;
    tools::run(&mut containerd.ctr(["run", "--rm", &name, "one", "/bin/busybox", "true"]))?;
    let expected: [(&str, &[&str]); 3] = [
        ("containerd_trace_pull_p99", &["Transfer/Transfer"]),
        (
            "containerd_trace_pull_phase_p99",
            &["HTTPRequest", "fetchLayer", "unpackLayer"],
        ),
        (
            "containerd_trace_start_phase_p99",
            &[
                "Containers/Create",
                "Snapshots/Prepare",
                "Tasks/Create",
                "Task/Create",
                "Tasks/Start",
                "Task/Start",
            ],
        ),
    ];
    for (signal, ends) in expected {
        let selector = selected(&leadsman, signal).await?;
        let query =
            format!("sum by (span_name) ({CALLS}{{service_name=\"containerd\",{selector}}}) > 0");
        until("spans of containerd", PATIENCE, || async {
            let found = prometheus.query(&query).await?;
            for end in ends {
                let is_it = |name: &str| name.ends_with(end);
                let is_there = found
                    .iter()
                    .any(|one| one["metric"]["span_name"].as_str().is_some_and(is_it));
                ensure!(is_there, "{signal}: no {end} in {found:#?}");
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}
