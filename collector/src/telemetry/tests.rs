//! Spans of a program, followed into the log.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use proto::Record;
use storage::log::ReadFrom;

use super::*;
use crate::config::LogFormat;
use crate::testing::open_log;

fn config(trace_sample_ratio: f64) -> TelemetryConfig {
    TelemetryConfig {
        log_level: "error".into(),
        log_format: LogFormat::Json,
        trace_sample_ratio,
        scrape_self: true,
    }
}

/// The spans that a program with this ratio leaves in the log.
async fn spans_in_log(ratio: f64, program: impl FnOnce()) -> Vec<ExportTraceServiceRequest> {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path());
    let mut reader = log.reader("test", ReadFrom::Cursor).unwrap();
    let (telemetry, subscriber) = Telemetry::build(&config(ratio), "host-1").unwrap();
    telemetry.send_traces_to(log.appender());
    tracing::subscriber::with_default(subscriber, program);
    tokio::task::spawn_blocking(move || telemetry.stop())
        .await
        .unwrap();
    log.close().await.unwrap();
    let mut requests = Vec::new();
    while let Ok(entry) = reader.next().await {
        let Record::Traces(bytes) = entry.record else {
            panic!("only traces were written")
        };
        requests.push(ExportTraceServiceRequest::decode(&*bytes).unwrap());
    }
    requests
}

fn one_scrape() {
    let scrape = tracing::info_span!("scrape", job = "etcd");
    let _inside = scrape.enter();
    tracing::debug_span!("decode").in_scope(|| {});
    tracing::info_span!(target: "exporter::otlp", "send").in_scope(|| {});
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_this_crate_reach_the_log_as_otlp() {
    let requests = spans_in_log(1.0, one_scrape).await;
    let resource_spans = &requests[0].resource_spans[0];
    let attributes: BTreeMap<_, _> = resource_spans
        .resource
        .as_ref()
        .unwrap()
        .attributes
        .iter()
        .map(|pair| {
            (
                pair.key.as_str(),
                pair.value.clone().unwrap().value.unwrap(),
            )
        })
        .collect();
    assert_eq!(
        attributes["service.name"],
        Value::StringValue("leadsman".into())
    );
    assert_eq!(
        attributes["service.instance.id"],
        Value::StringValue("host-1".into())
    );
    let spans: Vec<Span> = requests
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource_spans| &resource_spans.scope_spans)
        .flat_map(|scope_spans| scope_spans.spans.clone())
        .collect();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["decode", "scrape"]);
    assert_eq!(spans[0].trace_id, spans[1].trace_id);
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_traced_with_a_ratio_of_zero() {
    assert_eq!(spans_in_log(0.0, one_scrape).await, []);
}

#[test]
fn the_log_level_can_be_changed_to_a_good_one_only() {
    let (telemetry, _subscriber) = Telemetry::build(&config(0.0), "").unwrap();
    telemetry
        .set_log_level("info,collector::fetch=debug")
        .unwrap();
    let error = telemetry.set_log_level("a=b=c").unwrap_err();
    assert_eq!(error.to_string(), "\"a=b=c\" is not a log level or filter");
}

#[test]
fn the_metrics_of_telemetry_are_registered_once() {
    let (telemetry, _subscriber) = Telemetry::build(&config(0.0), "").unwrap();
    let registry = Registry::new();
    telemetry.register(&registry).unwrap();
    telemetry.register(&registry).unwrap_err();
}
