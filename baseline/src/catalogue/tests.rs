//! What a signal may be, and what it may not.

use std::time::Duration;

use super::*;
use crate::promql::Expr;

fn expr(text: &str) -> Expr {
    Expr::parse(text).unwrap()
}

fn threshold(severity: Severity, comparison: Comparison, value: f64) -> Threshold {
    Threshold {
        severity,
        bound: Bound { comparison, value },
        hold: Duration::from_secs(600),
        only_while: None,
        source: "a mixin".to_owned(),
    }
}

fn signal() -> Signal {
    Signal {
        name: "etcd_wal_fsync_p99".to_owned(),
        component: "etcd".to_owned(),
        title: "WAL fsync, 99th percentile".to_owned(),
        help: String::new(),
        unit: Unit::Seconds,
        source: Source::Expr(expr("histogram_quantile(0.99, rate(a_bucket[5m]))")),
        bad: Direction::Up,
        thresholds: vec![
            threshold(Severity::Warning, Comparison::Above, 0.5),
            threshold(Severity::Critical, Comparison::Above, 1.0),
        ],
        healthy: Some(Healthy {
            bound: Bound {
                comparison: Comparison::Below,
                value: 0.01,
            },
            source: "the FAQ".to_owned(),
        }),
        least_change: 0.001,
        limit: Some(expr("1")),
        remedy: String::new(),
        references: vec![
            "https://etcd.io/docs/latest/faq/".to_owned(),
            "etcd-io/etcd #14692".to_owned(),
        ],
        profiles: vec!["process_cpu".to_owned()],
    }
}

/// A change of a good signal, at `key`, is refused with `problem`.
#[track_caller]
fn check_refused(change: impl FnOnce(&mut Signal), key: &str, problem: &str) {
    let mut signal = signal();
    change(&mut signal);
    let errors = signal.check();
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error.key, error.to_string()))
        .collect();
    assert_eq!(found, [(key, problem.to_owned())]);
}

#[test]
fn a_good_signal_is_named_by_its_unit() {
    assert_eq!(signal().check(), []);
    let name = signal().metric_name();
    assert_eq!(name, "leadsman_signal_etcd_wal_fsync_p99_seconds");
    let count = Signal {
        unit: Unit::Count,
        ..signal()
    };
    assert_eq!(count.metric_name(), "leadsman_signal_etcd_wal_fsync_p99");
}

#[test]
fn names_fit_into_those_of_metrics() {
    let rename = |name: &'static str| move |signal: &mut Signal| signal.name = name.to_owned();
    check_refused(rename("Fsync"), "name", "wrong name \"Fsync\"");
    check_refused(rename("9p"), "name", "wrong name \"9p\"");
    check_refused(rename(""), "name", "wrong name \"\"");
    check_refused(
        rename("a_seconds"),
        "name",
        "\"a_seconds\" ends with its unit",
    );
    check_refused(
        |signal| signal.component = "Et cd".to_owned(),
        "component",
        "wrong name \"Et cd\"",
    );
}

#[test]
fn an_expression_has_series_in_it() {
    check_refused(
        |signal| signal.source = Source::Expr(expr("time() - 5")),
        "expr",
        "a number that never changes",
    );
}

#[test]
fn thresholds_are_where_it_is_bad() {
    check_refused(
        |signal| {
            let below = threshold(Severity::Warning, Comparison::Below, 0.001);
            signal.thresholds.push(below);
        },
        "thresholds",
        "\"below\" although what is bad is \"up\"",
    );
}

#[test]
fn severities_are_in_order() {
    let mut turned = signal();
    turned.thresholds.swap(0, 1);
    assert_eq!(turned.check(), []);
    check_refused(
        |signal| signal.thresholds[1].bound.value = 0.1,
        "thresholds",
        "critical before warning",
    );
    check_refused(
        |signal| signal.thresholds[1].severity = Severity::Warning,
        "thresholds",
        "two of one severity",
    );
    check_refused(
        |signal| signal.thresholds[1].hold = Duration::from_secs(86_401),
        "thresholds",
        "held for too long",
    );
}

#[test]
fn what_is_healthy_is_before_all_thresholds() {
    check_refused(
        |signal| signal.healthy.as_mut().unwrap().bound.value = 0.6,
        "healthy",
        "reaches beyond a threshold",
    );
    check_refused(
        |signal| signal.healthy.as_mut().unwrap().bound.comparison = Comparison::Above,
        "healthy",
        "\"above\" although what is bad is \"up\"",
    );
}

#[test]
fn changes_references_and_profiles_are_checked() {
    check_refused(
        |signal| signal.least_change = -1.0,
        "least_change",
        "below zero",
    );
    check_refused(
        |signal| signal.least_change = f64::NAN,
        "least_change",
        "below zero",
    );
    check_refused(
        |signal| signal.title = " ".to_owned(),
        "title",
        "not a line of text",
    );
    check_refused(
        |signal| signal.profiles.push("CPU!".to_owned()),
        "profiles",
        "\"CPU!\" is no kind of profile",
    );
    for reference in [
        "etcd",
        "etcd #1",
        "a/b #0",
        "a/b#1",
        "https://",
        "https://a b.c",
        "/b #1",
    ] {
        check_refused(
            |signal| signal.references.push(reference.to_owned()),
            "references",
            &format!("{reference:?} leads nowhere"),
        );
    }
}

#[test]
fn signals_are_told_apart_and_find_each_other() {
    let other = Signal {
        name: "other".to_owned(),
        ..signal()
    };
    let mut guarded = other.clone();
    guarded.name = "guarded".to_owned();
    guarded.thresholds[0].only_while = Some(Guard {
        signal: "other".to_owned(),
        bound: Bound {
            comparison: Comparison::Above,
            value: 1.0,
        },
    });
    let all = [signal(), other.clone(), guarded.clone()];
    assert_eq!(check_all(&all), []);

    let problems = |signals: &[Signal]| -> Vec<_> {
        let found = check_all(signals).into_iter();
        found.map(|(idx, error)| format!("{idx} {error}")).collect()
    };
    assert_eq!(
        problems(&[signal(), signal()]),
        ["1 a second signal \"etcd_wal_fsync_p99\""]
    );
    assert_eq!(
        problems(&[guarded]),
        ["0 only_while of \"other\", which is not there"]
    );
    let same_metric = Signal {
        name: "other_seconds".to_owned(),
        unit: Unit::Count,
        ..signal()
    };
    assert_eq!(
        problems(&[other, same_metric]),
        ["1 a second metric leadsman_signal_other_seconds"]
    );
}
