//! Calls in, pages out.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proto::metrics::is_stale;
use proto::otlp::calls::{CallStatus, SpanKind};

use super::*;

/// The time between two beats. Milliseconds.
const BEAT: i64 = 15_000;
const HOUR: i64 = 3_600_000;

fn call<'a>(service: &'a str, name: &'a str, nanos: u64) -> Call<'a> {
    Call {
        service,
        name,
        kind: SpanKind::Server,
        status: CallStatus::Unset,
        nanos,
    }
}

fn limited(max_services: usize, max_operations: usize) -> SpanMetrics {
    let limits = Limits {
        max_services,
        max_operations,
    };
    SpanMetrics::new(limits, Labels::default())
}

fn at(time: i64) -> UnixMillis {
    UnixMillis(time)
}

/// The calls of each operation, as (service, operation, calls), of what was told last.
fn calls(batches: &[MetricBatch]) -> Vec<(String, String, f64)> {
    let samples = batches.iter().flat_map(MetricBatch::samples);
    let of_calls = samples.filter(|(series, ..)| series.labels.metric_name() == CALLS);
    let told = of_calls.map(|(series, _, value)| {
        let label = |name| series.labels.get(name).unwrap_or("").to_owned();
        (label("service_name"), label("span_name"), value)
    });
    told.collect()
}

fn row(service: &str, name: &str, value: f64) -> (String, String, f64) {
    (service.to_owned(), name.to_owned(), value)
}

#[test]
fn a_service_has_a_page_as_the_connector_makes_it() {
    let external = Labels::from_pairs([("node", "n1")]);
    let mut metrics = SpanMetrics::new(Limits::default(), external);
    metrics.count(&call("containerd", "Tasks/Create", 1_500_000));
    metrics.count(&Call {
        kind: SpanKind::Client,
        status: CallStatus::Error,
        ..call("containerd", "Tasks/Create", 600_000_000_000)
    });
    let first = metrics.beat(at(0)).remove(0);
    assert!(first.values.iter().all(|value| *value == 0.0));
    let batch = metrics.beat(at(BEAT)).remove(0);
    let target = &batch.layout.target;
    let labels = [
        ("instance", "traces"),
        ("job", "containerd"),
        ("node", "n1"),
    ];
    assert_eq!(target.labels, Labels::from_pairs(labels));
    assert!(target.is_of_spans());
    let created: Vec<u32> = batch.created.iter().map(|(idx, _)| *idx).collect();
    assert_eq!(created, [0, 22, 23, 45]);
    assert!(batch.created.iter().all(|(_, time)| *time == at(0)));
    let mut page = String::new();
    proto::exposition::write_text(&mut page, &batch);
    let of = |kind: &str, status: &str| {
        format!(
            r#"service_name="containerd",span_kind="SPAN_KIND_{kind}",span_name="Tasks/Create",status_code="STATUS_CODE_{status}""#
        )
    };
    let name = "traces_span_metrics_duration_milliseconds";
    let (server, client) = (of("SERVER", "UNSET"), of("CLIENT", "ERROR"));
    let mut lines = page.lines();
    for expected in [
        "# HELP traces_span_metrics_calls_total Spans received, by service, name, kind and status."
            .to_owned(),
        "# TYPE traces_span_metrics_calls_total counter".to_owned(),
        format!("traces_span_metrics_calls_total{{{server}}} 1"),
        format!("traces_span_metrics_calls_total{{{client}}} 1"),
        format!("# HELP {name} Durations of the spans received."),
        format!("# TYPE {name} histogram"),
    ] {
        assert_eq!(lines.next(), Some(&*expected));
    }
    for (bound, expected) in [("0.5", 0), ("1", 0), ("2", 1), ("500000", 1), ("+Inf", 1)] {
        let (front, back) = server.split_once(",span_kind").unwrap();
        let line = format!("{name}_bucket{{le=\"{bound}\",{front},span_kind{back}}} {expected}");
        assert!(page.contains(&line), "{line} in\n{page}");
    }
    assert!(
        page.contains(&format!("{name}_sum{{{server}}} 1.5\n")),
        "{page}"
    );
    assert!(
        page.contains(&format!("{name}_count{{{client}}} 1\n")),
        "{page}"
    );
    let (front, back) = client.split_once(",span_kind").unwrap();
    let beyond = format!("{name}_bucket{{le=\"500000\",{front},span_kind{back}}} 0\n");
    assert!(page.contains(&beyond), "{page}");
}

