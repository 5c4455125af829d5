use super::*;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// 2026-03-02, a Monday.
const START_MS: i64 = 1_772_409_600_000;

/// Noise of mean 0 and standard deviation 1, the same in every run.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Feeds `value(row)` for `days` at a step, and returns the time after the last.
fn feed(
    judge: &mut Judge,
    start_ms: i64,
    step_ms: i64,
    days: i64,
    mut value: impl FnMut(i64) -> f64,
) -> (i64, f64) {
    let mut highest = 0.0_f64;
    for row in 0..days * DAY_MS / step_ms {
        let time_ms = start_ms + row * step_ms;
        highest = highest.max(judge.observe(time_ms, value(time_ms)).score);
    }
    (start_ms + days * DAY_MS, highest)
}

fn daily(time_ms: i64) -> f64 {
    let angle = time_ms.rem_euclid(DAY_MS) as f64 / DAY_MS as f64 * std::f64::consts::TAU;
    100.0 + 40.0 * angle.sin()
}

fn judge() -> Judge {
    Judge::new(Options::default())
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
    let mut noise = Noise(1);
    let mut judge = judge();
    let (end, _) = feed(&mut judge, START_MS, 5 * MINUTE_MS, 10, |t| {
        daily(t) + noise.normal()
    });
    let (end, highest) = feed(&mut judge, end, 5 * MINUTE_MS, 3, |t| {
        daily(t) + noise.normal()
    });
    assert!(highest < 0.5, "{highest}");
    // The value of midnight at six in the morning.
    let verdict = judge.observe(end + DAY_MS / 4, 100.0);
    assert!(verdict.score > 0.5, "{verdict:?}");
    assert!((verdict.expected - 140.0).abs() < 5.0, "{verdict:?}");
    assert!(
        verdict.lower > 100.0 && verdict.upper > 140.0,
        "{verdict:?}"
    );
}

#[test]
fn what_is_no_number_is_neither_judged_nor_learned() {
    let mut with = judge();
    let mut without = judge();
    let mut noise = Noise(2);
    for row in 0..5000 {
        let time_ms = START_MS + row * MINUTE_MS;
        let value = 10.0 + noise.normal();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let verdict = with.observe(time_ms + 1, bad);
            assert_eq!(verdict.score, 0.0);
        }
        let (a, b) = (
            with.observe(time_ms, value),
            without.observe(time_ms, value),
        );
        assert_eq!(a.score.to_bits(), b.score.to_bits());
    }
}
