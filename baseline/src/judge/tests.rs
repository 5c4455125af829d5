//! What becomes of a judge in the situations that signals get into.

use proptest::prelude::*;

use super::*;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 2026-03-02, a Monday.
const START_MS: i64 = 1_772_409_600_000;
/// From here on a score is worth somebody's attention.
const FINDING: f64 = 0.7;
/// What a change that nobody would miss must reach.
const FOUND: f64 = 0.6;

/// Noise of mean 0 and standard deviation 1, the same in every run.
#[derive(Clone)]
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A judge and the time of its next row.
#[derive(Clone)]
struct Court {
    judge: Judge,
    time_ms: i64,
    step_ms: i64,
    noise: Noise,
}

impl Court {
    fn every(step_ms: i64) -> Self {
        Self {
            judge: Judge::new(Options::default()),
            time_ms: START_MS,
            step_ms,
            noise: Noise(0x5eed),
        }
    }

    /// Observes one value; time goes on.
    fn row(&mut self, value: f64) -> Verdict {
        let verdict = self.judge.observe(self.time_ms, value);
        self.time_ms += self.step_ms;
        verdict
    }

    /// Observes what `value` makes of time and noise for a while; the highest score.
    fn feed(&mut self, span_ms: i64, value: impl Fn(i64, &mut Noise) -> f64) -> f64 {
        let end_ms = self.time_ms + span_ms;
        let mut highest = 0.0_f64;
        while self.time_ms < end_ms {
            let value = value(self.time_ms, &mut self.noise);
            highest = highest.max(self.row(value).score);
        }
        highest
    }
}

/// A day with a peak at six, UTC.
fn daily(time_ms: i64) -> f64 {
    let angle = time_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64 * std::f64::consts::TAU;
    100.0 + 40.0 * angle.sin()
}

fn noisy(_: i64, noise: &mut Noise) -> f64 {
    100.0 + 3.0 * noise.normal()
}

#[test]
fn the_state_of_a_series_is_less_than_a_kilobyte() {
    // What owns memory elsewhere would have to be dropped.
    assert!(!std::mem::needs_drop::<Judge>());
    let size = size_of::<Judge>();
    assert!(size < 1000, "{size} bytes");
}

#[test]
fn a_season_is_expected_and_its_absence_is_not() {
    let mut court = Court::every(5 * MINUTE_MS);
    court.feed(10 * DAY_MS, |t, noise| daily(t) + noise.normal());
    let highest = court.feed(4 * DAY_MS, |t, noise| daily(t) + noise.normal());
    assert!(highest < 0.6, "{highest}");
    court.feed(6 * HOUR_MS, |t, noise| daily(t) + noise.normal());
    // The value of midnight at six in the morning.
    let verdict = court.row(100.0);
    assert!(verdict.score > FOUND, "{verdict:?}");
    assert!((verdict.expected - 140.0).abs() < 5.0, "{verdict:?}");
    assert!(
        verdict.lower > 100.0 && verdict.upper > 140.0,
        "{verdict:?}"
    );
}

#[test]
fn a_weekend_is_expected_after_weeks() {
    let week = |t: i64, noise: &mut Noise| {
        let works = t.div_euclid(DAY_MS).wrapping_sub(4).rem_euclid(7) < 5;
        4.0 * noise.normal() + if works { 100.0 } else { 40.0 }
    };
    let mut court = Court::every(10 * MINUTE_MS);
    court.feed(70 * DAY_MS, week);
    let highest = court.feed(14 * DAY_MS + 6 * HOUR_MS, week);
    assert!(highest < FINDING, "{highest}");
    // A Monday like a Sunday.
    let verdict = court.row(40.0);
    assert!((verdict.expected - 100.0).abs() < 5.0, "{verdict:?}");
    assert!(verdict.score >= 0.5, "{verdict:?}");
}

#[test]
fn the_band_holds_nearly_all_values_and_is_not_wide() {
    let mut court = Court::every(MINUTE_MS);
    court.feed(7 * DAY_MS, noisy);
    let mut n_outside = 0;
    for _ in 0..10_000 {
        let value = 100.0 + 3.0 * court.noise.normal();
        let verdict = court.row(value);
        n_outside += i32::from(value < verdict.lower || value > verdict.upper);
        assert!(verdict.upper - verdict.lower < 12.0 * 3.0, "{verdict:?}");
    }
    assert!(n_outside <= 10, "{n_outside} of 10,000");
}

