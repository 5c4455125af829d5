//! Whole evaluators over scrapes made here.

use std::sync::Arc;

use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId, is_stale};
use proto::selector::Selector;
use proto::{Labels, Target, UnixMillis};

use super::*;
use crate::catalogue::{Direction, Signal, Source};

const MINUTE: i64 = 60_000;

fn evaluator(expr: &str) -> Evaluator {
    let signal = Signal {
        title: "S".to_owned(),
        source: Source::Expr(expr.parse().unwrap()),
        bad: Direction::Up,
        ..Signal::blank("s", "etcd")
    };
    Evaluator::new(Arc::new(Program::new([&signal]).unwrap()))
}

fn target() -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:1")]),
        scheme: "http".to_owned(),
        address: "a:1".to_owned(),
    })
}

/// A page: series as in PromQL with their values, every one a family of its own.
fn page(minute: i64, series: &[(&str, f64)]) -> MetricBatch {
    let target = target();
    let mut families = Vec::new();
    let mut layout_series = Vec::new();
    for (idx, (text, _)) in (0..).zip(series) {
        let selector: Selector = text.parse().unwrap();
        let pairs = selector
            .matchers
            .iter()
            .map(|m| (m.name().to_owned(), m.only_value().unwrap().to_owned()));
        let of_target = target.labels.iter().map(|(n, v)| (n.into(), v.into()));
        let labels = Labels::from_pairs(pairs.chain(of_target));
        families.push(Family {
            name: labels.metric_name().to_owned(),
            kind: MetricKind::Counter,
            ..Family::default()
        });
        layout_series.push(Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx,
        });
    }
    let layout = Layout::new(target, families, layout_series);
    let values = series.iter().map(|(_, value)| *value).collect();
    MetricBatch::new(Arc::new(layout), UnixMillis(minute * MINUTE), values)
}

