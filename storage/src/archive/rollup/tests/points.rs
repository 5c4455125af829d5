//! Metrics.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array as _, RecordBatch};
use proptest::prelude::*;
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId, absent};
use proto::{Labels, Record, UnixMillis};

use super::{roll_up, stale};
use crate::Position;
use crate::archive::table::Table;
use crate::archive::testing::{options, rows, target, texts};
use crate::archive::{Archive, files};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-11-21 00:00:00 UTC.
const MIDNIGHT: i64 = 1_795_219_200_000;
const LATER: UnixMillis = UnixMillis(MIDNIGHT + 30 * DAY);

/// A page of a counter and a gauge, each with some series.
fn layout(n_series: usize) -> Arc<Layout> {
    let target = target("a:1");
    let family = |name: &str, kind| Family {
        name: name.to_owned(),
        kind,
        ..Family::default()
    };
    let families = vec![
        family("requests", MetricKind::Counter),
        family("queue", MetricKind::Gauge),
    ];
    let series = (0..n_series).flat_map(|idx| {
        [("requests_total", 0), ("queue", 1)].map(|(name, family_idx)| {
            let own = [("__name__", name.to_owned()), ("shard", idx.to_string())];
            let target = target.labels.iter();
            let target = target.map(|(name, value)| (name, value.to_owned()));
            let labels = Labels::from_pairs(target.chain(own));
            Series {
                id: SeriesId(labels.hash64()),
                labels,
                family_idx,
            }
        })
    });
    Arc::new(Layout::new(target.clone(), families, series.collect()))
}

/// A window as it is stored.
#[derive(Clone, Debug, PartialEq)]
struct Window {
    count: i64,
    /// first, last
    ends: [f64; 2],
    /// min, max, sum, p50, p90, p99
    spread: Option<[f64; 6]>,
    increase: Option<f64>,
    resets: Option<i32>,
}

fn windows(root: &Path, table: Table) -> BTreeMap<(u64, i64), Window> {
    let mut windows = BTreeMap::new();
    for batch in rows(root, table) {
        let ids = batch["series_id"].as_primitive::<Int64Type>();
        let times = batch["time"].as_primitive::<TimestampMillisecondType>();
        for row in 0..batch.num_rows() {
            let key = (ids.value(row).cast_unsigned(), times.value(row));
            let before = windows.insert(key, window(&batch, row));
            assert_eq!(before, None, "{key:?} is there twice");
        }
    }
    windows
}

fn window(batch: &RecordBatch, row: usize) -> Window {
    let optional = |name: &str| {
        let column = batch[name].as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let spread = ["min", "max", "sum", "p50", "p90", "p99"].map(optional);
    let resets = batch["resets"].as_primitive::<Int32Type>();
    Window {
        count: batch["count"].as_primitive::<Int64Type>().value(row),
        ends: ["first", "last"].map(|name| optional(name).unwrap()),
        spread: spread[0].map(|_| spread.map(Option::unwrap)),
        increase: optional("increase"),
        resets: resets.is_valid(row).then(|| resets.value(row)),
    }
}

/// Scrapes as (time, values); absent where a value is `None`.
type Scrapes = Vec<(i64, Vec<Option<f64>>)>;

struct Rig {
    root: tempfile::TempDir,
    archive: Archive,
    layout: Arc<Layout>,
    position: u64,
}

impl Rig {
    fn new(n_series: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        let archive = Archive::open(options(root.path())).unwrap();
        Self {
            root,
            archive,
            layout: layout(n_series),
            position: 0,
        }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn write(&mut self, time: i64, values: &[Option<f64>]) {
        self.position += 100;
        let values = values.iter().map(|value| value.unwrap_or(absent()));
        let batch = MetricBatch::new(self.layout.clone(), UnixMillis(time), values.collect());
        let record = Record::Metrics(Arc::new(batch));
        self.archive.write(Position(self.position), &record);
    }

    fn flush(&mut self) {
        self.archive.flush().unwrap();
    }
}

/// The same from the raw samples, without cleverness. Samples of a series by time.
fn naive(
    series: &BTreeMap<u64, (bool, BTreeMap<i64, f64>)>,
    step: i64,
) -> BTreeMap<(u64, i64), Window> {
    let mut windows = BTreeMap::new();
    for (id, (is_counter, samples)) in series {
        let mut before: Option<(i64, f64)> = None;
        let mut by_window: BTreeMap<i64, Vec<(f64, f64, bool)>> = BTreeMap::new();
        for (&time, &value) in samples {
            // The day before is as far as it looks back.
            let last = before.filter(|(last, _)| time / DAY - last / DAY <= 1);
            let (increase, is_reset) = match last {
                Some((_, last)) if value >= last => (value - last, false),
                Some(_) => (value, true),
                None => (0.0, false),
            };
            let window = by_window.entry(time - time % step).or_default();
            window.push((value, increase, is_reset));
            before = Some((time, value));
        }
        for (start, samples) in by_window {
            windows.insert((*id, start), naive_window(*is_counter, &samples));
        }
    }
    windows
}

fn naive_window(is_counter: bool, samples: &[(f64, f64, bool)]) -> Window {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.0).collect();
    let ends = [sorted[0], *sorted.last().unwrap()];
    sorted.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let is_enough = |idx: &usize| (*idx + 1) as f64 >= q * sorted.len() as f64 - 1e-9;
        sorted[(0..sorted.len()).find(is_enough).unwrap()]
    };
    let sum = samples.iter().map(|sample| sample.0).sum();
    let spread = [
        sorted[0],
        *sorted.last().unwrap(),
        sum,
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
    ];
    Window {
        count: samples.len() as i64,
        ends,
        spread: (!is_counter).then_some(spread),
        increase: is_counter.then(|| samples.iter().map(|sample| sample.1).sum()),
        resets: is_counter.then(|| samples.iter().filter(|sample| sample.2).count() as i32),
    }
}

