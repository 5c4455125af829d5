//! Decisions, without a file.

use std::collections::HashSet;
use std::time::Duration;

use proto::UnixMillis;

use super::super::job::{self, Job};
use super::super::listing::{DayFiles, Entry, Listing};
use super::super::plan::{self, Rules};
use crate::Position;
use crate::archive::day::Day;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files::TablePath;
use crate::archive::table::Table;
use crate::archive::testing::NOW;

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;

/// Files of the sizes given, one behind the other, written at `modified`.
fn files(sizes: &[u64], modified: i64) -> DayFiles {
    let entries = sizes.iter().enumerate().map(|(idx, n_bytes)| Entry {
        name: name(idx as u64, idx as u64 + 1),
        n_bytes: *n_bytes,
    });
    DayFiles {
        entries: entries.collect(),
        modified: UnixMillis(modified),
    }
}

fn name(from: u64, to: u64) -> FileName {
    FileName {
        writer: WriterId(1),
        from: Position(from),
        to: Position(to),
    }
}

fn day(of: i64) -> Day {
    Day::of(UnixMillis(of)).unwrap()
}

fn rules(now: i64) -> Rules {
    Rules {
        max_file_bytes: 1000,
        max_run_bytes: u64::MAX,
        settle: Duration::from_secs(600),
        now: Some(UnixMillis(now)),
    }
}

fn listing(day: Day, files: DayFiles) -> Listing {
    Listing {
        days: [((Table::MetricPoints, day), files)].into(),
        written: None,
    }
}

/// Places of the files that become one next, of a day that was written `age` ago, `days_ago`.
fn chosen(sizes: &[u64], days_ago: i64, age: i64) -> Option<Vec<u64>> {
    let listing = listing(day(NOW.0 - days_ago * DAY), files(sizes, NOW.0 - age));
    let runs = plan::runs(&listing, rules(NOW.0), &HashSet::new());
    let run = runs.into_iter().next()?;
    Some(run.inputs.iter().map(|name| name.from.0).collect())
}

#[test]
fn in_an_open_day_eight_even_files_become_one() {
    assert_eq!(chosen(&[1; 7], 0, 0), None);
    assert_eq!(chosen(&[1; 8], 0, 0), Some((0..8).collect()));
    let large_first = [64, 1, 1, 1, 1, 1, 1, 1, 1];
    assert_eq!(chosen(&large_first, 0, 0), Some((1..9).collect()));
    assert_eq!(chosen(&[8, 8, 1, 1, 1, 1, 1, 1], 0, 0), None);
    assert_eq!(chosen(&[200; 8], 0, 0), None, "larger than a file may be");
}

#[test]
fn a_day_that_has_ended_becomes_as_few_files_as_it_may() {
    assert_eq!(chosen(&[3, 5], 1, 9 * MINUTE), None, "too soon");
    assert_eq!(chosen(&[3, 5], 1, 10 * MINUTE), Some(vec![0, 1]));
    assert_eq!(chosen(&[600, 300, 300], 1, DAY), Some(vec![1, 2]));
    assert_eq!(chosen(&[600, 600], 1, DAY), None);
    assert_eq!(chosen(&[600], 1, DAY), None);
}

#[test]
fn a_little_late_data_waits_for_more() {
    assert_eq!(chosen(&[900, 1], 3, 60 * MINUTE), None);
    assert_eq!(chosen(&[900, 1, 1], 3, 60 * MINUTE), Some(vec![1, 2]));
    assert_eq!(chosen(&[900, 1], 3, 360 * MINUTE), Some(vec![0, 1]));
}

#[test]
fn a_day_of_the_future_becomes_one_file_once() {
    assert_eq!(chosen(&[3, 5], -300, DAY), Some(vec![0, 1]));
    assert_eq!(chosen(&[8], -300, DAY), None);
    // The clock was a year ahead when they were written.
    assert_eq!(chosen(&[3, 5], 1, -365 * DAY), Some(vec![0, 1]));
}

#[test]
fn nothing_is_merged_with_or_across_a_damaged_file() {
    let day = day(NOW.0 - DAY);
    let listing = listing(day, files(&[1, 1, 1, 1, 1], NOW.0 - DAY));
    let damaged = TablePath {
        table: Table::MetricPoints,
        day,
        name: name(2, 3),
    };
    let runs = plan::runs(&listing, rules(NOW.0), &HashSet::from([damaged]));
    let ranges = runs.iter().map(|run| {
        let output = run.output().unwrap().name;
        (output.from.0, output.to.0)
    });
    assert_eq!(ranges.collect::<Vec<_>>(), [(0, 2), (3, 5)]);
}

#[test]
fn files_of_other_writers_and_of_a_flush_under_way_stay_apart() {
    let day = day(NOW.0 - DAY);
    let mut files = files(&[1, 1, 1, 1], NOW.0 - DAY);
    files.entries[0].name.writer = WriterId(0);
    let mut listing = listing(day, files);
    listing.written = Some((WriterId(1), Position(3)));
    let runs = plan::runs(&listing, rules(NOW.0), &HashSet::new());
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].inputs, [name(1, 2), name(2, 3)]);
}

#[test]
fn left_overs_go_first_unless_what_stands_for_them_is_damaged() {
    let day = day(NOW.0);
    let mut files = files(&[1; 9], NOW.0);
    files.entries[0].name = name(0, 3);
    let mut listing = listing(day, files);
    let plan = job::plan(&listing, rules(NOW.0), &HashSet::new());
    let file = TablePath {
        table: Table::MetricPoints,
        day,
        name: name(0, 3),
    };
    let old = vec![name(1, 2), name(2, 3)];
    assert_eq!(plan.next, Some(Job::Tidy(file.clone(), old)));
    assert_eq!(job::plan(&listing, rules(NOW.0), &[file].into()).next, None);
    listing.written = Some((WriterId(1), Position(2)));
    assert_eq!(
        job::plan(&listing, rules(NOW.0), &HashSet::new()).next,
        None
    );
}

/// Flushes of a day of five minutes each: how much is written over and over.
#[test]
fn a_row_is_written_again_some_times_a_day_and_files_stay_few() {
    let today = day(NOW.0);
    let (mut sizes, mut written, mut most) = (Vec::new(), 0, 0);
    for flush in 0..288_u64 {
        sizes.push((flush, flush + 1, 80 + flush % 40));
        loop {
            let entries = sizes.iter().map(|(from, to, n_bytes)| Entry {
                name: name(*from, *to),
                n_bytes: *n_bytes,
            });
            let files = DayFiles {
                entries: entries.collect(),
                modified: NOW,
            };
            let rules = Rules {
                max_file_bytes: u64::MAX,
                ..rules(NOW.0)
            };
            let runs = plan::runs(&listing(today, files), rules, &HashSet::new());
            let Some(run) = runs.first() else { break };
            let output = run.output().unwrap().name;
            sizes.retain(|(from, ..)| !(output.from.0..output.to.0).contains(from));
            sizes.push((output.from.0, output.to.0, run.n_bytes));
            sizes.sort_unstable();
            written += run.n_bytes;
        }
        most = most.max(sizes.len());
    }
    let total: u64 = sizes.iter().map(|(_, _, n_bytes)| n_bytes).sum();
    assert!(most <= 32, "{most} files");
    assert!(written <= 4 * total, "{written} of {total}");
}
