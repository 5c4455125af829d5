//! Spans in a real log, counted by a running counter.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prometheus::Registry;
use prost::Message;
use proto::metrics::{Origin, is_absent, is_stale};
use storage::log::{Log, ReadFrom};

use super::*;
use crate::config::built_in_signals;
use crate::sounding::SoundingMetrics;
use crate::testing::open_log;

/// A request of `service` with `n` spans of a name, each of so many milliseconds.
fn spans(service: &str, name: &str, n: usize, millis: u64) -> Record {
    let attribute = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(service.to_owned())),
        }),
        ..Default::default()
    };
    let span = Span {
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 1_000_000,
        end_time_unix_nano: 1_000_000 + millis * 1_000_000,
        ..Default::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute],
                ..Default::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![span; n],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    Record::Traces(request.encode_to_vec().into())
}

/// A log with a counter, and what a reader of it sees.
struct Rig {
    log: Log,
    reader: Reader,
    registry: Registry,
    stop: CancellationToken,
    counter: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn start(interval: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = open_log(folder.path());
        let registry = Registry::new();
        let soundings = SoundingMetrics::register(&registry).unwrap();
        let signals = built_in_signals().unwrap();
        // Every beat is evaluated.
        let program = Program::new(&signals)
            .unwrap()
            .every(Duration::from_millis(1));
        let counter = SpanCounter::new(
            interval,
            Limits::default(),
            Labels::from_pairs([("node", "n1")]),
            Arc::new(program),
            log.appender(),
            CountingMetrics::register(&registry, soundings).unwrap(),
        );
        let stop = CancellationToken::new();
        let tail = log.reader("spans", ReadFrom::Tail).unwrap();
        Self {
            reader: log.reader("test", ReadFrom::Tail).unwrap(),
            counter: tokio::spawn(counter.run(tail, stop.clone())),
            log,
            registry,
            stop,
            _folder: folder,
        }
    }

    async fn append(&self, record: Record) {
        self.log.appender().append(record).await.unwrap();
    }

    /// The values of the next batch of this origin, by (job, span, name); those of buckets are left out.
    async fn next(&mut self, origin: Origin) -> BTreeMap<(String, String, String), f64> {
        loop {
            let wait = Duration::from_secs(30);
            let entry = tokio::time::timeout(wait, self.reader.next()).await;
            let Record::Metrics(batch) = entry.unwrap().unwrap().record else {
                continue;
            };
            if batch.layout.origin() != origin {
                continue;
            }
            assert_eq!(batch.layout.target.labels.get("node"), Some("n1"));
            let samples = batch
                .samples()
                .filter(|(series, ..)| series.labels.get("le").is_none());
            let live = samples.filter(|(.., value)| !is_stale(*value) && !is_absent(*value));
            let keyed = live.map(|(series, _, value)| {
                let label = |name| series.labels.get(name).unwrap_or("").to_owned();
                ((label("job"), label("span_name"), label("__name__")), value)
            });
            return keyed.collect();
        }
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == name)
            .unwrap();
        let metric = &family.get_metric()[0];
        metric.get_counter().get_value() + metric.get_gauge().get_value()
    }
}

fn key(job: &str, span: &str, name: &str) -> (String, String, String) {
    (job.to_owned(), span.to_owned(), name.to_owned())
}

const PULL: &str = "containerd.services.transfer.v1.Transfer/Transfer";
const CALLS: &str = "traces_span_metrics_calls_total";

#[tokio::test]
async fn spans_of_the_log_become_samples_of_their_service_in_it() {
    let mut rig = Rig::start(Duration::from_millis(200));
    rig.append(spans("containerd", PULL, 3, 40)).await;
    rig.append(spans("leadsman", "scrape", 5, 1)).await;
    rig.append(Record::Traces(b"\xff\xff".as_slice().into()))
        .await;
    let calls = key("containerd", PULL, CALLS);
    let first = rig.next(Origin::Page).await;
    assert_eq!(first[&calls], 0.0);
    assert!(
        first.keys().all(|(job, ..)| job == "containerd"),
        "{first:?}"
    );
    let second = rig.next(Origin::Page).await;
    assert_eq!(second[&calls], 3.0);
    let sum = "traces_span_metrics_duration_milliseconds_sum";
    assert_eq!(second[&key("containerd", PULL, sum)], 120.0);
    assert_eq!(rig.metric("leadsman_span_metrics_spans_total"), 3.0);
    assert_eq!(rig.metric("leadsman_span_metrics_invalid_total"), 1.0);
    assert_eq!(rig.metric("leadsman_span_metrics_operations"), 1.0);
}