/// Raw samples by series, and whether it is a counter.
fn raw(rig: &Rig, scrapes: &Scrapes) -> BTreeMap<u64, (bool, BTreeMap<i64, f64>)> {
    let mut raw = BTreeMap::new();
    for (time, values) in scrapes {
        for (series, value) in rig.layout.series.iter().zip(values) {
            if let Some(value) = value {
                let is_counter = series.family_idx == 0;
                let entry = raw
                    .entry(series.id.0)
                    .or_insert((is_counter, BTreeMap::new()));
                // A series has one sample a time: the one that was logged first.
                entry.1.entry(*time).or_insert(*value);
            }
        }
    }
    raw
}

/// Whole numbers, so that sums are the same in any order.
fn scrapes() -> impl Strategy<Value = Scrapes> {
    let time = (0..3 * DAY / 20_000).prop_map(|step| MIDNIGHT + step * 20_000);
    // Most are close to each other, some anywhere (late, or on another day).
    let near = (0..40_i64).prop_map(|step| MIDNIGHT + DAY - 20 * MINUTE + step * MINUTE);
    let value = prop::option::weighted(0.8, (0_i32..50).prop_map(f64::from));
    let values = prop::collection::vec(value, 4);
    prop::collection::vec((prop_oneof![time, near], values), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever was rolled up in between, in the end the windows are those of the raw rows.
    #[test]
    fn windows_are_what_the_raw_samples_say(
        mut scrapes in scrapes(),
        is_in_order in any::<bool>(),
        actions in prop::collection::vec(0_u8..6, 60),
    ) {
        if is_in_order {
            scrapes.sort_by_key(|(time, _)| *time);
        }
        let mut rig = Rig::new(2);
        for ((time, values), action) in scrapes.iter().zip(actions) {
            rig.write(*time, values);
            if action == 0 {
                rig.flush();
            } else if action == 1 {
                rig.flush();
                roll_up(rig.path(), UnixMillis(*time));
            }
        }
        rig.flush();
        // Late rows of a day change the rollups of that day only, and not what the next one, if it
        // was rolled up before, counted from.
        for table in [Table::MetricRollups5m, Table::MetricRollups1h] {
            if !is_in_order {
                let _ = std::fs::remove_dir_all(rig.path().join(table.name()));
            }
        }
        roll_up(rig.path(), LATER);
        let raw = raw(&rig, &scrapes);
        prop_assert_eq!(windows(rig.path(), Table::MetricRollups5m), naive(&raw, 5 * MINUTE));
        prop_assert_eq!(windows(rig.path(), Table::MetricRollups1h), naive(&raw, HOUR));
        prop_assert_eq!(stale(rig.path(), LATER), vec![]);
    }
}

#[test]
fn increases_add_up_over_midnight_and_restarts() {
    let mut rig = Rig::new(1);
    let mut total = 0.0;
    let mut value = 0.0;
    for step in 0..2 * DAY / MINUTE {
        value = if step % 700 == 699 { 3.0 } else { value + 2.0 };
        total += match step {
            0 => 0.0,
            _ if step % 700 == 699 => 3.0,
            _ => 2.0,
        };
        let time = MIDNIGHT + step * MINUTE;
        rig.write(time, &[Some(value), None]);
        if step % 240 == 239 {
            rig.flush();
            roll_up(rig.path(), UnixMillis(time));
        }
    }
    rig.flush();
    roll_up(rig.path(), LATER);
    for (table, n_windows) in [
        (Table::MetricRollups5m, 2 * 288),
        (Table::MetricRollups1h, 48),
    ] {
        let windows = windows(rig.path(), table);
        let increases: f64 = windows.values().filter_map(|window| window.increase).sum();
        assert_eq!((windows.len(), increases), (n_windows, total), "{table:?}");
    }
}

#[test]
fn a_window_is_written_when_rows_of_the_next_are_there() {
    let mut rig = Rig::new(1);
    let noon = MIDNIGHT + 12 * HOUR;
    let counts = |rig: &Rig| -> Vec<(i64, i64)> {
        let windows = windows(rig.path(), Table::MetricRollups5m);
        windows
            .iter()
            .map(|((_, time), window)| ((time - noon) / MINUTE, window.count))
            .collect()
    };
    for minute in [0, 4, 5, 9] {
        rig.write(noon + minute * MINUTE, &[Some(1.0), None]);
    }
    rig.flush();
    let now = UnixMillis(noon + 11 * MINUTE);
    assert_eq!(roll_up(rig.path(), now), 1);
    assert_eq!(counts(&rig), [(0, 2)]);
    assert_eq!(roll_up(rig.path(), now), 0, "nothing is new");
    rig.write(noon + 10 * MINUTE, &[Some(1.0), None]);
    rig.flush();
    roll_up(rig.path(), now);
    assert_eq!(counts(&rig), [(0, 2), (5, 2)]);
    assert_eq!(roll_up(rig.path(), LATER), 1, "the day has ended");
    assert_eq!(counts(&rig), [(0, 2), (5, 2), (10, 1)]);
    assert_eq!(windows(rig.path(), Table::MetricRollups1h).len(), 1);
}

#[test]
fn late_rows_are_rolled_up_beside_what_was_made_of_rows_that_are_gone() {
    let mut rig = Rig::new(1);
    rig.write(MIDNIGHT, &[Some(1.0), Some(5.0)]);
    rig.write(MIDNIGHT + MINUTE, &[Some(4.0), Some(6.0)]);
    rig.flush();
    roll_up(rig.path(), LATER);
    std::fs::remove_dir_all(rig.path().join("metric_points")).unwrap();
    assert_eq!(roll_up(rig.path(), LATER), 0);
    rig.write(MIDNIGHT + 2 * HOUR, &[Some(7.0), Some(8.0)]);
    rig.write(MIDNIGHT + 2 * HOUR + MINUTE, &[Some(9.0), Some(8.0)]);
    rig.flush();
    assert_eq!(roll_up(rig.path(), LATER), 1);
    let windows = windows(rig.path(), Table::MetricRollups5m);
    let increases: f64 = windows.values().filter_map(|window| window.increase).sum();
    assert_eq!((windows.len(), increases), (4, 5.0));
    assert_eq!(stale(rig.path(), LATER), vec![]);
}

#[test]
fn what_is_no_number_counts_as_a_sample_only() {
    let mut rig = Rig::new(1);
    let values = [f64::NAN, 2.0, f64::INFINITY, 5.0, f64::NAN];
    for (minute, value) in (0..).zip(values) {
        rig.write(MIDNIGHT + minute * MINUTE, &[Some(value), Some(value)]);
    }
    rig.write(MIDNIGHT + 7 * MINUTE, &[Some(f64::NAN), Some(f64::NAN)]);
    rig.flush();
    roll_up(rig.path(), LATER);
    let windows = windows(rig.path(), Table::MetricRollups5m);
    let of = |series: usize, minute: i64| {
        let id = rig.layout.series[series].id.0;
        windows[&(id, MIDNIGHT + minute * MINUTE)].clone()
    };
    let (counter, gauge) = (of(0, 0), of(1, 0));
    assert_eq!(
        (counter.count, counter.ends, counter.increase),
        (5, [2.0, 5.0], Some(3.0))
    );
    let infinite = f64::INFINITY;
    let spread = [2.0, infinite, infinite, 5.0, infinite, infinite];
    assert_eq!(
        (gauge.count, gauge.ends, gauge.spread),
        (5, [2.0, 5.0], Some(spread))
    );
    let (counter, gauge) = (of(0, 5), of(1, 5));
    assert_eq!((counter.count, counter.increase), (1, Some(0.0)));
    assert!(counter.ends[0].is_nan());
    assert_eq!((gauge.count, gauge.spread), (1, None));
}

#[test]
fn rows_are_sorted_by_name() {
    let mut rig = Rig::new(20);
    rig.write(MIDNIGHT, &[Some(1.0); 40]);
    rig.write(MIDNIGHT + HOUR, &[Some(1.0); 40]);
    rig.flush();
    roll_up(rig.path(), LATER);
    let names = texts(rig.path(), Table::MetricRollups5m, "name");
    assert!(names.is_sorted() && names.len() == 80, "{names:?}");
    let ids: Vec<(u64, i64)> = rows(rig.path(), Table::MetricRollups5m)
        .iter()
        .flat_map(|batch| {
            let ids = batch["series_id"].as_primitive::<Int64Type>().values();
            let times = batch["time"]
                .as_primitive::<TimestampMillisecondType>()
                .values();
            let pairs = ids.iter().zip(times);
            pairs
                .map(|(id, time)| (id.cast_unsigned(), *time))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(ids[..40].is_sorted() && ids[40..].is_sorted());
    let days = files::days(rig.path(), Table::MetricRollups5m).unwrap();
    assert_eq!(days.len(), 1);
}
