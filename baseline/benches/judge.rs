//! What a verdict costs: nanoseconds per row.
//!
//! Ten thousand series a minute must stay below 5 % of a core, which is 300 µs a row; the aim is
//! five. Series are visited in turn, as in a collector, so each row finds its state out of the
//! fast caches.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use leadsman_baseline::assess::{self, Assessor};
use leadsman_baseline::catalogue::{Direction, Signal};
use leadsman_baseline::judge::{Judge, Options};
use proto::metrics::{Family, Layout, MetricBatch, Series, SeriesId};
use proto::{Labels, Target, UnixMillis};

const MINUTE_MS: i64 = 60_000;

fn main() {
    divan::main();
}

/// A value of a series with a daily shape and noise, without a random source's cost.
fn value(row: i64, series: usize) -> f64 {
    let noise = (row * 7919 + series as i64 * 104_729).rem_euclid(1009) as f64 / 1009.0;
    let hour = (row / 60).rem_euclid(24) as f64;
    100.0 + 5.0 * (hour - 12.0).abs() + 3.0 * noise
}

#[divan::bench(args = [1, 10_000])]
fn a_row_of_each_series(bencher: Bencher<'_, '_>, n_series: usize) {
    let mut judges = vec![Judge::new(Options::default()); n_series];
    let mut row = 0;
    // Three days of five minutes, so that every part is at work.
    for step in 0..3 * 288 {
        for (series, judge) in judges.iter_mut().enumerate() {
            judge.observe(step * 5 * MINUTE_MS, value(step * 5, series));
        }
        row = step * 5;
    }
    bencher.counter(ItemsCount::new(n_series)).bench_local(|| {
        row += 1;
        for (series, judge) in judges.iter_mut().enumerate() {
            black_box(judge.observe(row * MINUTE_MS, value(row, series)));
        }
    });
}

/// Signals of each target.
const N_SIGNALS: usize = 100;

fn signal(idx: usize) -> Signal {
    Signal {
        title: "S".to_owned(),
        bad: Direction::Up,
        least_change: 1.0,
        ..Signal::blank(format!("s{idx}"), "etcd")
    }
}

/// The layout of the signals of a target.
fn layout(target_idx: usize, signals: &[Signal]) -> Arc<Layout> {
    let instance = format!("{target_idx}:1");
    let target = Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance.as_str())]),
        scheme: "http".to_owned(),
        address: instance,
    });
    let names: Vec<String> = signals.iter().map(Signal::metric_name).collect();
    let series = (0..).zip(&names).map(|(idx, name)| {
        let name = [("__name__", name.as_str())];
        let labels = Labels::from_pairs(target.labels.iter().chain(name));
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx,
        }
    });
    let families = names.iter().map(|name| Family {
        name: name.clone(),
        ..Family::default()
    });
    Arc::new(Layout::new(
        Arc::clone(&target),
        families.collect(),
        series.collect(),
    ))
}

/// All that is done with the signals of a minute: judging, alarms, bands as samples.
#[divan::bench(args = [1, 100])]
fn the_signals_of_each_target(bencher: Bencher<'_, '_>, n_targets: usize) {
    let signals: Vec<Signal> = (0..N_SIGNALS).map(signal).collect();
    let layouts: Vec<_> = (0..n_targets).map(|idx| layout(idx, &signals)).collect();
    let signals = signals.into_iter().map(Arc::new);
    let mut assessor = Assessor::new(signals, assess::Options::default());
    let mut assess = |row: i64| {
        for (target, layout) in layouts.iter().enumerate() {
            let values = (0..N_SIGNALS).map(|idx| value(row, target * N_SIGNALS + idx));
            let time = UnixMillis(row * MINUTE_MS);
            let batch = MetricBatch::new(Arc::clone(layout), time, values.collect());
            black_box(assessor.assess(&batch));
        }
    };
    let mut row = 0;
    for _ in 0..3 * 288 {
        row += 5;
        assess(row);
    }
    let n_series = n_targets * N_SIGNALS;
    bencher.counter(ItemsCount::new(n_series)).bench_local(|| {
        row += 1;
        assess(row);
    });
}