#[test]
fn a_step_is_found_once_and_accepted_within_days() {
    let mut court = Court::every(5 * MINUTE_MS);
    court.feed(14 * DAY_MS, noisy);
    let stepped = |_: i64, noise: &mut Noise| 130.0 + 3.0 * noise.normal();
    let found = court.feed(HOUR_MS, stepped);
    assert!(found > FOUND, "{found}");
    let verdict = court.row(130.0);
    assert!(
        (0.15..0.5).contains(&verdict.score),
        "still there: {verdict:?}"
    );
    court.feed(10 * DAY_MS, stepped);
    let verdict = court.row(130.0);
    assert!((verdict.expected - 130.0).abs() < 5.0, "{verdict:?}");
}

#[test]
fn a_nightly_job_is_usual_at_its_hour_and_at_no_other() {
    let nightly = |t: i64, noise: &mut Noise| {
        let (day, minute) = (t.div_euclid(DAY_MS), t.rem_euclid(DAY_MS) / MINUTE_MS);
        let begins = 180 + 10 * (day * 7).rem_euclid(5);
        let runs = (begins..begins + 10).contains(&minute);
        100.0 + 3.0 * noise.normal() + if runs { 200.0 } else { 0.0 }
    };
    let mut court = Court::every(5 * MINUTE_MS);
    let first = court.feed(3 * DAY_MS, nightly);
    assert!(first >= 0.5, "{first}");
    court.feed(11 * DAY_MS, nightly);
    let highest = court.feed(14 * DAY_MS, nightly);
    println!("NIGHT {highest}");
    assert!(highest < FOUND, "{highest}");
    court.feed(3 * HOUR_MS + 30 * MINUTE_MS, noisy);
    let within = court.clone().row(300.0);
    assert!(within.upper > 280.0, "{within:?}");
    court.feed(9 * HOUR_MS, noisy);
    let noon = court.row(300.0);
    assert!(noon.score > FOUND && noon.upper < 200.0, "{noon:?}");
}

#[test]
fn what_rises_for_hours_gets_out_of_the_band() {
    let mut court = Court::every(MINUTE_MS);
    court.feed(14 * DAY_MS, noisy);
    let before = court.row(100.0);
    let from_ms = court.time_ms;
    court.feed(6 * HOUR_MS, |t, noise| {
        let risen = (t - from_ms) as f64 / (6 * HOUR_MS) as f64;
        100.0 + 30.0 * risen + 3.0 * noise.normal()
    });
    let after = court.row(130.0);
    assert!(after.upper < 125.0, "{before:?} {after:?}");
    assert!(after.expected < 105.0, "{before:?} {after:?}");
}

#[test]
fn an_outage_is_not_learned() {
    let mut court = Court::every(MINUTE_MS);
    court.feed(14 * DAY_MS, |t, noise| daily(t) + noise.normal());
    let before = court.row(daily(court.time_ms));
    let found = court.feed(3 * HOUR_MS, |_, _| 0.0);
    assert!(found > FOUND, "{found}");
    court.feed(21 * HOUR_MS - MINUTE_MS, |t, noise| {
        daily(t) + noise.normal()
    });
    let after = court.row(daily(court.time_ms));
    assert!(
        (after.expected - before.expected).abs() < 3.0,
        "{before:?} {after:?}"
    );
}

#[test]
fn standing_still_is_found_in_what_always_moved() {
    // Not always: noise may have begun an event in the day before, which covers what is no stronger.
    let found = |seed: &u64| {
        let mut court = Court {
            noise: Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            ..Court::every(5 * MINUTE_MS)
        };
        court.feed(14 * DAY_MS, noisy);
        court.feed(6 * HOUR_MS, |_, _| 100.0) >= 0.5
    };
    let n_found = (1..=20).filter(found).count();
    assert!(n_found >= 15, "{n_found} of 20");
}

