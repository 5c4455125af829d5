//! A log with records of every kind, and a forwarder that reads it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prometheus::Registry;
use prost::Message;
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::profile::{LabelSetId, ProfileBuilder, ValueType};
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis};
use storage::Position;
use storage::log::{Log, ReadFrom};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::signal::Signal;
use super::super::{Compression, Forwarder, OtlpMetrics, Protocol, ReceiverOptions, Signals};
use super::receiver::Received;
use crate::auth::SecretSource;
use crate::client::RetryPolicy;
use crate::testing::log_options;
use crate::tls::ClientTlsOptions;

/// A log in a folder of its own, and the metrics of its forwarders.
pub(super) struct Fixture {
    pub(super) log: Log,
    registry: Registry,
    metrics: Arc<OtlpMetrics>,
    _folder: tempfile::TempDir,
}

/// A forwarder at work.
pub(super) struct Running {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Running {
    /// Shuts it down and waits until it is.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.ended().await;
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(self) {
        let stopped = tokio::time::timeout(Duration::from_secs(20), self.task).await;
        stopped.expect("stops in time").expect("does not panic");
    }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = log_options(&folder.path().join("log"));
        let registry = Registry::new();
        let metrics = Arc::new(OtlpMetrics::new(&registry).unwrap());
        Self {
            log: Log::open(options, Position(0)).unwrap(),
            registry,
            metrics,
            _folder: folder,
        }
    }

    /// Appends records and waits until readers see them.
    pub(super) async fn append(&self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            let receipt = self.log.appender().append(record).await.unwrap();
            receipt.durable().await.unwrap();
        }
    }

    /// Starts a forwarder that retries quickly.
    pub(super) fn forward(&self, options: ReceiverOptions) -> Running {
        let name = options.name.clone();
        let mut forwarder = Forwarder::new(options, Arc::clone(&self.metrics)).unwrap();
        let (first, longest) = (Duration::from_millis(1), Duration::from_millis(20));
        forwarder.retry = RetryPolicy { first, longest };
        forwarder.drain_deadline = Duration::from_millis(500);
        let reader = self.log.reader(&name, ReadFrom::Cursor).unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(forwarder.run(reader, shutdown.clone()));
        Running { task, shutdown }
    }

    /// The sum of a counter over the series that have all the label values.
    pub(super) fn counted(&self, name: &str, label_values: &[&str]) -> u64 {
        let families = self.registry.gather();
        let metrics = families
            .iter()
            .filter(|f| f.name() == name)
            .flat_map(prometheus::proto::MetricFamily::get_metric);
        let matching = metrics.filter(|metric| {
            let has = |value: &&str| metric.get_label().iter().any(|pair| pair.value() == *value);
            label_values.iter().all(has)
        });
        matching
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }

    /// Waits for a counter: the request is counted after the receiver has answered it.
    pub(super) async fn wait_counted(&self, name: &str, label_values: &[&str], expected: u64) {
        let reached = async {
            while self.counted(name, label_values) < expected {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(20), reached).await;
        assert_eq!(
            self.counted(name, label_values),
            expected,
            "{name}{label_values:?}"
        );
    }
}

/// Everything, uncompressed, to `http://address`, at once.
pub(super) fn options(address: impl std::fmt::Display, protocol: Protocol) -> ReceiverOptions {
    ReceiverOptions {
        name: "test".to_owned(),
        endpoint: format!("http://{address}"),
        protocol,
        signals: Signals {
            metrics: true,
            profiles: true,
            traces: true,
            logs: true,
        },
        compression: Compression::None,
        headers: vec![(
            "X-Tenant".to_owned(),
            SecretSource::Inline("red".to_owned()),
        )],
        tls: ClientTlsOptions::default(),
        timeout: Duration::from_secs(10),
        max_message_bytes: 1 << 20,
        batch_interval: Duration::from_millis(1),
    }
}

fn target() -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:1")]),
        scheme: "http".to_owned(),
        address: "a:1".to_owned(),
    })
}

/// A scrape of one gauge with the series `idx="0"`, `idx="1"`, … of these values.
pub(super) fn scrape(time: i64, values: &[f64]) -> Record {
    let target = target();
    let family = Family {
        name: "g".to_owned(),
        kind: MetricKind::Gauge,
        ..Default::default()
    };
    let series = (0..values.len()).map(|idx| {
        let own = [("__name__", "g".to_owned()), ("idx", idx.to_string())];
        let pairs = target
            .labels
            .iter()
            .map(|(name, value)| (name, value.to_owned()))
            .chain(own);
        let labels = Labels::from_pairs(pairs);
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: 0,
        }
    });
    let series = series.collect();
    let layout = Arc::new(Layout::new(target, vec![family], series));
    Record::Metrics(Arc::new(MetricBatch::new(
        layout,
        UnixMillis(time),
        values.to_vec(),
    )))
}

/// A profile with one sample.
pub(super) fn profile() -> Record {
    let mut builder = ProfileBuilder::new();
    let (kind, unit) = (builder.string("cpu"), builder.string("nanoseconds"));
    let profile = builder.profile_mut();
    profile.sample_types = vec![ValueType { kind, unit }];
    profile.time_nanos = 1_700_000_000_000_000_000;
    let stack = builder.stack(&[]);
    builder.add_sample(stack, LabelSetId::default(), &[7]);
    Record::Profile(Arc::new(ProfileRecord {
        target: target(),
        kind: "process_cpu".to_owned(),
        is_delta: true,
        profile: builder.finish(),
    }))
}

/// A trace request with one span.
pub(super) fn traces() -> Vec<u8> {
    let spans = vec![Span {
        name: "scrape".to_owned(),
        ..Default::default()
    }];
    let scope_spans = vec![ScopeSpans {
        spans,
        ..Default::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..Default::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// (time in milliseconds, value) of every point, in the order they came.
pub(super) fn points(received: &[Received]) -> Vec<(i64, f64)> {
    let metrics = received
        .iter()
        .filter(|request| request.signal == Signal::Metrics);
    metrics
        .flat_map(|request| {
            let request = ExportMetricsServiceRequest::decode(&*request.body).unwrap();
            request.resource_metrics
        })
        .flat_map(|resource| resource.scope_metrics)
        .flat_map(|scope| scope.metrics)
        .flat_map(|metric| match metric.data {
            Some(metric::Data::Gauge(gauge)) => gauge.data_points,
            other => panic!("not a gauge: {other:?}"),
        })
        .map(|point| match point.value {
            Some(number_data_point::Value::AsDouble(value)) => {
                ((point.time_unix_nano / 1_000_000) as i64, value)
            }
            other => panic!("not a double: {other:?}"),
        })
        .collect()
}

/// Number of requests for each signal.
pub(super) fn n_requests(received: &[Received]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    received
        .iter()
        .for_each(|request| *counts.entry(request.signal.name()).or_default() += 1);
    counts
}
