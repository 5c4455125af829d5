use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use proptest::prelude::*;

use super::*;

const LIMITS: RequestLimits = RequestLimits {
    n_spans: 100,
    n_parts: 1000,
    earliest: UnixNanos(1000),
    latest: UnixNanos(2000),
};

fn span() -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        start_time_unix_nano: 1500,
        ..Span::default()
    }
}

fn request(spans: Vec<Span>) -> Vec<u8> {
    let scope = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    let resource = ResourceSpans {
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    let resource_spans = vec![resource];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn with_attribute(value: Value) -> Vec<u8> {
    let value = Some(AnyValue { value: Some(value) });
    let attribute = KeyValue {
        key: "a".to_owned(),
        value,
        ..KeyValue::default()
    };
    request(vec![Span {
        attributes: vec![attribute],
        ..span()
    }])
}

#[test]
fn a_good_request_stays_as_it_came() {
    // A field that we do not know is part of it.
    let bytes = [request(vec![span(), span()]), b"\xfa\x07\x01x".to_vec()].concat();
    let taken = take_spans(bytes.clone(), &LIMITS).unwrap();
    assert_eq!((taken.bytes, taken.n_spans), (bytes, 2));
    assert_eq!(taken.rejected, RejectedSpans::default());
    let empty = take_spans(Vec::new(), &LIMITS).unwrap();
    assert_eq!((empty.bytes, empty.n_spans), (Vec::new(), 0));
}

#[track_caller]
fn check_rejected(change: impl Fn(&mut Span), reason: &str) {
    let mut bad = span();
    change(&mut bad);
    let taken = take_spans(request(vec![bad.clone(), span()]), &LIMITS).unwrap();
    assert_eq!(taken.bytes, request(vec![span()]), "{bad:?}");
    let told: Vec<_> = taken
        .rejected
        .reasons()
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect();
    assert_eq!((taken.n_spans, told), (1, vec![(reason, 1)]), "{bad:?}");
    let alone = take_spans(request(vec![bad]), &LIMITS).unwrap();
    assert_eq!((alone.n_spans, alone.bytes), (0, Vec::new()));
}

#[test]
fn spans_that_nobody_could_find_again_are_left_out() {
    for id in [vec![], vec![1; 15], vec![1; 17], vec![0; 16]] {
        check_rejected(|span| span.trace_id = id.clone(), "trace_id");
    }
    for id in [vec![], vec![1; 16], vec![0; 8]] {
        check_rejected(|span| span.span_id = id.clone(), "span_id");
    }
    check_rejected(|span| span.parent_span_id = vec![1; 7], "span_id");
    for time in [0, 999, 2001, u64::MAX] {
        check_rejected(|span| span.start_time_unix_nano = time, "time");
    }
}

#[test]
fn limits_are_said() {
    let told = |bytes| take_spans(bytes, &LIMITS).unwrap_err().to_string();
    assert_eq!(
        told(request(vec![span(); 101])),
        "more than 100 spans in one request"
    );
    let values = vec![AnyValue::default(); 1000];
    let many = with_attribute(Value::ArrayValue(ArrayValue { values }));
    assert!(told(many).starts_with("more than 1000 attributes"));
    let mut nested = Value::BoolValue(true);
    for _ in 0..40 {
        let values = vec![AnyValue {
            value: Some(nested),
        }];
        nested = Value::ArrayValue(ArrayValue { values });
    }
    assert!(told(with_attribute(nested)).contains("levels deep"));
    assert!(told(b"\x0a\x7fabc".to_vec()).contains("cut short"));
    // A name that is not UTF-8: only the decoder sees it.
    let name = b"\x0a\x07\x12\x05\x12\x03\x2a\x01\xff".to_vec();
    assert!(told(name).starts_with("not an ExportTraceServiceRequest: "));
}

/// Two bytes of a request may become hundreds in memory: what is counted is what is made.
#[test]
fn everything_that_the_decoder_makes_is_counted() {
    let counted = |bytes: &[u8]| {
        let limits = RequestLimits {
            n_spans: usize::MAX,
            n_parts: usize::MAX,
            ..LIMITS
        };
        let mut counter = Counter {
            limits: &limits,
            n_spans: 0,
            n_parts: 0,
        };
        counter.count(Part::Request, bytes, 0).unwrap();
        counter.n_parts
    };
    let one = with_attribute(Value::BoolValue(true));
    assert!(size_of::<Span>() > 100 * 2);
    // The resource's spans, the scope's, the span, its attribute, the value.
    assert_eq!(counted(&one), 5);
    let full = Span {
        attributes: vec![KeyValue::default(); 2],
        events: vec![Default::default(); 3],
        links: vec![Default::default(); 4],
        status: Some(Default::default()),
        ..span()
    };
    assert_eq!(counted(&request(vec![full])), 3 + 2 + 3 + 4 + 1);
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = take_spans(bytes, &LIMITS);
    }

    #[test]
    fn what_is_taken_is_taken_again_as_it_is(
        ids in prop::collection::vec((0usize..18, 0usize..10, 900u64..2100), 0..20),
    ) {
        let spans = ids.into_iter().map(|(trace, own, start_time_unix_nano)| Span {
            trace_id: vec![1; trace],
            span_id: vec![1; own],
            start_time_unix_nano,
            ..Span::default()
        });
        let spans: Vec<Span> = spans.collect();
        let n_spans = spans.len();
        let taken = take_spans(request(spans), &LIMITS).unwrap();
        prop_assert_eq!(taken.n_spans + taken.rejected.total(), n_spans);
        let again = take_spans(taken.bytes.clone(), &LIMITS).unwrap();
        prop_assert_eq!(again.rejected.total(), 0);
        prop_assert_eq!((again.bytes, again.n_spans), (taken.bytes, taken.n_spans));
    }
}