#[test]
fn more_scatter_is_found() {
    let mut court = Court::every(MINUTE_MS);
    court.feed(14 * DAY_MS, noisy);
    let found = court.feed(6 * HOUR_MS, |_, noise| 100.0 + 15.0 * noise.normal());
    assert!(found > FOUND, "{found}");
}

#[test]
fn another_frequency_is_found() {
    let wave = |hours: i64| {
        move |t: i64, noise: &mut Noise| {
            let phase = t.rem_euclid(hours * HOUR_MS) as f64 / (hours * HOUR_MS) as f64;
            100.0 + 40.0 * (phase * std::f64::consts::TAU).sin() + 2.0 * noise.normal()
        }
    };
    let mut court = Court::every(5 * MINUTE_MS);
    court.feed(21 * DAY_MS, wave(24));
    let found = court.feed(DAY_MS, wave(4));
    assert!(found >= 0.5, "{found}");
}

#[test]
fn a_constant_that_changes_after_months_is_found() {
    for constant in [45.0, 0.0, -1e9] {
        let mut court = Court::every(HOUR_MS);
        let highest = court.feed(90 * DAY_MS, |_, _| constant);
        assert!(highest < 0.5, "{highest} at {constant}");
        // What is smaller than can matter is not.
        let verdict = court.row(constant * 1.01);
        assert!(verdict.score < 0.5, "{verdict:?}");
        let verdict = court.row(constant * 1.5 + 1.0);
        assert!(verdict.score > FOUND, "{verdict:?}");
    }
}

#[test]
fn the_first_hours_say_little() {
    let mut court = Court::every(MINUTE_MS);
    court.feed(4 * HOUR_MS, noisy);
    let early = court.row(160.0);
    court.feed(5 * DAY_MS, noisy);
    let late = court.row(160.0);
    assert!(early.score < 0.5, "{early:?}");
    assert!(late.score > FOUND, "{late:?}");
    assert!(early.upper - early.lower > 2.0 * (late.upper - late.lower));
}

#[test]
fn what_is_no_number_is_neither_judged_nor_learned() {
    let (mut with, mut without) = (Court::every(MINUTE_MS), Court::every(MINUTE_MS));
    for _ in 0..5000 {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(with.judge.observe(with.time_ms + 1, bad).score, 0.0);
        }
        let value = 10.0 + without.noise.normal();
        assert_eq!(with.row(value).score, without.row(value).score);
    }
}

#[test]
fn a_row_that_comes_again_is_judged_and_not_learned() {
    let (mut twice, mut once) = (Court::every(MINUTE_MS), Court::every(MINUTE_MS));
    for _ in 0..5000 {
        let value = 10.0 + once.noise.normal();
        once.row(value);
        twice.row(value);
    }
    let time_ms = once.time_ms - MINUTE_MS;
    for _ in 0..1000 {
        assert!(twice.judge.observe(time_ms, 10.0).score < 0.5);
        assert!(twice.judge.observe(time_ms, 50.0).score > FOUND);
    }
    assert_eq!(twice.row(11.0), once.row(11.0));
}

#[test]
fn a_clock_that_is_set_back_or_forward_does_no_harm() {
    for step_ms in [-HOUR_MS, -30 * DAY_MS, 2 * HOUR_MS, 365 * DAY_MS] {
        let mut court = Court::every(MINUTE_MS);
        court.feed(14 * DAY_MS, noisy);
        court.time_ms += step_ms;
        let highest = court.feed(7 * DAY_MS, noisy);
        assert!(highest < FINDING, "{highest} after {step_ms}");
        let verdict = court.row(160.0);
        assert!(verdict.score > FOUND, "{verdict:?} after {step_ms}");
    }
}

#[test]
fn a_gap_of_weeks_is_no_finding() {
    let mut court = Court::every(MINUTE_MS);
    court.feed(14 * DAY_MS, |t, noise| daily(t) + noise.normal());
    court.time_ms += 20 * DAY_MS + 7 * HOUR_MS;
    let highest = court.feed(3 * DAY_MS, |t, noise| daily(t) + noise.normal());
    assert!(highest < FINDING, "{highest}");
}