/// What an evaluator says of a page: labels beyond the target's and values, stale ones as NaN.
fn said(evaluator: &mut Evaluator, page: &MetricBatch) -> Vec<(String, f64)> {
    let batch = evaluator.observe(page, Outcome::Good).batch;
    let samples = batch.iter().flat_map(MetricBatch::samples);
    let own = |labels: &Labels| {
        let own = labels
            .iter()
            .filter(|(name, _)| !["__name__", "job", "instance"].contains(name));
        own.map(|(n, v)| format!("{n}={v}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    samples
        .map(|(series, _, value)| (own(&series.labels), value))
        .collect()
}

fn check_last(expr: &str, pages: &[&[(&str, f64)]], expected: &[(&str, f64)]) {
    let mut evaluator = evaluator(expr);
    let mut last = Vec::new();
    for (minute, series) in (0..).zip(pages) {
        last = said(&mut evaluator, &page(minute, series));
    }
    let expected: Vec<_> = expected
        .iter()
        .map(|(l, v)| ((*l).to_owned(), *v))
        .collect();
    assert_eq!(last, expected);
}

#[test]
fn a_rate_is_per_second_and_needs_half_of_its_window() {
    let pages: [&[_]; 3] = [&[("c", 0.0)], &[("c", 60.0)], &[("c", 240.0)]];
    check_last("rate(c[2m])", &pages[..1], &[]);
    check_last("rate(c[3m])", &pages[..2], &[]);
    check_last("rate(c[2m])", &pages[..2], &[("", 1.0)]);
    check_last("rate(c[2m])", &pages, &[("", 2.0)]);
}

#[test]
fn a_quantile_is_of_what_was_counted_in_the_window() {
    let quantile = "histogram_quantile(0.5, sum by (le) (rate(h_bucket[2m])))";
    let before = [
        (r#"h_bucket{le="1"}"#, 100.0),
        (r#"h_bucket{le="2"}"#, 100.0),
        (r#"h_bucket{le="+Inf"}"#, 100.0),
    ];
    let after = [
        (r#"h_bucket{le="1"}"#, 100.0),
        (r#"h_bucket{le="2"}"#, 110.0),
        (r#"h_bucket{le="+Inf"}"#, 110.0),
    ];
    check_last(quantile, &[&before, &after], &[("", 1.5)]);
}

#[test]
fn a_ratio_of_nothing_to_nothing_is_no_signal() {
    let ratio = r#"sum(rate(r{code!="OK"}[2m])) / sum(rate(r[2m]))"#;
    let page = |bad, good| [(r#"r{code="Bad"}"#, bad), (r#"r{code="OK"}"#, good)];
    check_last(ratio, &[&page(0.0, 0.0), &page(1.0, 3.0)], &[("", 0.25)]);
    check_last(ratio, &[&page(5.0, 5.0), &page(5.0, 5.0)], &[]);
}

#[test]
fn or_takes_the_name_that_there_is() {
    let either = "new or old";
    check_last(either, &[&[("old", 1.0)]], &[("", 1.0)]);
    check_last(either, &[&[("new", 2.0)]], &[("", 2.0)]);
    check_last(either, &[&[("old", 1.0), ("new", 2.0)]], &[("", 2.0)]);
}

#[test]
fn labels_that_are_kept_make_a_series_each() {
    let series = [
        (r#"rtt{To="x",le="1"}"#, 1.0),
        (r#"rtt{To="x",le="2"}"#, 3.0),
        (r#"rtt{To="y"}"#, 2.0),
    ];
    let mut evaluator = evaluator("max by (To) (rtt)");
    let mut said = said(&mut evaluator, &page(0, &series));
    said.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(said, [("To=x".to_owned(), 3.0), ("To=y".to_owned(), 2.0)]);
}

#[test]
fn an_age_is_the_time_since() {
    check_last("time() - begun", &[&[("begun", -60.0)]], &[("", 60.0)]);
}

#[test]
fn a_counter_that_appears_between_two_good_scrapes_began_at_zero() {
    let pages: [&[_]; 2] = [&[("d", 0.0)], &[("d", 0.0), ("c", 3.0)]];
    check_last("sum(increase(c[15m]))", &pages, &[("", 3.0)]);
}

#[test]
fn a_counter_after_a_failed_scrape_goes_on_and_a_new_one_says_nothing() {
    let mut evaluator = evaluator("sum by (l) (increase(c[15m]))");
    said(&mut evaluator, &page(0, &[(r#"c{l="a"}"#, 10.0)]));
    let failed = page(1, &[("up", 0.0)]);
    assert_eq!(evaluator.observe(&failed, Outcome::Failed).batch, None);
    let series = [(r#"c{l="a"}"#, 12.0), (r#"c{l="b"}"#, 1000.0)];
    assert_eq!(
        said(&mut evaluator, &page(2, &series)),
        [("l=a".to_owned(), 2.0)]
    );
}

#[test]
fn what_goes_is_marked_stale_once() {
    let mut evaluator = evaluator("g");
    assert_eq!(said(&mut evaluator, &page(0, &[("g", 1.0)])).len(), 1);
    let gone = said(&mut evaluator, &page(1, &[("other", 1.0)]));
    assert!(matches!(gone[..], [(_, value)] if is_stale(value)));
    assert!(said(&mut evaluator, &page(2, &[("other", 1.0)])).is_empty());
}

#[test]
fn with_its_target_a_signal_ends() {
    let mut evaluator = evaluator("g");
    assert_eq!(evaluator.end(UnixMillis(0)), None);
    said(&mut evaluator, &page(0, &[("g", 1.0)]));
    let end = evaluator.end(UnixMillis(MINUTE)).unwrap();
    assert!(end.values.iter().all(|value| is_stale(*value)));
    assert_eq!(evaluator.end(UnixMillis(2 * MINUTE)), None);
}

#[test]
fn a_value_that_is_no_number_ends_the_series() {
    let mut evaluator = evaluator("g");
    said(&mut evaluator, &page(0, &[("g", 1.0)]));
    let gone = said(&mut evaluator, &page(1, &[("g", f64::NAN)]));
    assert!(matches!(gone[..], [(_, value)] if is_stale(value)));
    assert!(said(&mut evaluator, &page(2, &[("g", f64::NAN)])).is_empty());
    assert_eq!(said(&mut evaluator, &page(3, &[("g", 2.0)])).len(), 1);
}

#[test]
fn there_is_one_evaluation_a_minute_and_the_layout_is_shared() {
    let mut evaluator = evaluator("g");
    let mut at = |millis: i64| {
        let mut page = page(0, &[("g", 1.0)]);
        page.time = UnixMillis(millis);
        evaluator.observe(&page, Outcome::Good).batch
    };
    let first = at(59_000).unwrap();
    let second = at(60_000).unwrap();
    assert!(at(75_000).is_none() && at(119_999).is_none());
    assert!(Arc::ptr_eq(&first.layout, &second.layout));
    assert!(at(120_000).is_some());
}

#[test]
fn values_beyond_a_hundred_of_a_signal_are_counted() {
    let series: Vec<_> = (0..130)
        .map(|i| (format!(r#"g{{l="{i}"}}"#), 1.0))
        .collect();
    let series: Vec<_> = series.iter().map(|(text, v)| (text.as_str(), *v)).collect();
    let evaluated = evaluator("g").observe(&page(0, &series), Outcome::Good);
    assert_eq!(evaluated.n_left_out, 30);
    assert_eq!(evaluated.batch.unwrap().samples().count(), 100);
}
