//! Classic and native histograms, and summaries.

use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;

use super::support::{SeriesRow, batch, histograms, layout, metrics_of, shown};
use crate::metrics::{
    BucketSpan, Exemplar, Layout, MetricBatch, MetricKind, NativeHistogram, absent, stale_marker,
};
use crate::otlp::MetricsEncoder;
use crate::{Labels, UnixMillis};

fn classic() -> Arc<Layout> {
    layout(
        &[("h_seconds", MetricKind::Histogram, "seconds")],
        &[
            (0, "h_seconds_bucket", &[("le", "0.1")]),
            (0, "h_seconds_bucket", &[("le", "1")]),
            (0, "h_seconds_bucket", &[("le", "+Inf")]),
            (0, "h_seconds_sum", &[]),
            (0, "h_seconds_count", &[]),
        ],
    )
}

#[test]
fn buckets_are_decumulated_and_the_infinite_bound_dropped() {
    let metrics = metrics_of(&batch(&classic(), 1000, &[1.0, 3.0, 7.0, 9.5, 7.0]));
    let metric = &metrics["h_seconds"];
    let [point] = histograms(metric) else {
        panic!("one point")
    };
    assert_eq!(metric.unit, "s");
    assert_eq!(point.explicit_bounds, [0.1, 1.0]);
    assert_eq!(point.bucket_counts, [1, 2, 4]);
    assert_eq!((point.count, point.sum), (7, Some(9.5)));
    assert_eq!(shown(&point.attributes), ["cluster=demo"]);
    assert_eq!(point.start_time_unix_nano, point.time_unix_nano);
}

#[test]
fn buckets_add_up_to_the_count_even_where_the_page_contradicts_itself() {
    let metrics = metrics_of(&batch(&classic(), 1000, &[3.0, 1.0, 7.0, 9.5, 2.0]));
    let point = &histograms(&metrics["h_seconds"])[0];
    assert_eq!(point.bucket_counts, [3, 0, 0]);
    assert_eq!(point.count, 3);
}

#[test]
fn a_missing_bucket_leaves_its_bound_out_and_a_missing_sum_is_unset() {
    let metrics = metrics_of(&batch(
        &classic(),
        1000,
        &[absent(), 3.0, 7.0, absent(), 7.0],
    ));
    let point = &histograms(&metrics["h_seconds"])[0];
    assert_eq!(
        (&*point.explicit_bounds, &*point.bucket_counts),
        (&[1.0][..], &[3, 4][..])
    );
    assert_eq!(point.sum, None);
}

#[test]
fn a_stale_histogram_keeps_its_bounds_and_its_sum() {
    let metrics = metrics_of(&batch(&classic(), 1000, &[stale_marker(); 5]));
    let point = &histograms(&metrics["h_seconds"])[0];
    assert_eq!((point.flags, point.count, point.sum), (1, 0, Some(0.0)));
    assert_eq!(
        (&*point.explicit_bounds, &*point.bucket_counts),
        (&[0.1, 1.0][..], &[0; 3][..])
    );
}

#[test]
fn without_a_count_there_is_no_histogram_and_the_samples_are_counted() {
    let layout = layout(
        &[
            ("h", MetricKind::Histogram, ""),
            ("g", MetricKind::GaugeHistogram, ""),
        ],
        &[
            (0, "h_bucket", &[("le", "1")]),
            (0, "h_sum", &[]),
            (1, "g_gcount", &[]),
        ],
    );
    let encoded = MetricsEncoder::new(1 << 20).encode(&batch(&layout, 1000, &[1.0, 2.0, 3.0]));
    assert!(encoded.fragments.is_empty());
    assert_eq!(encoded.n_unmapped, 3);
}