#[test]
fn daylight_saving_is_no_finding() {
    let mut court = Court::every(5 * MINUTE_MS);
    court.feed(28 * DAY_MS, |t, noise| daily(t) + 2.0 * noise.normal());
    for shift_ms in [HOUR_MS, 0] {
        let shifted = |t: i64, noise: &mut Noise| daily(t + shift_ms) + 2.0 * noise.normal();
        let highest = court.feed(21 * DAY_MS, shifted);
        assert!(highest < FINDING, "{highest}");
    }
}

#[test]
fn rows_may_come_at_another_interval() {
    // Means of an hour or of five minutes scatter less than minutes: the archive, then the present.
    for (first_ms, n_minutes) in [(HOUR_MS, 60.0_f64), (5 * MINUTE_MS, 5.0)] {
        let mut court = Court::every(first_ms);
        let mean = |t: i64, noise: &mut Noise| daily(t) + 4.0 / n_minutes.sqrt() * noise.normal();
        court.feed(28 * DAY_MS, mean);
        court.step_ms = MINUTE_MS;
        let highest = court.feed(7 * DAY_MS, |t, noise| daily(t) + 4.0 * noise.normal());
        assert!(highest < FINDING, "{highest} after {n_minutes}");
        let verdict = court.row(daily(court.time_ms) + 60.0);
        assert!(verdict.score > FOUND, "{verdict:?} after {n_minutes}");
    }
}

#[test]
fn rows_years_apart_are_borne() {
    let mut court = Court::every(400 * DAY_MS);
    for row in 0..200 {
        let verdict = court.row(if row % 7 == 6 { 1e30 } else { 1e20 });
        assert!(
            row == 0 || verdict.lower < verdict.upper,
            "{row}: {verdict:?}"
        );
    }
}

#[test]
fn rows_at_irregular_times_are_judged_like_others() {
    let mut court = Court::every(MINUTE_MS);
    for row in 0..20_000_i64 {
        court.time_ms += (row * 7919).rem_euclid(600) * 1000;
        let value = daily(court.time_ms) + court.noise.normal();
        let verdict = court.row(value);
        assert!(row < 3000 || verdict.score < FINDING, "{row}: {verdict:?}");
    }
    let verdict = court.row(daily(court.time_ms) + 60.0);
    assert!(verdict.score > FOUND, "{verdict:?}");
}

#[test]
fn a_reset_to_nothing_and_a_growth_by_orders_of_magnitude_are_followed() {
    let mut court = Court::every(5 * MINUTE_MS);
    for scale in [1.0, 1e3, 1.0] {
        court.feed(30 * DAY_MS, |_, noise| {
            scale * (100.0 + 3.0 * noise.normal())
        });
        let verdict = court.row(scale * 100.0);
        let error = (verdict.expected / scale - 100.0).abs();
        assert!(error < 10.0, "{verdict:?} at {scale}");
    }
}

proptest! {
    #[test]
    fn no_rows_make_a_verdict_that_is_none(
        rows in prop::collection::vec((any::<i64>(), any::<f64>(), 0_u8..4), 1..200)
    ) {
        let mut judge = Judge::new(Options::default());
        let mut time_ms = 0_i64;
        for (row, (time, value, kind)) in rows.into_iter().enumerate() {
            time_ms = match kind {
                0 => time,
                1 => time_ms,
                _ => time_ms.wrapping_add(time.rem_euclid(HOUR_MS)),
            };
            let verdict = judge.observe(time_ms, value);
            prop_assert!((0.0..=1.0).contains(&verdict.score), "{verdict:?}");
            let ordered = verdict.lower <= verdict.expected && verdict.expected <= verdict.upper;
            prop_assert!(ordered || verdict.expected.is_nan(), "{row}: {verdict:?}");
        }
    }

    #[test]
    fn the_unit_of_a_series_hardly_matters(exponent in -3_i32..9, seed in 1_u64..1000) {
        let unit = 10_f64.powi(exponent);
        let (mut one, mut other) = (Court::every(5 * MINUTE_MS), Court::every(5 * MINUTE_MS));
        let mut noise = Noise(seed);
        for row in 0..2000 {
            let value = 50.0 + 10.0 * noise.normal() + if row % 500 == 499 { 100.0 } else { 0.0 };
            let (a, b) = (one.row(value).score, other.row(value * unit).score);
            prop_assert!((a - b).abs() < 0.1, "{row}: {a} and {b}");
        }
    }
}
