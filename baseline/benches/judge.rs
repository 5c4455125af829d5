//! What a verdict costs: nanoseconds per row.
//!
//! Ten thousand series a minute must stay below 5 % of a core, which is 300 µs a row; the aim is
//! five. Series are visited in turn, as in a collector, so each row finds its state out of the
//! fast caches.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use leadsman_baseline::judge::{Judge, Options};

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
