//! Native histograms.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proto::metrics::{BucketSpan, MetricBatch, NativeHistogram};
use proto::{Record, UnixMillis};

use super::super::histogram::Histogram;
use super::super::histogram_input;
use super::{roll_up, stale};
use crate::Position;
use crate::archive::Archive;
use crate::archive::table::Table;
use crate::archive::testing::{layout, options, rows, target};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// 2026-11-21 00:00:00 UTC.
const MIDNIGHT: i64 = 1_795_219_200_000;
const LATER: UnixMillis = UnixMillis(MIDNIGHT + 30 * DAY);

/// A process that observes things: how often in each of eight buckets of schema 1.
#[derive(Clone, Debug, Default)]
struct Process {
    counts: [u32; 8],
}

impl Process {
    fn exposed(&self, is_gauge: bool) -> NativeHistogram {
        let counts = self.counts.map(f64::from);
        NativeHistogram {
            series_idx: 0,
            schema: 1,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: counts.iter().sum(),
            sum: 2.0 * counts.iter().sum::<f64>(),
            is_float: false,
            is_gauge,
            // As targets do: without the middle where nothing is, in two spans.
            positive_spans: vec![
                BucketSpan {
                    offset: -3,
                    length: 4,
                },
                BucketSpan {
                    offset: 2,
                    length: 4,
                },
            ],
            positive_counts: counts.to_vec(),
            negative_spans: Vec::new(),
            negative_counts: Vec::new(),
            custom_bounds: Vec::new(),
        }
    }
}

fn windows(root: &Path, table: Table) -> BTreeMap<i64, Histogram> {
    let batches = rows(root, table).into_iter();
    let rows = batches.flat_map(|batch| histogram_input::rows(batch).unwrap());
    rows.map(|(_, time, histogram)| (time, histogram)).collect()
}

fn write(archive: &mut Archive, end: u64, time: i64, histogram: NativeHistogram) {
    let page = layout(&target("a:1"), &["get"]);
    let mut batch = MetricBatch::new(page, UnixMillis(time), vec![0.0]);
    batch.histograms = vec![histogram];
    archive.write(Position(end), &Record::Metrics(Arc::new(batch)));
}

/// Minutes to the next scrape, what is observed meanwhile, whether the process restarts before.
type Step = (i64, [u32; 8], bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let observed = prop::array::uniform8(0_u32..3);
    let step = (1_i64..90, observed, prop::bool::weighted(0.1));
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn windows_hold_what_was_observed_in_them(steps in steps()) {
        let root = tempfile::tempdir().unwrap();
        let mut archive = Archive::open(options(root.path())).unwrap();
        let (mut process, mut time) = (Process::default(), MIDNIGHT + DAY - 120 * MINUTE);
        let mut expected = [BTreeMap::new(), BTreeMap::new()];
        for (end, (minutes, observed, restarts)) in (1..).zip(steps) {
            time += minutes * MINUTE;
            if restarts {
                process = Process::default();
            }
            // A restart shows if the first bucket is below what it was.
            let observed = if restarts { [0; 8] } else { observed };
            process.counts.iter_mut().zip(observed).for_each(|(count, more)| *count += more);
            write(&mut archive, 10 * end, time, process.exposed(false));
            for (expected, step) in expected.iter_mut().zip([5 * MINUTE, 60 * MINUTE]) {
                let sums = expected.entry(time - time % step).or_insert([0; 8]);
                let counted = if end == 1 { [0; 8] } else { observed };
                sums.iter_mut().zip(counted).for_each(|(sum, more)| *sum += more);
            }
            if end % 7 == 0 {
                archive.flush().unwrap();
                roll_up(root.path(), UnixMillis(time));
            }
        }
        archive.flush().unwrap();
        roll_up(root.path(), LATER);
        for (table, expected) in [Table::MetricHistograms5m, Table::MetricHistograms1h].into_iter().zip(expected) {
            let windows = windows(root.path(), table);
            let found: BTreeMap<i64, Vec<(i32, f64)>> =
                windows.into_iter().map(|(time, window)| (time, window.positive)).collect();
            let expected: BTreeMap<i64, Vec<(i32, f64)>> = expected.into_iter().map(|(time, sums)| {
                let places = [-3, -2, -1, 0, 3, 4, 5, 6].into_iter().zip(sums.map(f64::from));
                (time, places.filter(|(_, count)| *count != 0.0).collect())
            }).collect();
            prop_assert_eq!(found, expected);
        }
        // The page's one float sample a scrape is not rolled up by what is rolled up here.
        prop_assert_eq!(stale(root.path(), LATER), vec![]);
    }
}

#[test]
fn of_a_gauge_histogram_the_last_one_stays() {
    let root = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(root.path())).unwrap();
    for (minute, count) in [(0, 5), (1, 9), (2, 4), (5, 1)] {
        let process = Process { counts: [count; 8] };
        write(
            &mut archive,
            10 + minute as u64,
            MIDNIGHT + minute * MINUTE,
            process.exposed(true),
        );
    }
    archive.flush().unwrap();
    roll_up(root.path(), LATER);
    let counts = |table| -> Vec<f64> {
        windows(root.path(), table)
            .values()
            .map(|window| window.count)
            .collect()
    };
    assert_eq!(counts(Table::MetricHistograms5m), [32.0, 8.0]);
    assert_eq!(counts(Table::MetricHistograms1h), [8.0]);
}
