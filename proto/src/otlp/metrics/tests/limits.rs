//! Splitting: no message is too long, and nothing is lost between them.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use proptest::prelude::*;
use prost::Message;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use super::super::to_fragments;
use super::support::{SeriesRow, batch, decode, layout, numbers};
use crate::metrics::{MetricKind, absent};
use crate::otlp::MetricsEncoder;

proptest! {
    #[test]
    fn fragments_keep_to_the_limit_and_lose_nothing(
        values in prop::collection::vec(prop::option::of(any::<u32>()), 1..200),
        limit in 400usize..4000,
    ) {
        let indices: Vec<String> = (0..values.len()).map(|idx| idx.to_string()).collect();
        let labels: Vec<[(&str, &str); 1]> = indices.iter().map(|idx| [("idx", &**idx)]).collect();
        let names = ["c", "g"];
        let series: Vec<_> =
            labels.iter().enumerate().map(|(i, own)| ((i / 7 % 2) as u32, names[i / 7 % 2], &own[..])).collect();
        let layout = layout(&[("c", MetricKind::Counter, ""), ("g", MetricKind::Gauge, "")], &series);
        let column: Vec<f64> = values.iter().map(|value| value.map_or_else(absent, f64::from)).collect();
        let encoded = MetricsEncoder::new(limit).encode(&batch(&layout, 1000, &column));

        for fragment in &encoded.fragments {
            prop_assert!(fragment.bytes.len() <= limit, "{} > {limit}", fragment.bytes.len());
            let request = ExportMetricsServiceRequest::decode(&*fragment.bytes).unwrap();
            prop_assert!(request.resource_metrics.iter().all(|r| r.resource.is_some()));
        }
        let n_expected = values.iter().flatten().count();
        prop_assert_eq!(encoded.fragments.iter().map(|f| f.n_items).sum::<usize>(), n_expected);
        let n_points: usize = decode(&encoded)
            .iter()
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
            .map(|metric| numbers(metric).len())
            .sum();
        prop_assert_eq!(n_points, n_expected);
    }
}

/// Each point as it shows, with its metric's name, in their order.
fn points(request: &[u8]) -> Vec<(String, String)> {
    let request = ExportMetricsServiceRequest::decode(request).unwrap();
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    metrics
        .flat_map(|metric| {
            let points: Vec<String> = match metric.data.as_ref().unwrap() {
                Data::Gauge(data) => data.data_points.iter().map(|p| format!("{p:?}")).collect(),
                Data::Sum(data) => data.data_points.iter().map(|p| format!("{p:?}")).collect(),
                Data::Histogram(data) => {
                    data.data_points.iter().map(|p| format!("{p:?}")).collect()
                }
                Data::Summary(data) => data.data_points.iter().map(|p| format!("{p:?}")).collect(),
                Data::ExponentialHistogram(_) => panic!("not in the page"),
            };
            points.into_iter().map(|point| (metric.name.clone(), point))
        })
        .collect()
}

#[test]
fn a_request_found_too_long_is_divided_down_to_single_points() {
    let numbers: Vec<String> = (0..9).map(|idx| idx.to_string()).collect();
    let labels: Vec<[(&str, &str); 1]> = numbers.iter().map(|idx| [("idx", &**idx)]).collect();
    let names = ["c", "g", "h_count", "s_count"];
    let series: Vec<SeriesRow<'_>> = (0u32..)
        .zip(names)
        .flat_map(|(family, name)| labels.iter().map(move |own| (family, name, &own[..])))
        .collect();
    let families = [
        ("c", MetricKind::Counter, ""),
        ("g", MetricKind::Gauge, ""),
        ("h", MetricKind::Histogram, ""),
        ("s", MetricKind::Summary, ""),
    ];
    let values: Vec<f64> = (0..36).map(f64::from).collect();
    let page = batch(&layout(&families, &series), 1000, &values);
    let whole = MetricsEncoder::new(1 << 20)
        .encode(&page)
        .fragments
        .remove(0);
    for limit in [1, 700, 1500] {
        let parts = to_fragments(&whole.bytes, limit).unwrap();
        assert!(
            parts
                .iter()
                .all(|part| part.n_items == 1 || part.bytes.len() <= limit)
        );
        assert_eq!(parts.iter().map(|part| part.n_items).sum::<usize>(), 36);
        assert_eq!(parts.len() == 36, limit == 1, "{} parts", parts.len());
        let joined: Vec<u8> = parts.into_iter().flat_map(|part| part.bytes).collect();
        assert_eq!(points(&joined), points(&whole.bytes));
    }
    assert!(to_fragments(b"\xff\xff", 100).is_err());
}
