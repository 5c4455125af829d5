//! Counters, gauges, resources, scopes, start times, exemplars.

use opentelemetry_proto::tonic::metrics::v1::{
    metric::Data, number_data_point::Value as NumberValue,
};

use super::support::{batch, by_name, encode, layout, metrics_of, numbers, shown};
use crate::metrics::{Exemplar, MetricKind, absent, stale_marker};
use crate::otlp::MetricsEncoder;
use crate::{Labels, UnixMillis};

const MILLI: u64 = 1_000_000;

#[test]
fn a_resource_names_the_target_and_points_carry_the_other_labels() {
    let layout = layout(
        &[
            ("up", MetricKind::Gauge, ""),
            ("target", MetricKind::Info, ""),
        ],
        &[
            (0, "up", &[("zone", "a")]),
            (1, "target_info", &[("version", "3.5"), ("os", "linux")]),
        ],
    );
    let resources = encode(
        &mut MetricsEncoder::new(1 << 20),
        &batch(&layout, 1000, &[1.0, 1.0]),
    );
    let [resource] = &*resources else {
        panic!("one resource")
    };
    let attributes = &resource.resource.as_ref().expect("resource").attributes;
    insta::assert_compact_debug_snapshot!(shown(attributes), @r#"["service.name=etcd", "service.instance.id=a:2379", "server.address=10.0.0.1", "server.port=2379", "url.scheme=https", "os=linux", "version=3.5"]"#);
    let metrics = by_name(resources);
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["up"]);
    assert_eq!(
        shown(&numbers(&metrics["up"])[0].attributes),
        ["cluster=demo", "zone=a"]
    );
}

#[test]
fn honoured_jobs_are_resources_of_their_own() {
    let layout = layout(
        &[("x", MetricKind::Gauge, "")],
        &[
            (0, "x", &[]),
            (0, "x", &[("job", "other")]),
            (0, "x", &[("a", "b")]),
        ],
    );
    let resources = encode(
        &mut MetricsEncoder::new(1 << 20),
        &batch(&layout, 1000, &[1.0, 2.0, 3.0]),
    );
    let names: Vec<_> = resources
        .iter()
        .map(|r| shown(&r.resource.as_ref().expect("resource").attributes)[0].clone())
        .collect();
    assert_eq!(names, ["service.name=etcd", "service.name=other"]);
    assert_eq!(numbers(&resources[0].scope_metrics[0].metrics[0]).len(), 2);
}

#[test]
fn scope_labels_make_a_scope() {
    let own: &[(&str, &str)] = &[
        ("otel_scope_name", "lib"),
        ("otel_scope_version", "1.2"),
        ("otel_scope_schema_url", "https://example.com/1"),
        ("otel_scope_team", "red"),
        ("code", "200"),
    ];
    let layout = layout(&[("x", MetricKind::Gauge, "")], &[(0, "x", own)]);
    let resources = encode(
        &mut MetricsEncoder::new(1 << 20),
        &batch(&layout, 1000, &[1.0]),
    );
    let scoped = &resources[0].scope_metrics[0];
    let scope = scoped.scope.as_ref().expect("scope");
    assert_eq!((&*scope.name, &*scope.version), ("lib", "1.2"));
    assert_eq!(shown(&scope.attributes), ["team=red"]);
    assert_eq!(scoped.schema_url, "https://example.com/1");
    assert_eq!(
        shown(&numbers(&scoped.metrics[0])[0].attributes),
        ["cluster=demo", "code=200"]
    );
}

#[test]
fn types_and_metadata_follow_the_specification() {
    let layout = layout(
        &[
            ("c_total", MetricKind::Counter, ""),
            ("g_bytes", MetricKind::Gauge, "bytes"),
            ("u", MetricKind::Unknown, ""),
            ("i", MetricKind::Info, ""),
            ("s", MetricKind::StateSet, ""),
        ],
        &[
            (0, "c_total", &[]),
            (1, "g_bytes", &[]),
            (2, "u", &[]),
            (3, "i_info", &[]),
            (4, "s", &[]),
        ],
    );
    let metrics = metrics_of(&batch(&layout, 1000, &[1.0, 2.0, 3.0, 4.0, 5.0]));
    let shapes: Vec<_> = metrics
        .values()
        .map(|metric| {
            let data = match metric.data.as_ref().expect("data") {
                Data::Gauge(_) => "gauge".to_owned(),
                Data::Sum(sum) => format!(
                    "sum monotonic={} temporality={}",
                    sum.is_monotonic, sum.aggregation_temporality
                ),
                other => format!("{other:?}"),
            };
            let metadata = shown(&metric.metadata).join(",");
            format!(
                "{} [{}] {data}, {metadata}: {}",
                metric.name, metric.unit, metric.description
            )
        })
        .collect();
    insta::assert_debug_snapshot!(shapes, @r#"
    [
        "c_total [] sum monotonic=true temporality=2, prometheus.type=counter: help of c_total",
        "g_bytes [By] gauge, prometheus.type=gauge: help of g_bytes",
        "i_info [] sum monotonic=false temporality=2, prometheus.type=info: help of i",
        "s [] sum monotonic=false temporality=2, prometheus.type=stateset: help of s",
        "u [] gauge, prometheus.type=unknown: help of u",
    ]
    "#);
}

#[test]
fn stale_markers_have_no_recorded_value_and_absent_series_no_point() {
    let layout = layout(
        &[
            ("x", MetricKind::Gauge, ""),
            ("y", MetricKind::Counter, ""),
            ("z", MetricKind::Gauge, ""),
        ],
        &[(0, "x", &[]), (1, "y", &[]), (2, "z", &[])],
    );
    let metrics = metrics_of(&batch(
        &layout,
        1000,
        &[stale_marker(), stale_marker(), absent()],
    ));
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["x", "y"]);
    for metric in metrics.values() {
        let [point] = numbers(metric) else {
            panic!("one point")
        };
        assert_eq!(
            (point.flags, point.value, point.start_time_unix_nano),
            (1, None, 0)
        );
        assert_eq!(point.time_unix_nano, 1000 * MILLI);
    }
}

