//! Changes put into made series: which are found, how soon, and how often there is a finding
//! without one. `cargo test -p leadsman-baseline --test judge_recall -- --nocapture` prints the
//! table.
//!
//! Rows come every five minutes. A judge learns six weeks of a series; each change then gets a
//! copy of that judge and a day to be found in.

use leadsman_baseline::judge::{Judge, Options};

const STEP_MS: i64 = 300_000;
const DAY_MS: i64 = 86_400_000;
const ROWS_A_DAY: i64 = DAY_MS / STEP_MS;
/// 2026-03-02, a Monday.
const START_MS: i64 = 1_772_409_600_000;
/// The score that counts as found, also where nothing happened.
const FOUND: f64 = 0.6;
const URGENT: f64 = 0.7;
const N_SEEDS: u64 = 20;
const SIZES: [f64; 6] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/// Where the rows of a series come from: a level of about 100, and what it does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Independent values, 2 % of scatter.
    White,
    /// The same around a day's wave of 40 %.
    Daily,
    /// The same on workdays only.
    Weekly,
    /// Values that depend on the ones before, 3 % of scatter.
    Wandering,
    /// Scatter with a long tail upwards.
    Skewed,
    /// 1 % of scatter, and a spike to the double about twice a day.
    Spiky,
}

const SHAPES: [Shape; 6] = [
    Shape::White,
    Shape::Daily,
    Shape::Weekly,
    Shape::Wandering,
    Shape::Skewed,
    Shape::Spiky,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// From one row to the next, to stay.
    Step,
    /// Over six hours, to stay.
    Ramp,
    /// For two rows.
    Spike,
}

const CHANGES: [Change; 3] = [Change::Step, Change::Ramp, Change::Spike];

#[derive(Clone)]
struct Source {
    shape: Shape,
    random: u64,
    state: f64,
}

impl Source {
    fn new(shape: Shape, seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            shape,
            random,
            state: 0.0,
        }
    }

    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn value(&mut self, time_ms: i64) -> f64 {
        let day = time_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64;
        let wave = 40.0 * (day * std::f64::consts::TAU).sin();
        // 1970 began on a Thursday.
        let works = (time_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) < 5;
        let noise = self.normal();
        let spike = self.uniform() < 2.0 / ROWS_A_DAY as f64;
        match self.shape {
            Shape::White => 100.0 + 2.0 * noise,
            Shape::Daily => 100.0 + wave + 2.0 * noise,
            Shape::Weekly => 100.0 + if works { wave.max(0.0) } else { 0.0 } + 2.0 * noise,
            Shape::Wandering => {
                self.state = 0.9 * self.state + 1.3 * noise;
                100.0 + self.state
            }
            Shape::Skewed => 90.0 + 10.0 * (0.5 * noise).exp(),
            Shape::Spiky if spike => 200.0 + 20.0 * noise,
            Shape::Spiky => 100.0 + noise,
        }
    }
}

/// A series, its judge and the time of the next row.
#[derive(Clone)]
struct Series {
    source: Source,
    judge: Judge,
    time_ms: i64,
}

impl Series {
    fn learned(shape: Shape, seed: u64) -> Self {
        let mut series = Self {
            source: Source::new(shape, seed),
            judge: Judge::new(Options::default()),
            time_ms: START_MS,
        };
        // An odd hour, so that changes do not begin at midnight.
        for _ in 0..42 * ROWS_A_DAY + 100 {
            series.score(0.0);
        }
        series
    }

    fn score(&mut self, added: f64) -> f64 {
        let value = self.source.value(self.time_ms) + added;
        self.time_ms += STEP_MS;
        self.judge.observe(self.time_ms, value).score
    }

    /// Rows until the change is found, within a day.
    fn rows_until_found(mut self, change: Change, size: f64) -> Option<i64> {
        let size = 100.0 * size;
        (0..ROWS_A_DAY).find(|&row| {
            let added = match change {
                Change::Step => size,
                Change::Ramp => size * (row as f64 / 72.0).min(1.0),
                Change::Spike if row < 2 => size,
                Change::Spike => 0.0,
            };
            let score = self.score(added);
            score >= FOUND && (change != Change::Spike || row < 3)
        })
    }
}

/// Share found, and the median delay of those in minutes.
fn recall(learned: &[Series], change: Change, size: f64) -> (f64, i64) {
    let mut rows: Vec<i64> = learned
        .iter()
        .filter_map(|series| series.clone().rows_until_found(change, size))
        .collect();
    rows.sort_unstable();
    let share = rows.len() as f64 / learned.len() as f64;
    (
        share,
        rows.get(rows.len() / 2)
            .map_or(0, |rows| rows * STEP_MS / 60_000),
    )
}

/// Findings in series to which nothing happens, per series and week: at the score that counts as
/// found, and at one that is worth waking somebody.
fn false_findings(learned: &[Series]) -> [f64; 2] {
    let n_weeks = 4;
    let mut n_found = [0; 2];
    for series in learned {
        let mut series = series.clone();
        for _ in 0..n_weeks * 7 * ROWS_A_DAY {
            let score = series.score(0.0);
            n_found[0] += i64::from(score >= FOUND);
            n_found[1] += i64::from(score >= URGENT);
        }
    }
    n_found.map(|n| n as f64 / (learned.len() as i64 * n_weeks) as f64)
}

#[test]
fn changes_are_found_and_little_else_is() {
    let mut found = [[0.0; SIZES.len()]; CHANGES.len()];
    let mut worst_false = [0.0_f64; 2];
    for shape in SHAPES {
        let learned: Vec<_> = (1..=N_SEEDS)
            .map(|seed| Series::learned(shape, seed))
            .collect();
        let [n_found, n_urgent] = false_findings(&learned);
        println!(
            "{shape:?}: {n_found:.2} findings per series-week without a change, {n_urgent:.2} urgent"
        );
        worst_false[1] = worst_false[1].max(n_urgent);
        // Its spikes are spikes, whatever one calls them.
        if shape != Shape::Spiky {
            worst_false[0] = worst_false[0].max(n_found);
        }
        for (change, found) in CHANGES.into_iter().zip(&mut found) {
            let cells = SIZES.iter().zip(found).map(|(&size, found)| {
                let (share, minutes) = recall(&learned, change, size);
                *found += share / SHAPES.len() as f64;
                format!("{:>4.0} % after {minutes:>3} min", share * 100.0)
            });
            println!("  {change:>5?} {}", cells.collect::<Vec<_>>().join(" |"));
        }
    }
    println!("found of all, by size {SIZES:?}");
    for (change, found) in CHANGES.into_iter().zip(found) {
        println!("  {change:>5?} {found:.2?}");
    }
    check_floors(found, worst_false);
}

/// A little below what is found today: nothing may make it worse unseen.
fn check_floors(found: [[f64; SIZES.len()]; CHANGES.len()], worst_false: [f64; 2]) {
    let [steps, ramps, spikes] = found;
    assert!(
        worst_false[0] <= 1.5,
        "findings without a change: {worst_false:?}"
    );
    assert!(
        worst_false[1] <= 0.05,
        "urgent ones without a change: {worst_false:?}"
    );
    assert!(
        steps[5] >= 0.95 && steps[4] >= 0.9 && steps[3] >= 0.85 && steps[2] >= 0.35,
        "steps: {steps:?}"
    );
    assert!(
        ramps[5] >= 0.95 && ramps[4] >= 0.9 && ramps[3] >= 0.75,
        "ramps: {ramps:?}"
    );
    assert!(spikes[5] >= 0.5, "spikes: {spikes:?}");
}