#[test]
fn histograms_of_one_family_are_told_apart_by_their_labels() {
    let series: [SeriesRow<'_>; 4] = [
        (0, "h_count", &[("type", "a")]),
        (0, "h_bucket", &[("type", "b"), ("le", "5")]),
        (0, "h_count", &[("type", "b")]),
        (0, "h_bucket", &[("type", "a"), ("le", "5")]),
    ];
    let layout = layout(&[("h", MetricKind::Histogram, "")], &series);
    let metrics = metrics_of(&batch(&layout, 1000, &[10.0, 2.0, 20.0, 1.0]));
    let shown: Vec<_> = histograms(&metrics["h"])
        .iter()
        .map(|point| {
            (
                shown(&point.attributes).join(","),
                point.bucket_counts.clone(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("cluster=demo,type=a".into(), vec![1, 9]),
            ("cluster=demo,type=b".into(), vec![2, 18])
        ]
    );
}

#[test]
fn exemplars_of_buckets_are_on_the_histogram() {
    let mut scrape = batch(&classic(), 1000, &[1.0, 3.0, 7.0, 9.5, 7.0]);
    let exemplar = |series_idx, value| Exemplar {
        series_idx,
        labels: Labels::default(),
        value,
        time: Some(UnixMillis(990)),
    };
    scrape.exemplars = vec![exemplar(0, 0.05), exemplar(1, 0.5), exemplar(1, 0.6)];
    let metrics = metrics_of(&scrape);
    assert_eq!(histograms(&metrics["h_seconds"])[0].exemplars.len(), 3);
}

#[test]
fn a_summary_needs_its_count_but_not_its_sum() {
    let layout = layout(
        &[("s", MetricKind::Summary, "")],
        &[
            (0, "s", &[("quantile", "0.9")]),
            (0, "s", &[("quantile", "0.5")]),
            (0, "s_count", &[]),
        ],
    );
    let metrics = metrics_of(&batch(&layout, 1000, &[9.0, 5.0, 100.0]));
    let Some(Data::Summary(summary)) = &metrics["s"].data else {
        panic!("a summary")
    };
    let [point] = &*summary.data_points else {
        panic!("one point")
    };
    assert_eq!((point.count, point.sum), (100, 0.0));
    let quantiles =
        [(0.5, 5.0), (0.9, 9.0)].map(|(quantile, value)| ValueAtQuantile { quantile, value });
    assert_eq!(point.quantile_values, quantiles);
    assert_eq!(shown(&point.attributes), ["cluster=demo"]);
}

fn native(schema: i32) -> MetricBatch {
    let layout = layout(&[("n", MetricKind::Histogram, "")], &[(0, "n", &[])]);
    let mut scrape = batch(&layout, 1000, &[10.0]);
    scrape.histograms = vec![NativeHistogram {
        series_idx: 0,
        schema,
        zero_threshold: 0.001,
        zero_count: 1.0,
        count: 10.0,
        sum: 25.0,
        is_float: false,
        is_gauge: false,
        positive_spans: vec![
            BucketSpan {
                offset: 1,
                length: 2,
            },
            BucketSpan {
                offset: 1,
                length: 1,
            },
        ],
        positive_counts: vec![2.0, 3.0, 4.0],
        negative_spans: Vec::new(),
        negative_counts: Vec::new(),
        custom_bounds: if schema == -53 {
            vec![1.0, 2.0, 3.0, 4.0]
        } else {
            Vec::new()
        },
    }];
    scrape
}

#[test]
fn a_native_histogram_is_exponential_with_its_offset_one_less() {
    let metrics = metrics_of(&native(3));
    let Some(Data::ExponentialHistogram(histogram)) = &metrics["n"].data else {
        panic!()
    };
    let [point] = &*histogram.data_points else {
        panic!("one point")
    };
    let positive = point.positive.as_ref().expect("positive buckets");
    assert_eq!(
        (point.scale, point.zero_count, point.zero_threshold),
        (3, 1, 0.001)
    );
    assert_eq!((point.count, point.sum), (10, Some(25.0)));
    assert_eq!(
        (positive.offset, &*positive.bucket_counts),
        (0, &[2, 3, 0, 4][..])
    );
    assert_eq!(point.negative, None);
    assert_eq!(shown(&point.attributes), ["cluster=demo"]);
}

#[test]
fn a_native_histogram_with_custom_bounds_is_an_explicit_one() {
    let metrics = metrics_of(&native(-53));
    let [point] = histograms(&metrics["n"]) else {
        panic!("one point")
    };
    assert_eq!(point.explicit_bounds, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(point.bucket_counts, [0, 2, 3, 0, 4]);
}

#[test]
fn a_float_histogram_is_not_sent_and_counted() {
    let mut scrape = native(3);
    scrape.histograms[0].is_float = true;
    let encoded = MetricsEncoder::new(1 << 20).encode(&scrape);
    assert!(encoded.fragments.is_empty());
    assert_eq!(encoded.n_unmapped, 1);
}

#[test]
fn a_stale_native_histogram_says_so_once() {
    let mut scrape = native(3);
    scrape.histograms.clear();
    scrape.values = vec![stale_marker()];
    let metrics = metrics_of(&scrape);
    let Some(Data::ExponentialHistogram(histogram)) = &metrics["n"].data else {
        panic!()
    };
    assert_eq!(
        histogram
            .data_points
            .iter()
            .map(|p| p.flags)
            .collect::<Vec<_>>(),
        [1]
    );
}
