//! What a scrape means, as batches.

mod openmetrics;
mod properties;
mod protobuf;
mod verdicts;

use super::*;
use crate::exposition::{IssueReason, SeriesRules, TimestampPolicy, write_text};
use crate::metrics::{is_absent, is_stale};
use crate::{Labels, LabelsBuilder};

fn target() -> Arc<Target> {
    let labels = Labels::from_pairs([("job", "j"), ("instance", "h:1")]);
    Arc::new(Target {
        labels,
        scheme: "http".to_owned(),
        address: "h:1".to_owned(),
    })
}

fn decoder(rules: PageRules) -> PageDecoder {
    PageDecoder::new(target(), rules)
}

fn at(seconds: i64) -> ScrapeFacts {
    ScrapeFacts {
        time: UnixMillis(seconds * 1000),
        duration_seconds: 0.5,
    }
}

/// Samples as `name{own labels} value [@time]`, without the reports.
fn samples(batch: &MetricBatch) -> Vec<String> {
    let reports = ["up", "scrape_"];
    let own = batch.samples().filter(|(series, ..)| {
        !reports
            .iter()
            .any(|r| series.labels.metric_name().starts_with(r))
    });
    own.map(|(series, time, value)| {
        let mut labels = LabelsBuilder::from(&series.labels);
        labels.remove("job").remove("instance");
        let value = if is_stale(value) {
            "stale".to_owned()
        } else {
            value.to_string()
        };
        let time = if time == batch.time {
            String::new()
        } else {
            format!(" @{}", time.0)
        };
        format!("{} {value}{time}", labels.build())
    })
    .collect()
}

fn report(batch: &MetricBatch, name: &str) -> f64 {
    let found = batch
        .samples()
        .find(|(series, ..)| series.labels.metric_name() == name);
    found.map(|(_, _, value)| value).unwrap()
}

fn decode(decoder: &mut PageDecoder, seconds: i64, page: &str) -> Page {
    decoder
        .decode(Format::Text, page.as_bytes(), at(seconds))
        .unwrap()
}

const PAGE: &str = "# HELP a_total Help\\nwith \\\\ two lines.\n# TYPE a_total counter\n\
    a_total{x=\"1\"} 1\na_total{x=\"2\"} 2.5\n\n# a comment\n# TYPE b gauge\nb NaN\nc -1e-3";

#[test]
fn a_page_becomes_a_batch_with_its_reports() {
    let page = decode(&mut decoder(PageRules::default()), 100, PAGE);
    assert_eq!(
        samples(&page.batch),
        [
            r#"a_total{x="1"} 1"#,
            r#"a_total{x="2"} 2.5"#,
            "b{} NaN",
            "c{} -0.001"
        ]
    );
    assert_eq!(
        (page.n_scraped, page.n_post_relabel, page.n_added),
        (4, 4, 4)
    );
    assert_eq!(report(&page.batch, "up"), 1.0);
    assert_eq!(report(&page.batch, "scrape_duration_seconds"), 0.5);
    assert_eq!(report(&page.batch, "scrape_samples_scraped"), 4.0);
    assert_eq!(report(&page.batch, "scrape_series_added"), 4.0);
    let family = page
        .batch
        .layout
        .family(&page.batch.layout.series[0])
        .unwrap();
    assert_eq!(
        (family.name.as_str(), family.help.as_str()),
        ("a_total", "Help\nwith \\ two lines.")
    );
    assert!(page.batch.timestamps.is_empty());
    assert!(page.issues.is_empty());
}

#[test]
fn an_unchanged_page_shares_its_layout() {
    let mut decoder = decoder(PageRules::default());
    let first = decode(&mut decoder, 100, PAGE);
    let second = decode(&mut decoder, 101, &PAGE.replace("2.5", "7"));
    assert!(Arc::ptr_eq(&first.batch.layout, &second.batch.layout));
    assert_eq!(second.batch.values[1], 7.0);
    assert_eq!((second.n_scraped, second.n_added), (4, 0));
}

#[test]
fn a_series_that_vanishes_is_stale_once_and_then_absent() {
    let mut decoder = decoder(PageRules::default());
    let first = decode(&mut decoder, 100, "a 1\nb 2\nc 3\n");
    let second = decode(&mut decoder, 101, "a 1\nc 3\n");
    assert_eq!(samples(&second.batch), ["a{} 1", "b{} stale", "c{} 3"]);
    let third = decode(&mut decoder, 102, "a 1\nc 3\n");
    assert_eq!(samples(&third.batch), ["a{} 1", "c{} 3"]);
    let fourth = decode(&mut decoder, 103, "a 1\nb 2\nc 3\n");
    assert_eq!(samples(&fourth.batch), ["a{} 1", "b{} 2", "c{} 3"]);
    assert_eq!(fourth.n_added, 1);
    assert!(Arc::ptr_eq(&first.batch.layout, &fourth.batch.layout));
}

