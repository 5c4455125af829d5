//! Splitting: no message is too long, and nothing is lost between them.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use proptest::prelude::*;
use prost::Message;

use super::support::{batch, decode, layout, numbers};
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