#[tokio::test]
async fn the_last_counts_are_told_at_the_stop() {
    let mut rig = Rig::start(Duration::from_secs(3600));
    rig.append(spans("a", "x", 1, 1)).await;
    while rig.metric("leadsman_span_metrics_spans_total") < 1.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.stop.cancel();
    let told = rig.next(Origin::Page).await;
    assert!(told.contains_key(&key("a", "x", CALLS)), "{told:?}");
    rig.counter.await.unwrap();
}

#[tokio::test]
async fn a_closed_log_ends_it() {
    let rig = Rig::start(Duration::from_secs(3600));
    rig.append(spans("a", "x", 1, 1)).await;
    rig.log.close().await.unwrap();
    rig.counter.await.unwrap();
}

/// Pages of a containerd that pulls slower from the tenth minute on, an hour of them, without a log.
#[tokio::test]
async fn phases_of_pulls_and_starts_are_signals() {
    use baseline::span_metrics::SpanMetrics;
    use proto::UnixMillis;
    use proto::otlp::calls::{Call, CallStatus, SpanKind};

    let signals = built_in_signals().unwrap();
    let mut evaluator = Evaluator::new(Arc::new(Program::new(&signals).unwrap()));
    let mut counts = SpanMetrics::new(Limits::default(), Labels::default());
    let mut last = BTreeMap::new();
    for beat in 0..(4 * 60) {
        // Twelve layers a minute of 90 ms, and a request of 20 ms; one of each kind failed at once.
        let spans = [
            (PULL, SpanKind::Server, CallStatus::Unset, 3_000),
            (PULL, SpanKind::Server, CallStatus::Error, 1),
            (PULL, SpanKind::Client, CallStatus::Unset, 400_000),
            (
                "pkg.unpack.unpacker.unpackLayer",
                SpanKind::Internal,
                CallStatus::Unset,
                90,
            ),
            (
                "remotes.docker.resolver.HTTPRequest",
                SpanKind::Client,
                CallStatus::Unset,
                20,
            ),
            (
                "runtime.v1.RuntimeService/StartContainer",
                SpanKind::Server,
                CallStatus::Ok,
                150,
            ),
            (
                "containerd.task.v3.Task/Start",
                SpanKind::Client,
                CallStatus::Unset,
                60,
            ),
            ("something.else", SpanKind::Server, CallStatus::Error, 60),
        ];
        for (name, kind, status, millis) in spans {
            counts.count(&Call {
                service: "containerd",
                name,
                kind,
                status,
                nanos: millis * 1_000_000,
            });
        }
        let batch = counts.beat(UnixMillis(beat * 15_000)).remove(0);
        if let Some(batch) = evaluator.observe(&batch, Outcome::Good).batch {
            last = batch
                .samples()
                .map(|(series, _, value)| {
                    let label = |name| series.labels.get(name).unwrap_or("").to_owned();
                    ((label("__name__"), label("span_name")), value)
                })
                .collect();
        }
    }
    let value = |signal: &str, span: &str| {
        let name = format!("leadsman_signal_containerd_trace_{signal}");
        let found = last.get(&(name, span.to_owned())).copied();
        found.unwrap_or_else(|| panic!("{signal} of {span} in {last:#?}"))
    };
    let is_near = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
    // Quantiles lie evenly in their buckets: 2 to 5 s, 50 to 100 ms, 10 to 20, 100 to 200.
    assert!(is_near(value("pull_p99_seconds", PULL), 4.97));
    let unpack = "pkg.unpack.unpacker.unpackLayer";
    assert!(is_near(value("pull_phase_p99_seconds", unpack), 0.0995));
    assert!(is_near(value("pull_phase_mean_seconds", unpack), 0.09));
    let request = "remotes.docker.resolver.HTTPRequest";
    assert!(is_near(value("pull_phase_mean_seconds", request), 0.02));
    let start = "runtime.v1.RuntimeService/StartContainer";
    assert!(is_near(value("start_p99_seconds", start), 0.199));
    let task = "containerd.task.v3.Task/Start";
    assert!(is_near(value("start_phase_p99_seconds", task), 0.0995));
    assert!(is_near(value("start_phase_mean_seconds", task), 0.06));
    // A quarter of an hour of one each 15 s.
    assert!(is_near(value("failures", PULL), 60.0));
    assert!(
        last.keys().all(|(_, span)| span != "something.else"),
        "{last:#?}"
    );
}