#[test]
fn a_new_series_makes_a_new_layout_in_the_order_of_the_page() {
    let mut decoder = decoder(PageRules::default());
    decode(&mut decoder, 100, "a 1\nb 2\n");
    let page = decode(&mut decoder, 101, "n 0\nb 2\n");
    assert_eq!(samples(&page.batch), ["n{} 0", "b{} 2", "a{} stale"]);
    assert_eq!(page.n_added, 1);
    let next = decode(&mut decoder, 102, "n 0\nb 2\n");
    assert_eq!(samples(&next.batch), ["n{} 0", "b{} 2"]);
}

#[test]
fn changed_metadata_makes_a_new_layout() {
    let mut decoder = decoder(PageRules::default());
    let first = decode(&mut decoder, 100, "# TYPE a gauge\na 1\n");
    let second = decode(&mut decoder, 101, "# TYPE a counter\na 1\n");
    assert_ne!(first.batch.layout.id, second.batch.layout.id);
    assert_eq!(samples(&second.batch), ["a{} 1"]);
}

#[test]
fn a_failed_scrape_equals_an_empty_one_and_says_so_once() {
    let mut decoder = decoder(PageRules::default());
    decode(&mut decoder, 100, "a 1\nb 2\n");
    let failed = decoder.fail(at(101));
    assert_eq!(samples(&failed), ["a{} stale", "b{} stale"]);
    assert_eq!(report(&failed, "up"), 0.0);
    let again = decoder.fail(at(102));
    assert_eq!(again.values.len(), N_REPORTS);
    let back = decode(&mut decoder, 103, "a 1\n");
    assert_eq!(samples(&back.batch), ["a{} 1"]);
    assert_eq!(back.n_added, 0);
}

#[test]
fn a_target_that_ends_leaves_only_stale_markers() {
    let mut decoder = decoder(PageRules::default());
    assert!(decoder.end(UnixMillis(0)).is_none());
    decode(&mut decoder, 100, "a 1\n");
    let end = decoder.end(UnixMillis(101_000)).unwrap();
    assert!(end.values.iter().all(|value| is_stale(*value)));
    assert!(decoder.end(UnixMillis(102_000)).is_none());
}

#[test]
fn explicit_timestamps_are_kept_and_exempt_from_staleness() {
    let mut decoder = decoder(PageRules::default());
    let page = decode(&mut decoder, 100, "a 1 99500\nb 2\nlate 3 700001\n");
    assert_eq!(samples(&page.batch), ["a{} 1 @99500", "b{} 2"]);
    assert_eq!(page.issues.count(IssueReason::TimestampOutOfRange), 1);
    let empty = decode(&mut decoder, 101, "");
    assert_eq!(samples(&empty.batch), ["b{} stale"]);
}

#[test]
fn ignored_timestamps_become_the_scrapes() {
    let rules = PageRules {
        timestamps: TimestampPolicy::Ignore,
        ..Default::default()
    };
    let mut decoder = decoder(rules);
    let page = decode(&mut decoder, 100, "a 1 99500\n");
    assert_eq!(samples(&page.batch), ["a{} 1"]);
    assert_eq!(samples(&decoder.fail(at(101))), ["a{} stale"]);
}

