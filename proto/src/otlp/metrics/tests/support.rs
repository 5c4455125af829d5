//! Pages in, decoded OTLP out.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, metric::Data,
};
use prost::Message;

use crate::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use crate::otlp::{EncodedMetrics, MetricsEncoder};
use crate::{Labels, Target, UnixMillis};

/// A target of job `etcd` with an external label.
pub(super) fn target() -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:2379"), ("cluster", "demo")]),
        scheme: "https".to_owned(),
        address: "10.0.0.1:2379".to_owned(),
    })
}

/// A series: index of its family, name, own labels.
pub(super) type SeriesRow<'a> = (u32, &'a str, &'a [(&'a str, &'a str)]);

/// A layout from families (name, type, unit) and series (family, name, own labels).
pub(super) fn layout(
    families: &[(&str, MetricKind, &str)],
    series: &[SeriesRow<'_>],
) -> Arc<Layout> {
    let target = target();
    let families = families.iter().map(|(name, kind, unit)| Family {
        name: (*name).to_owned(),
        kind: *kind,
        help: format!("help of {name}"),
        unit: (*unit).to_owned(),
    });
    let series = series.iter().map(|(family_idx, name, own)| {
        let pairs = target
            .labels
            .iter()
            .chain(own.iter().copied())
            .chain([("__name__", *name)]);
        let labels = Labels::from_pairs(pairs);
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: *family_idx,
        }
    });
    let (families, series) = (families.collect(), series.collect());
    Arc::new(Layout::new(target, families, series))
}

pub(super) fn batch(layout: &Arc<Layout>, time: i64, values: &[f64]) -> MetricBatch {
    MetricBatch::new(Arc::clone(layout), UnixMillis(time), values.to_vec())
}

/// Encodes a scrape and reads it back.
pub(super) fn encode(encoder: &mut MetricsEncoder, batch: &MetricBatch) -> Vec<ResourceMetrics> {
    decode(&encoder.encode(batch))
}

pub(super) fn decode(encoded: &EncodedMetrics) -> Vec<ResourceMetrics> {
    let bytes = encoded
        .fragments
        .iter()
        .flat_map(|fragment| fragment.bytes.clone());
    let bytes: Vec<u8> = bytes.collect();
    ExportMetricsServiceRequest::decode(&*bytes)
        .expect("valid request")
        .resource_metrics
}

/// Encodes one scrape by itself and returns its metrics by name.
pub(super) fn metrics_of(batch: &MetricBatch) -> BTreeMap<String, Metric> {
    by_name(encode(&mut MetricsEncoder::new(1 << 20), batch))
}

pub(super) fn by_name(resources: Vec<ResourceMetrics>) -> BTreeMap<String, Metric> {
    let scopes = resources
        .into_iter()
        .flat_map(|resource| resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| scope.metrics);
    metrics
        .map(|metric| (metric.name.clone(), metric))
        .collect()
}

pub(super) fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().expect("data") {
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Sum(sum) => &sum.data_points,
        other => panic!("not numbers: {other:?}"),
    }
}

pub(super) fn histograms(metric: &Metric) -> &[HistogramDataPoint] {
    match metric.data.as_ref().expect("data") {
        Data::Histogram(histogram) => &histogram.data_points,
        other => panic!("not a histogram: {other:?}"),
    }
}

/// Attributes as `key=value`.
pub(super) fn shown(attributes: &[KeyValue]) -> Vec<String> {
    let show = |kv: &KeyValue| match kv.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => format!("{}={text}", kv.key),
        Some(Value::IntValue(number)) => format!("{}={number}", kv.key),
        other => format!("{}={other:?}", kv.key),
    };
    attributes.iter().map(show).collect()
}
