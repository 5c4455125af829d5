use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use proptest::prelude::*;

use super::*;

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn string(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn request(resource: Vec<KeyValue>, spans: Vec<otlp::Span>) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: "otelgrpc".to_owned(),
        version: "0.1".to_owned(),
        ..Default::default()
    };
    let resource_spans = ResourceSpans {
        resource: Some(Resource {
            attributes: resource,
            ..Default::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope),
            spans,
            ..Default::default()
        }],
        ..Default::default()
    };
    let resource_spans = vec![resource_spans];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

#[test]
fn a_span_is_read_with_all_that_the_archive_keeps() {
    let span = otlp::Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![3; 8],
        name: "Pull".to_owned(),
        kind: 2,
        start_time_unix_nano: 1000,
        end_time_unix_nano: 1750,
        attributes: vec![pair("image", string("a/b:1"))],
        events: vec![otlp::span::Event {
            time_unix_nano: 1100,
            name: "fetched".to_owned(),
            attributes: vec![pair("bytes", Value::IntValue(7))],
            ..Default::default()
        }],
        links: vec![otlp::span::Link {
            trace_id: vec![4; 16],
            span_id: vec![5; 8],
            ..Default::default()
        }],
        status: Some(otlp::Status {
            message: "gone".to_owned(),
            code: 2,
        }),
        ..Default::default()
    };
    let resource = vec![pair(SERVICE_NAME, string("containerd"))];
    let spans = read_spans(&request(resource, vec![span])).unwrap();
    let expected = Span {
        source: Arc::new(SpanSource {
            service: "containerd".to_owned(),
            resource: Labels::from_pairs([(SERVICE_NAME, "containerd")]),
            scope: "otelgrpc".to_owned(),
            scope_version: "0.1".to_owned(),
        }),
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: Some([3; 8]),
        trace_state: String::new(),
        name: "Pull".to_owned(),
        kind: SpanKind::Server,
        start: UnixNanos(1000),
        duration_nanos: 750,
        status: SpanStatus::Error,
        status_message: "gone".to_owned(),
        attributes: Labels::from_pairs([("image", "a/b:1")]),
        events: vec![SpanEvent {
            time: UnixNanos(1100),
            name: "fetched".to_owned(),
            attributes: Labels::from_pairs([("bytes", "7")]),
        }],
        links: vec![SpanLink {
            trace_id: vec![4; 16],
            span_id: vec![5; 8],
            attributes: Labels::default(),
        }],
    };
    assert_eq!(spans, [expected]);
}

#[test]
fn values_become_text() {
    let list = |values: Vec<Value>| {
        let values = values.into_iter();
        let values = values.map(|value| AnyValue { value: Some(value) });
        Value::ArrayValue(ArrayValue {
            values: values.collect(),
        })
    };
    let table = |values| Value::KvlistValue(KeyValueList { values });
    let check = |value: Value, expected: &str| {
        assert_eq!(text(Some(AnyValue { value: Some(value) })), expected);
    };
    check(string("a \"b\""), "a \"b\"");
    check(Value::BoolValue(true), "true");
    check(Value::IntValue(-7), "-7");
    check(Value::DoubleValue(0.5), "0.5");
    check(Value::DoubleValue(f64::INFINITY), "inf");
    check(Value::BytesValue(vec![0, 0xff]), "00ff");
    check(
        list(vec![
            string("a\"b"),
            Value::IntValue(1),
            Value::DoubleValue(f64::NAN),
        ]),
        r#"["a\"b",1,null]"#,
    );
    check(table(vec![pair("k", list(Vec::new()))]), r#"{"k":[]}"#);
    assert_eq!(text(None), "");
}

#[test]
fn ends_before_starts_and_wrong_ids_are_no_panics() {
    let odd = otlp::Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![0; 8],
        kind: 99,
        start_time_unix_nano: u64::MAX,
        status: Some(otlp::Status {
            code: 7,
            ..Default::default()
        }),
        ..Default::default()
    };
    let wrong = otlp::Span {
        span_id: vec![1],
        ..odd.clone()
    };
    let spans = read_spans(&request(Vec::new(), vec![wrong, odd])).unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].duration_nanos, -i64::MAX);
    assert_eq!(spans[0].parent_span_id, None);
    assert_eq!(
        (spans[0].kind, spans[0].status),
        (SpanKind::Unspecified, SpanStatus::Unset)
    );
    assert_eq!(spans[0].source.service, "");
}

fn some_labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[a-z.]{1,6}", ".{0,8}"), 0..4).prop_map(Labels::from_pairs)
}

fn some_span() -> impl Strategy<Value = Span> {
    let kinds = prop::sample::select(vec![
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ]);
    let statuses = prop::sample::select(vec![SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error]);
    let source = (".{0,8}", some_labels(), ".{0,8}", ".{0,8}").prop_map(
        |(service, resource, scope, scope_version)| {
            let named = [(SERVICE_NAME, service.as_str())];
            let resource = Labels::from_pairs(resource.iter().chain(named));
            Arc::new(SpanSource {
                service,
                resource,
                scope,
                scope_version,
            })
        },
    );
    let event = (0i64..i64::MAX, ".{0,8}", some_labels()).prop_map(|(time, name, attributes)| {
        let time = UnixNanos(time);
        SpanEvent {
            time,
            name,
            attributes,
        }
    });
    let link = (
        any::<[u8; 16]>(),
        prop::collection::vec(any::<u8>(), 0..9),
        some_labels(),
    )
        .prop_map(|(trace_id, span_id, attributes)| SpanLink {
            trace_id: trace_id.to_vec(),
            span_id,
            attributes,
        });
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), 0u8..9);
    let times = (0i64..i64::MAX, 0i64..i64::MAX);
    let texts = [".{0,8}", ".{0,8}", ".{0,8}"];
    let events = prop::collection::vec(event, 0..3);
    let links = prop::collection::vec(link, 0..3);
    let known = (kinds, statuses, some_labels(), events, links);
    (source, ids, times, texts, known).prop_map(
        |(source, (trace_id, span_id, parent), (start, end), texts, known)| {
            let [trace_state, name, status_message] = texts;
            let (kind, status, attributes, events, links) = known;
            Span {
                source,
                trace_id,
                span_id,
                parent_span_id: (parent > 0).then_some([parent; 8]),
                trace_state,
                name,
                kind,
                start: UnixNanos(start),
                duration_nanos: end - start,
                status,
                status_message,
                attributes,
                events,
                links,
            }
        },
    )
}

proptest! {
    #[test]
    fn spans_come_back_from_a_request_as_they_were(spans in prop::collection::vec(some_span(), 0..5)) {
        prop_assert_eq!(read_spans(&write_spans(&spans)).unwrap(), spans);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_spans(&bytes);
    }
}
