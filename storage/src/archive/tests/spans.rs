//! Spans of traces as rows.

use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;
use proto::otlp::spans::write_spans;
use proto::span::{Span, SpanEvent, SpanKind, SpanLink, SpanSource, SpanStatus};
use proto::{Labels, Record, UnixNanos};

use super::super::table::Table;
use super::super::testing::{NOW, options, paths, rows, span, texts};
use super::super::{Archive, Depth, Keeper, KeeperOptions, verify};
use crate::Position;

fn record(spans: &[Span]) -> Record {
    Record::Traces(write_spans(spans).into())
}

fn now() -> i64 {
    UnixNanos::from(NOW).0
}

#[test]
fn a_row_has_all_of_a_span() {
    let dir = tempfile::tempdir().unwrap();
    let named = [("service.name", "containerd"), ("host.name", "a")];
    let whole = Span {
        source: Arc::new(SpanSource {
            service: "containerd".to_owned(),
            resource: Labels::from_pairs(named),
            scope: "otelgrpc".to_owned(),
            scope_version: "1.2".to_owned(),
        }),
        parent_span_id: Some([0xab; 8]),
        trace_state: "a=b".to_owned(),
        name: "Pull".to_owned(),
        kind: SpanKind::Client,
        duration_nanos: 1_234_567,
        status: SpanStatus::Error,
        status_message: "gone".to_owned(),
        attributes: Labels::from_pairs([("image", "a:1")]),
        events: vec![SpanEvent {
            time: UnixNanos(now() + 5),
            name: "fetched".to_owned(),
            attributes: Labels::from_pairs([("bytes", "7")]),
        }],
        links: vec![SpanLink {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            attributes: Labels::default(),
        }],
        ..span("", 1, now() + 1)
    };
    let mut archive = Archive::open(options(dir.path())).unwrap();
    archive.write(Position(1), &record(&[whole, span("etcd", 2, now())]));
    archive.flush().unwrap();

    let batch = &rows(dir.path(), Table::Spans)[0];
    let text = |column: &str| batch[column].as_string::<i32>();
    let number = |column: &str| batch[column].as_primitive::<Int64Type>().value(0);
    let expected = [
        ("service", "containerd"),
        ("trace_id", "01010101010101010101010101010101"),
        ("span_id", "0101010101010101"),
        ("parent_span_id", "abababababababab"),
        ("name", "Pull"),
        ("kind", "client"),
        ("status", "error"),
        ("status_message", "gone"),
        ("scope", "otelgrpc"),
        ("scope_version", "1.2"),
        ("trace_state", "a=b"),
    ];
    for (column, expected) in expected {
        assert_eq!(text(column).value(0), expected, "{column}");
    }
    let times = batch["time"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.value(0), now() / 1000);
    assert_eq!(number("time_nanos"), now() + 1);
    assert_eq!(number("duration_nanos"), 1_234_567);
    assert!(text("parent_span_id").is_null(1), "a root has none");
    let shown = |column: &str| format!("{:?}", batch[column].slice(0, 1));
    for (column, part) in [
        ("attributes", "a:1"),
        ("resource", "host.name"),
        ("events", "fetched"),
        ("links", "0202020202020202"),
    ] {
        assert!(shown(column).contains(part), "{}", shown(column));
    }
}

#[test]
fn what_was_sent_twice_is_one_row_once_files_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let spans = [span("etcd", 1, now()), span("etcd", 2, now() + 1000)];
    archive.write(Position(1), &record(&spans));
    archive.flush().unwrap();
    archive.write(
        Position(2),
        &record(&[spans[1].clone(), span("a", 3, now())]),
    );
    archive.flush().unwrap();
    drop(archive);
    assert_eq!(texts(dir.path(), Table::Spans, "span_id").len(), 4);
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    keeper.compact_all(|_| ()).unwrap();
    assert_eq!(paths(dir.path(), Table::Spans).len(), 1);
    let services = texts(dir.path(), Table::Spans, "service");
    assert_eq!(services, ["a", "etcd", "etcd"]);
}

/// Spans of two services and a few days.
fn some_spans() -> impl Strategy<Value = Vec<Span>> {
    let day = 86_400_000_000_000;
    let one = (0u8..4, "[ab]", 0i64..3, 0i64..5_000)
        .prop_map(move |(id, service, days, nanos)| span(&service, id, now() - days * day + nanos));
    prop::collection::vec(one, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_spans_are_rows_each_once_in_a_whole_archive(
        flushes in prop::collection::vec(some_spans(), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut archive = Archive::open(options(dir.path())).unwrap();
        let mut expected = std::collections::BTreeSet::new();
        for (idx, spans) in flushes.iter().enumerate() {
            archive.write(Position(idx as u64 + 1), &record(spans));
            archive.flush().unwrap();
            expected.extend(spans.iter().map(|span| {
                (span.source.service.clone(), span.start.0 / 1000, span.span_id)
            }));
        }
        drop(archive);
        let later = proto::UnixMillis(NOW.0 + 86_400_000);
        let report = verify(dir.path(), Depth::Pages, later, |_| {}).unwrap();
        prop_assert_eq!(report.findings, []);
        let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
        keeper.compact_all(|_| ()).unwrap();
        prop_assert_eq!(texts(dir.path(), Table::Spans, "span_id").len(), expected.len());
    }
}