#[test]
fn ordinary_nan_is_a_value() {
    let layout = layout(&[("x", MetricKind::Gauge, "")], &[(0, "x", &[])]);
    let metrics = metrics_of(&batch(&layout, 1000, &[f64::NAN]));
    let Some(NumberValue::AsDouble(value)) = numbers(&metrics["x"])[0].value else {
        panic!()
    };
    assert!(value.is_nan());
}

#[test]
fn starts_survive_a_change_of_the_layout_and_fall_back_at_a_reset() {
    let families = [("c", MetricKind::Counter, "")];
    let small = layout(&families, &[(0, "c", &[])]);
    let large = layout(&families, &[(0, "c", &[("a", "b")]), (0, "c", &[])]);
    let mut encoder = MetricsEncoder::new(1 << 20);
    let mut starts = |batch| -> Vec<u64> {
        let metrics = by_name(encode(&mut encoder, &batch));
        numbers(&metrics["c"])
            .iter()
            .map(|point| point.start_time_unix_nano / MILLI)
            .collect()
    };
    assert_eq!(starts(batch(&small, 1000, &[5.0])), [1000]);
    assert_eq!(starts(batch(&large, 2000, &[1.0, 6.0])), [2000, 1000]);
    assert_eq!(starts(batch(&large, 3000, &[1.0, 2.0])), [2000, 3000]);
    assert_eq!(starts(batch(&small, 4000, &[7.0])), [3000]);
}

#[test]
fn a_target_that_ended_begins_anew() {
    let layout = layout(&[("c", MetricKind::Counter, "")], &[(0, "c", &[])]);
    let mut encoder = MetricsEncoder::new(1 << 20);
    encoder.encode(&batch(&layout, 1000, &[5.0]));
    encoder.encode(&batch(&layout, 2000, &[stale_marker()]));
    let metrics = by_name(encode(&mut encoder, &batch(&layout, 3000, &[9.0])));
    assert_eq!(numbers(&metrics["c"])[0].start_time_unix_nano, 3000 * MILLI);
}

#[test]
fn exposed_timestamps_and_creation_times_are_kept() {
    let layout = layout(&[("c", MetricKind::Counter, "")], &[(0, "c", &[])]);
    let mut scrape = batch(&layout, 1000, &[5.0]);
    scrape.timestamps = vec![UnixMillis(900)];
    scrape.created = vec![(0, UnixMillis(100))];
    let metrics = metrics_of(&scrape);
    let point = &numbers(&metrics["c"])[0];
    assert_eq!(point.time_unix_nano, 900 * MILLI);
    assert_eq!(point.start_time_unix_nano, 100 * MILLI);
}

#[test]
fn trace_ids_of_exemplars_are_ids_and_the_rest_attributes() {
    let layout = layout(&[("c", MetricKind::Counter, "")], &[(0, "c", &[])]);
    let mut scrape = batch(&layout, 1000, &[5.0]);
    let trace_id = "0102030405060708090a0b0c0d0e0f10";
    scrape.exemplars = vec![Exemplar {
        series_idx: 0,
        labels: Labels::from_pairs([("trace_id", trace_id), ("span_id", "short"), ("key", "v")]),
        value: 1.5,
        time: None,
    }];
    let metrics = metrics_of(&scrape);
    let [exemplar] = &*numbers(&metrics["c"])[0].exemplars else {
        panic!("one exemplar")
    };
    assert_eq!(exemplar.trace_id, (1..=16).collect::<Vec<u8>>());
    assert_eq!(exemplar.time_unix_nano, 1000 * MILLI);
    let mut attributes = shown(&exemplar.filtered_attributes);
    attributes.sort();
    assert_eq!(attributes, ["key=v", "span_id=short"]);
}