#[test]
fn a_bound_belongs_to_its_bucket() {
    let mut metrics = limited(1, 1);
    for nanos in [0, 500_000, 500_001] {
        metrics.count(&call("s", "o", nanos));
    }
    metrics.beat(at(0));
    let batch = metrics.beat(at(BEAT)).remove(0);
    assert_eq!(batch.values[..4], [3.0, 2.0, 3.0, 3.0]);
}

#[test]
fn the_layout_is_shared_until_an_operation_comes() {
    let mut metrics = limited(4, 4);
    metrics.count(&call("s", "a", 1));
    let first = metrics.beat(at(0)).remove(0);
    metrics.count(&call("s", "a", 1));
    let second = metrics.beat(at(BEAT)).remove(0);
    assert!(Arc::ptr_eq(&first.layout, &second.layout));
    metrics.count(&call("s", "b", 1));
    let third = metrics.beat(at(2 * BEAT)).remove(0);
    assert_ne!(third.layout.id, second.layout.id);
    assert_eq!(calls(&[third]), [row("s", "a", 2.0), row("s", "b", 0.0)]);
}

#[test]
fn operations_beyond_the_limit_are_counted_together() {
    let mut metrics = limited(1, 2);
    let of = |name| call("s", name, 1);
    assert_eq!(metrics.count(&of("a")), None);
    assert_eq!(metrics.count(&of("b")), None);
    assert_eq!(metrics.count(&of("c")), Some(Beyond::Operations));
    assert_eq!(metrics.count(&of("d")), Some(Beyond::Operations));
    assert_eq!(metrics.count(&of("a")), None);
    metrics.beat(at(0));
    let batches = metrics.beat(at(BEAT));
    let expected = [
        row("s", "a", 2.0),
        row("s", "b", 1.0),
        row("s", "overflow", 2.0),
    ];
    assert_eq!(calls(&batches), expected);
    let overflow = batches[0].layout.series.last().unwrap();
    assert_eq!(overflow.labels.get("otel_metric_overflow"), Some("true"));
    assert_eq!(
        batches[0].layout.series[0]
            .labels
            .get("otel_metric_overflow"),
        None
    );
}

#[test]
fn services_beyond_the_limit_are_counted_together() {
    let mut metrics = limited(2, 2);
    assert_eq!(metrics.count(&call("a", "x", 1)), None);
    assert_eq!(metrics.count(&call("b", "x", 1)), None);
    assert_eq!(metrics.count(&call("c", "x", 1)), Some(Beyond::Services));
    assert_eq!(metrics.count(&call("d", "y", 1)), Some(Beyond::Services));
    // One that has the name by itself is with them, under its own operation.
    assert_eq!(metrics.count(&call(OVERFLOW, "own", 1)), None);
    metrics.beat(at(0));
    let expected = [
        row("a", "x", 1.0),
        row("b", "x", 1.0),
        row("overflow", "own", 1.0),
        row("overflow", "overflow", 2.0),
    ];
    assert_eq!(calls(&metrics.beat(at(BEAT))), expected);
    assert_eq!(metrics.n_operations(), 4);
}

#[test]
fn a_million_names_take_the_room_of_the_limits() {
    let mut metrics = SpanMetrics::new(Limits::default(), Labels::default());
    for idx in 0..1_000_000 {
        let (service, name) = (format!("s{}", idx % 1000), format!("n{idx}"));
        metrics.count(&call(&service, &name, 1));
    }
    // 32 services of 128 operations and one beyond; all the other services together.
    assert_eq!(metrics.n_operations(), 32 * 129 + 1);
    metrics.beat(at(0));
    let told = calls(&metrics.beat(at(BEAT)));
    assert_eq!(told.iter().map(|(.., value)| value).sum::<f64>(), 1e6);
}

