//! What goes, what stays, and in which order.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::UnixMillis;

use super::super::listing::{DayFiles, Entry, Listing};
use super::super::policy::RetentionPolicy;
use super::super::retention::{DropReason, removals};
use crate::Position;
use crate::archive::day::Day;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::table::Table::{self, *};
use crate::archive::testing::NOW;

const DAY_MILLIS: i64 = 86_400_000;
const A_DAY: Duration = Duration::from_secs(86_400);

fn day(days_ago: i64) -> Day {
    Day::of(UnixMillis(NOW.0 - days_ago * DAY_MILLIS)).unwrap()
}

/// A day of a table with a file of some bytes that reaches to a position.
type Row = (Table, i64, u64, u64);

fn listing(rows: &[Row]) -> Listing {
    let day_files = |&(table, days_ago, n_bytes, to): &Row| {
        let name = FileName {
            writer: WriterId(1),
            from: Position(0),
            to: Position(to),
        };
        let files = DayFiles {
            entries: vec![Entry { name, n_bytes }],
            modified: NOW,
        };
        ((table, day(days_ago)), files)
    };
    let days: BTreeMap<_, _> = rows.iter().map(day_files).collect();
    Listing {
        days,
        written: None,
    }
}

fn policy() -> RetentionPolicy {
    RetentionPolicy {
        raw: 2 * A_DAY,
        five_minutes: 5 * A_DAY,
        one_hour: 9 * A_DAY,
        ..RetentionPolicy::default()
    }
}

fn check(rows: &[Row], policy: &RetentionPolicy, missing: u64, expected: &[(Table, i64)]) {
    let removals = removals(&listing(rows), policy, NOW, missing, |_, _| true);
    let gone: Vec<_> = removals.iter().map(|one| (one.table, one.day)).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(table, ago)| (*table, day(*ago)))
        .collect();
    assert_eq!(gone, expected);
}

#[test]
fn a_day_goes_when_its_last_row_is_too_old() {
    let rows = [1, 2, 3, 4].map(|ago| (MetricPoints, ago, 1, 1));
    check(&rows, &policy(), 0, &[(MetricPoints, 4), (MetricPoints, 3)]);
}

#[test]
fn what_is_referred_to_stays_as_long_as_what_refers_to_it() {
    let of = |ago| {
        [
            (MetricSeries, ago, 1, 1),
            (MetricPoints, ago, 1, 1),
            (MetricRollups5m, ago, 1, 1),
            (MetricRollups1h, ago, 1, 1),
        ]
    };
    check(&of(4), &policy(), 0, &[(MetricPoints, 4)]);
    check(
        &of(7),
        &policy(),
        0,
        &[(MetricPoints, 7), (MetricRollups5m, 7)],
    );
    let all = [MetricPoints, MetricRollups5m, MetricRollups1h, MetricSeries];
    check(&of(12), &policy(), 0, &all.map(|table| (table, 12)));
}

#[test]
fn profiles_go_before_their_samples_and_these_before_their_stacks() {
    let of = [
        (Stacks, 4, 1, 1),
        (ProfileSamples, 4, 1, 1),
        (Profiles, 4, 1, 1),
    ];
    let order = [Profiles, ProfileSamples, Stacks];
    check(&of, &policy(), 0, &order.map(|table| (table, 4)));
    let mut longer = policy();
    longer.tables.push(("profiles".to_owned(), 30 * A_DAY));
    check(&of, &longer, 0, &[]);
}

#[test]
fn a_table_may_be_kept_for_a_time_of_its_own() {
    let mut policy = policy();
    policy.tables.push(("metric_points".to_owned(), A_DAY));
    let rows = [
        (MetricPoints, 2, 1, 1),
        (MetricExemplars, 2, 1, 1),
        (Events, 4, 1, 1),
    ];
    check(&rows, &policy, 0, &[(MetricPoints, 2)]);
}

#[test]
fn rows_that_may_not_go_yet_go_when_the_disk_is_short() {
    let rows = [(MetricPoints, 4, 1, 20)];
    let gone = |missing| removals(&listing(&rows), &policy(), NOW, missing, |_, _| false).len();
    assert_eq!((gone(0), gone(1)), (0, 1));
}

#[test]
fn windows_stay_as_long_as_the_rows_they_are_made_of() {
    let mut policy = policy();
    policy.tables.push(("metric_rollups_5m".to_owned(), A_DAY));
    let rows = |ago| [(MetricPoints, ago, 1, 1), (MetricRollups5m, ago, 1, 1)];
    check(&rows(1), &policy, 0, &[]);
    check(
        &rows(3),
        &policy,
        0,
        &[(MetricPoints, 3), (MetricRollups5m, 3)],
    );
}

#[test]
fn when_there_is_too_much_the_finest_and_oldest_goes_first() {
    let rows = [
        (MetricSeries, 1, 10, 1),
        (MetricPoints, 1, 100, 1),
        (MetricPoints, 0, 100, 1),
        (MetricRollups5m, 2, 20, 1),
        (MetricRollups1h, 2, 5, 1),
    ];
    let policy = |max_bytes| RetentionPolicy {
        max_bytes: Some(max_bytes),
        ..policy()
    };
    check(&rows, &policy(235), 0, &[]);
    check(&rows, &policy(234), 0, &[(MetricPoints, 1)]);
    let all = [
        (MetricPoints, 1),
        (MetricSeries, 1),
        (MetricRollups5m, 2),
        (MetricRollups1h, 2),
    ];
    check(&rows, &policy(1), 0, &all);
    check(&rows, &RetentionPolicy::default(), 101, &all[..2]);
}

#[test]
fn today_and_days_of_a_clock_that_was_ahead_stay() {
    let rows = [(MetricPoints, 0, 9, 1), (MetricPoints, -400, 9, 1)];
    check(&rows, &policy(), u64::MAX, &[]);
}

#[test]
fn each_removal_says_why() {
    let rows = [
        (MetricPoints, 9, 1, 1),
        (MetricPoints, 2, 10, 1),
        (MetricPoints, 1, 10, 1),
    ];
    let policy = RetentionPolicy {
        max_bytes: Some(10),
        ..policy()
    };
    let removals = removals(&listing(&rows), &policy, NOW, 20, |_, _| true);
    let reasons: Vec<_> = removals
        .iter()
        .map(|one| (one.reason, one.n_bytes))
        .collect();
    let expected = [
        (DropReason::Age, 1),
        (DropReason::Size, 10),
        (DropReason::FreeSpace, 10),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn what_is_not_ripe_keeps_what_it_refers_to() {
    let rows = [(MetricSeries, 4, 1, 1), (MetricPoints, 4, 1, 1)];
    let is_ripe = |table, _| table != MetricPoints;
    assert_eq!(removals(&listing(&rows), &policy(), NOW, 0, is_ripe), []);
}
