//! Pages of messages.

use super::*;
use crate::metrics::{BucketSpan, MetricKind};

/// A message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, field: u8, number: u64) -> Self {
        self.0.push(field << 3);
        put_varint(&mut self.0, number);
        self
    }

    fn sint(self, field: u8, number: i64) -> Self {
        self.varint(field, (number << 1 ^ number >> 63) as u64)
    }

    fn double(mut self, field: u8, number: f64) -> Self {
        self.0.push(field << 3 | 1);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u8, bytes: &[u8]) -> Self {
        put_varint(&mut self.0, u64::from(field) << 3 | 2);
        put_varint(&mut self.0, bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn message(self, field: u8, message: Message) -> Self {
        self.bytes(field, &message.0)
    }

    fn delimited(&self) -> Vec<u8> {
        let mut page = Vec::new();
        put_varint(&mut page, self.0.len() as u64);
        page.extend(&self.0);
        page
    }
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn message() -> Message {
    Message::default()
}

fn family(name: &str, kind: u64, metric: Message) -> Vec<u8> {
    let help = b"Some help.";
    message()
        .bytes(1, name.as_bytes())
        .bytes(2, help)
        .varint(3, kind)
        .message(4, metric)
        .delimited()
}

fn label(name: &str, value: &str) -> Message {
    message()
        .bytes(1, name.as_bytes())
        .bytes(2, value.as_bytes())
}

fn time(seconds: u64) -> Message {
    message().varint(1, seconds).varint(2, 250_000_000)
}

fn check_twice(page: &[u8], expected: &[&str]) -> Page {
    let mut decoder = decoder(PageRules::default());
    let first = decoder.decode(Format::Protobuf, page, at(100)).unwrap();
    assert_eq!(samples(&first.batch), expected);
    assert!(decoder.follow(Format::Protobuf, page, at(101)).is_some());
    let second = decoder.decode(Format::Protobuf, page, at(100)).unwrap();
    assert_eq!(first.batch.created, second.batch.created);
    assert!(second.batch.exemplars.is_empty());
    assert_eq!(first.batch.histograms, second.batch.histograms);
    assert_eq!(samples(&second.batch), expected);
    first
}

#[test]
fn a_counter_keeps_its_timestamp_exemplar_and_creation() {
    let exemplar = message()
        .message(1, label("trace_id", "t"))
        .double(2, 3.0)
        .message(3, time(7));
    let counter = message()
        .double(1, 5.0)
        .message(2, exemplar)
        .message(3, time(50));
    let metric = message()
        .message(1, label("a", "b"))
        .message(3, counter)
        .varint(6, 99_000);
    let page = check_twice(
        &family("c_total", 0, metric),
        &[r#"c_total{a="b"} 5 @99000"#],
    );
    assert_eq!(page.batch.created, [(0, UnixMillis(50_250))]);
    let exemplar = &page.batch.exemplars[0];
    assert_eq!(
        (exemplar.series_idx, exemplar.value, exemplar.time),
        (0, 3.0, Some(UnixMillis(7250)))
    );
    assert_eq!(exemplar.labels.get("trace_id"), Some("t"));
}

#[test]
fn a_classic_histogram_expands_to_its_series_with_the_missing_infinite_bucket() {
    let bucket = |bound, count| message().varint(1, count).double(2, bound);
    let histogram = message()
        .varint(1, 9)
        .double(2, 4.5)
        .message(3, bucket(0.5, 2))
        .message(3, bucket(1.0, 7));
    let page = check_twice(
        &family("h", 4, message().message(7, histogram)),
        &[
            "h_count{} 9",
            "h_sum{} 4.5",
            r#"h_bucket{le="0.5"} 2"#,
            r#"h_bucket{le="1.0"} 7"#,
            r#"h_bucket{le="+Inf"} 9"#,
        ],
    );
    let layout = &page.batch.layout;
    assert_eq!(
        layout.family(&layout.series[3]).unwrap().kind,
        MetricKind::Histogram
    );
}

#[test]
fn a_summary_expands_to_its_series() {
    let quantile = message().double(1, 0.99).double(2, 2.0);
    let summary = message().varint(1, 9).double(2, 4.5).message(3, quantile);
    check_twice(
        &family("s", 2, message().message(4, summary)),
        &["s_count{} 9", "s_sum{} 4.5", r#"s{quantile="0.99"} 2"#],
    );
}

fn native() -> Message {
    let span = |offset, length| message().sint(1, offset).varint(2, length);
    let deltas = [1u8, 2, 1].map(|delta| delta << 1);
    message()
        .varint(1, 12)
        .double(2, 6.25)
        .message(3, message().varint(1, 3).double(2, 1.0))
        .sint(5, 3)
        .double(6, 0.001)
        .varint(7, 2)
        .message(9, span(1, 1))
        .sint(10, 2)
        .message(12, span(-2, 2))
        .message(12, span(3, 1))
        .bytes(13, &deltas)
}

#[test]
fn a_native_histogram_keeps_its_buckets_and_leaves_the_classic_ones_out() {
    let metric = message().message(1, label("a", "b")).message(7, native());
    let page = check_twice(&family("n", 4, metric), &[r#"n{a="b"} 12"#]);
    let histogram = &page.batch.histograms[0];
    assert_eq!(
        (
            histogram.schema,
            histogram.zero_threshold,
            histogram.zero_count
        ),
        (3, 0.001, 2.0)
    );
    assert_eq!(histogram.positive_counts, [1.0, 3.0, 4.0]);
    assert_eq!(histogram.negative_counts, [2.0]);
    let spans = [
        BucketSpan {
            offset: -2,
            length: 2,
        },
        BucketSpan {
            offset: 3,
            length: 1,
        },
    ];
    assert_eq!(histogram.positive_spans, spans);
    assert_eq!(
        (histogram.count, histogram.sum, histogram.is_float),
        (12.0, 6.25, false)
    );
    let mut text = String::new();
    write_text(&mut text, &page.batch);
    let own = text.split("# HELP up ").next().unwrap();
    insta::assert_snapshot!(own, @r#"
    # HELP n Some help.
    # TYPE n histogram
    n_bucket{a="b",le="+Inf"} 12
    n_sum{a="b"} 6.25
    n_count{a="b"} 12
    "#);
}

#[test]
fn a_native_histogram_with_a_bound_of_its_own_is_written_with_one_bound() {
    let metric = message()
        .message(1, label("le", "1.5"))
        .message(7, native());
    let mut decoder = decoder(PageRules::default());
    let page = family("h", 4, metric);
    let page = decoder.decode(Format::Protobuf, &page, at(1)).unwrap();
    let mut text = String::new();
    write_text(&mut text, &page.batch);
    assert!(text.contains("h_bucket{le=\"+Inf\"}"), "{text}");
    let read_back = decoder.decode(Format::Text, text.as_bytes(), at(2));
    assert_eq!(read_back.unwrap().n_scraped, page.n_scraped + 7);
}

fn check_refused(page: &[u8], expected: &str) {
    let mut decoder = decoder(PageRules::default());
    let error = decoder.decode(Format::Protobuf, page, at(1)).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bad_messages_are_refused_with_their_family() {
    let gauge = || message().message(2, message().double(1, 1.0));
    let good = family("g", 1, gauge());
    check_refused(&good[..good.len() - 1], "family \"\": message is cut short");
    check_refused(&family("g", 9, gauge()), "family \"\": unknown metric type");
    check_refused(&family("", 1, gauge()), "family \"\": family has no name");
    let twice = gauge().message(1, label("a", "b"));
    let twice = Message([label_field("a", "1"), label_field("a", "2"), twice.0].concat());
    check_refused(
        &family("g", 1, twice),
        "family \"g\": labels are not in one run",
    );
    let twice = Message([label_field("a", "1"), label_field("a", "2"), gauge().0].concat());
    check_refused(&family("g", 1, twice), "family \"g\": label is there twice");
    let named = Message([label_field("__name__", "x"), gauge().0].concat());
    check_refused(
        &family("g", 1, named),
        "family \"g\": label __name__ is not allowed",
    );
    let torn = message().message(7, native().bytes(13, &[2]));
    let problem = "family \"n\": spans and buckets of a histogram do not agree";
    check_refused(&family("n", 4, torn), problem);
    let negative = message().message(7, native().sint(10, -5).message(9, message().varint(2, 1)));
    let problem = "family \"n\": a bucket of a histogram has a negative count";
    check_refused(&family("n", 4, negative), problem);
}

fn label_field(name: &str, value: &str) -> Vec<u8> {
    message().message(1, label(name, value)).0
}

#[test]
fn a_target_has_the_same_series_in_both_formats() {
    let decode = |format, body: &[u8]| {
        let mut decoder = decoder(PageRules::default());
        let page = decoder.decode(format, body, at(100)).unwrap();
        assert!(decoder.follow(format, body, at(101)).is_some());
        page.batch.layout
    };
    let text = decode(
        Format::Text,
        include_bytes!("../../../../testdata/etcd-3.4.txt"),
    );
    let messages = decode(
        Format::Protobuf,
        include_bytes!("../../../../testdata/etcd-3.4.pb"),
    );
    let described = |layout: &Layout| {
        let series = layout.series.iter().map(|series| {
            let family = layout.family(series).unwrap();
            format!("{} {:?} {}", series.labels, family.kind, family.help)
        });
        series.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(described(&text), described(&messages));
}