#[test]
fn of_a_series_twice_on_a_page_the_first_is_kept() {
    let mut decoder = decoder(PageRules::default());
    let page = "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{x=\"1\",y=\"2\"} 3\nup 0\n";
    for seconds in [100, 101] {
        let page = decode(&mut decoder, seconds, page);
        assert_eq!(samples(&page.batch), [r#"a{x="1",y="2"} 1"#]);
        assert_eq!(page.issues.count(IssueReason::DuplicateSeries), 3);
        assert_eq!((page.n_scraped, report(&page.batch, "up")), (4, 1.0));
    }
}

struct DropB;

impl SeriesRules for DropB {
    fn relabel(&self, labels: &mut LabelsBuilder) -> bool {
        labels.set("extra", "e");
        labels.get("__name__") != "b"
    }
}

#[test]
fn relabelling_drops_and_changes_series() {
    let mut decoder = decoder(PageRules {
        series: Some(Arc::new(DropB)),
        ..Default::default()
    });
    for seconds in [100, 101] {
        let page = decode(&mut decoder, seconds, "a 1\nb 2\n");
        assert_eq!(samples(&page.batch), [r#"a{extra="e"} 1"#]);
        assert_eq!((page.n_scraped, page.n_post_relabel), (2, 1));
    }
}

#[test]
fn the_sample_limit_refuses_the_page_and_the_reports_tell_how_far_it_got() {
    let mut decoder = decoder(PageRules {
        sample_limit: 2,
        ..Default::default()
    });
    decode(&mut decoder, 100, "a 1\nb 2\n");
    let error = decoder
        .decode(Format::Text, b"a 1\nb 2\nc 3\n", at(101))
        .unwrap_err();
    assert_eq!(error, PageError::SampleLimit { limit: 2 });
    let failed = decoder.fail(at(101));
    assert_eq!(samples(&failed), ["a{} stale", "b{} stale"]);
    assert_eq!(report(&failed, "scrape_samples_scraped"), 3.0);
}

fn check_refused(format: Format, page: &str, expected: &str) {
    let error = decoder(PageRules::default())
        .decode(format, page.as_bytes(), at(1))
        .unwrap_err();
    assert_eq!(error.to_string(), expected, "{page:?}");
}

#[test]
fn one_bad_line_refuses_the_page_with_its_place() {
    let check = |page, expected| check_refused(Format::Text, page, expected);
    check(
        "a 1\nb{x=\"y\" 2\n",
        "line 2: labels do not end, at \"b{x=\\\"y\\\" 2\"",
    );
    check("a one\n", "line 1: value is not a number, at \"a one\"");
    check(
        "a 1 2 3\n",
        "line 1: unexpected text after the value, at \"a 1 2 3\"",
    );
    check(
        "a 1 2.5\n",
        "line 1: unexpected text after the value, at \"a 1 2.5\"",
    );
    check("a 1\r\n", "line 1: value is not a number, at \"a 1\\r\"");
    check(
        "# TYPE a nothing\n",
        "line 1: unknown metric type, at \"# TYPE a nothing\"",
    );
    check("a", "line 1: line has no value, at \"a\"");
    check("<html>\n", "line 1: line has no value, at \"<html>\"");
}

#[test]
fn a_passed_through_page_reads_as_the_target_wrote_it() {
    let mut decoder = decoder(PageRules::default());
    let page = decode(
        &mut decoder,
        100,
        &format!("{PAGE}\nd{{p=\"a\\\"b\"}} 3 99000\n"),
    );
    let mut text = String::new();
    write_text(&mut text, &page.batch);
    let own = text.split("# HELP up ").next().unwrap();
    insta::assert_snapshot!(own, @r#"
    # HELP a_total Help\nwith \\ two lines.
    # TYPE a_total counter
    a_total{x="1"} 1
    a_total{x="2"} 2.5
    # TYPE b gauge
    b NaN
    # TYPE c untyped
    c -0.001
    # TYPE d untyped
    d{p="a\"b"} 3 99000
    "#);
    let failed = decoder.fail(at(101));
    assert!(failed.values.iter().any(|value| is_stale(*value)));
    assert!(failed.values.iter().any(|value| is_absent(*value)));
    let mut text = String::new();
    write_text(&mut text, &failed);
    assert!(
        text.starts_with("# HELP up ") && !text.contains("NaN"),
        "{text}"
    );
}

#[test]
fn a_time_before_1970_is_not_written_as_text_has_none() {
    let page = b"a 1 -5\nb 2\n# EOF\n";
    let page = decoder(PageRules::default())
        .decode(Format::OpenMetrics, page, at(100))
        .unwrap();
    let mut text = String::new();
    write_text(&mut text, &page.batch);
    assert!(text.starts_with("# TYPE b untyped\nb 2\n"), "{text}");
}

#[test]
fn a_captured_etcd_page_is_followed_after_it_was_assembled_once() {
    let body = include_bytes!("../../../../testdata/etcd-3.4.txt");
    let mut decoder = decoder(PageRules::default());
    let first = decoder.decode(Format::Text, body, at(100)).unwrap();
    assert!(decoder.follow(Format::Text, body, at(101)).is_some());
    let second = decoder.decode(Format::Text, body, at(101)).unwrap();
    assert_eq!(
        first.batch.values[..first.n_scraped],
        second.batch.values[..first.n_scraped]
    );
    assert!(first.issues.is_empty());
    let n_lines = body
        .split(|byte| *byte == b'\n')
        .filter(|l| !l.is_empty() && l[0] != b'#')
        .count();
    assert_eq!((first.n_scraped, first.n_added), (n_lines, n_lines));
}
