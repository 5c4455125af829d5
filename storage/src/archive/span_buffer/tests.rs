use proto::otlp::spans::write_spans;

use super::*;
use crate::archive::testing::span;

#[test]
fn spans_lie_by_day_in_the_tables_order_and_each_once() {
    let midnight = 1_793_577_600_000_000_000;
    let late = span("etcd", 2, midnight - 1);
    let early = span("containerd", 1, midnight);
    let other = span("etcd", 1, midnight);
    let mut buffer = SpanBuffer::default();
    buffer.push(&write_spans(&[other.clone(), late.clone(), early.clone()]));
    // Sent again, as its sender got no answer.
    buffer.push(&write_spans(&[other.clone(), late.clone()]));
    let days: Vec<_> = buffer.days().collect();
    let day = |nanos| Day::of_nanos(proto::UnixNanos(nanos)).unwrap();
    assert_eq!(
        days,
        [
            (day(midnight - 1), vec![&late]),
            (day(midnight), vec![&early, &other])
        ]
    );
    assert_eq!(buffer.n_outside(), 0);
}

#[test]
fn what_it_holds_is_counted() {
    let mut buffer = SpanBuffer::default();
    let spans = [span("etcd", 1, 1), span("etcd", 2, 1)];
    buffer.push(&write_spans(&spans));
    let each = spans
        .iter()
        .map(|span| span.n_bytes() + span.source.n_bytes());
    assert_eq!(buffer.n_bytes(), each.sum::<usize>());
    assert!(buffer.n_bytes() > 2 * size_of::<Span>());
}

#[test]
fn what_has_no_day_or_is_no_request_is_counted() {
    let mut buffer = SpanBuffer::default();
    buffer.push(&write_spans(&[
        span("etcd", 1, i64::MAX),
        span("etcd", 2, 1),
    ]));
    buffer.push(b"\xff");
    assert_eq!(buffer.n_outside(), 1, "i64::MAX nanoseconds are in 2262");
    assert_eq!(buffer.days().count(), 2);
}