#[test]
fn long_names_are_cut_between_characters() {
    let long = "ä".repeat(10_000);
    let mut metrics = limited(1, 1);
    metrics.count(&call(&long, &long, 1));
    assert_eq!(metrics.count(&call(&long[..258], &long, 1)), None);
    let batch = metrics.beat(at(0)).remove(0);
    assert_eq!(batch.layout.target.job(), "ä".repeat(128));
    assert_eq!(
        batch.layout.series[0].labels.get("span_name"),
        Some(&*"ä".repeat(128))
    );
}

#[test]
fn what_is_not_called_for_an_hour_ends_and_begins_again_at_zero() {
    let mut metrics = limited(1, 2);
    metrics.count(&call("s", "a", 1));
    metrics.count(&call("s", "b", 1));
    metrics.beat(at(0));
    metrics.count(&call("s", "b", 1));
    metrics.beat(at(BEAT));
    let ending = calls(&metrics.beat(at(HOUR)));
    assert!(
        matches!(&ending[..], [(_, a, gone), (_, b, n)]
        if a == "a" && is_stale(*gone) && b == "b" && *n == 2.0),
        "{ending:?}"
    );
    assert_eq!(metrics.n_operations(), 1);
    // There is room for another, and the one that comes back is new.
    assert_eq!(metrics.count(&call("s", "a", 1)), None);
    let expected = [row("s", "a", 0.0), row("s", "b", 2.0)];
    assert_eq!(calls(&metrics.beat(at(HOUR + 1))), expected);
    let ending = metrics.beat(at(3 * HOUR)).remove(0);
    assert!(ending.is_end());
    assert!(metrics.beat(at(3 * HOUR + BEAT)).is_empty());
}

#[test]
fn a_clock_that_is_set_back_ends_nothing() {
    let mut metrics = limited(1, 1);
    metrics.count(&call("s", "a", 1));
    metrics.beat(at(10 * HOUR));
    metrics.beat(at(0));
    assert_eq!(calls(&metrics.beat(at(BEAT))), [row("s", "a", 1.0)]);
}

/// The last value of every series, by its labels.
fn last(batches: Vec<MetricBatch>) -> BTreeMap<String, f64> {
    let samples = batches.iter().flat_map(MetricBatch::samples);
    samples
        .map(|(series, _, value)| (series.labels.to_string(), value))
        .collect()
}

fn any_call() -> impl Strategy<Value = (String, String, i32, i32, u64)> {
    (
        "[abc]",
        "[a-f]",
        0i32..6,
        0i32..3,
        prop_oneof![0u64..20_000_000, any::<u64>()],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn however_calls_are_divided_over_beats_the_sums_are_those_of_one_pass(
        all in prop::collection::vec((any_call(), 0usize..2), 1..40),
        max_services in 1usize..4, max_operations in 1usize..20,
    ) {
        let mut in_one = limited(max_services, max_operations);
        let mut divided = in_one.clone_empty();
        let mut time = 0;
        let mut before = BTreeMap::new();
        let mut n_beyond = [0, 0];
        for ((service, name, kind, status, nanos), n_beats) in &all {
            let call = Call {
                kind: SpanKind::try_from(*kind).unwrap(),
                status: CallStatus::try_from(*status).unwrap(),
                ..call(service, name, *nanos)
            };
            n_beyond[0] += usize::from(in_one.count(&call).is_some());
            n_beyond[1] += usize::from(divided.count(&call).is_some());
            for _ in 0..*n_beats {
                time += BEAT;
                let now = last(divided.beat(at(time)));
                for (series, value) in &before {
                    prop_assert!(now[series] >= *value, "{} fell", series);
                }
                before = now;
            }
        }
        prop_assert_eq!(n_beyond[0], n_beyond[1]);
        let tell = |metrics: &mut SpanMetrics| {
            metrics.beat(at(time + BEAT));
            last(metrics.beat(at(time + 2 * BEAT)))
        };
        let (one, other) = (tell(&mut in_one), tell(&mut divided));
        prop_assert_eq!(&one, &other);
        let of_calls = one.iter().filter(|(series, _)| series.starts_with(CALLS));
        prop_assert_eq!(of_calls.map(|(_, value)| *value).sum::<f64>(), all.len() as f64);
    }
}

impl SpanMetrics {
    fn clone_empty(&self) -> Self {
        Self::new(self.limits, self.external.clone())
    }
}
