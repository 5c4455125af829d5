//! What is usual at an hour of the day and at an hour of the week.

use super::constants::{CLIP, DAYS, MIN_VISITS, SPREAD_CLIP, WEEKS};

const HOURS_A_DAY: usize = 24;
const HOURS_A_WEEK: usize = 7 * HOURS_A_DAY;
const HOUR_MS: i64 = 3_600_000;
const UNSEEN: u16 = 0x7fc0; // NaN as a half of an f32

/// Levels by hour of day (UTC) and by hour of week, each learned once when its hour is over, so
/// that it does not matter how many rows an hour has.
///
/// Between the middles of two hours the level is on the line between them.
#[derive(Clone, Debug)]
pub(super) struct Season {
    center: [f32; HOURS_A_DAY],
    spread: [f32; HOURS_A_DAY],
    n_visits: [u8; HOURS_A_DAY],
    /// The upper halves of `f32`: eight bits of precision, which is finer than `Options::smallest_change`.
    week: [u16; HOURS_A_WEEK],
    n_weeks: f32,
    hour: Hour,
}

/// The hour under way.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    /// Hours since the epoch.
    number: i64,
    n_rows: u32,
    /// Sums over its rows: see [`SeasonRow`].
    believed: f64,
    steady: f64,
    deviations: f64,
}

/// What a row tells of its hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeasonRow {
    /// The value, no further from the prediction than can be believed.
    pub(super) believed: f64,
    /// The median of this value and the two before: what is far from the prediction, but stays.
    /// The first visits of an hour learn this, as predictions are poor then.
    pub(super) steady: f64,
    /// How far the believed value is from the prediction.
    pub(super) deviation: f64,
}

/// What the seasons expect at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) by_day: Option<f64>,
    pub(super) by_week: Option<f64>,
    /// The usual deviation at this hour of the day.
    pub(super) spread: Option<f64>,
    /// How much the day's level changes within an hour around here.
    pub(super) day_slope: f64,
    /// The same of the week's.
    pub(super) week_slope: f64,
}

/// Two hours between whose middles a moment lies, and how far it is on the way.
struct Between {
    before: i64,
    share: f64,
}

impl Between {
    fn at(time_ms: i64) -> Self {
        let since_middle = time_ms.saturating_sub(HOUR_MS / 2);
        Self {
            before: since_middle.div_euclid(HOUR_MS),
            share: since_middle.rem_euclid(HOUR_MS) as f64 / HOUR_MS as f64,
        }
    }

    fn mix(&self, value: impl Fn(i64) -> Option<f64>) -> Option<f64> {
        match (value(self.before), value(self.before + 1)) {
            (Some(a), Some(b)) => Some(a + self.share * (b - a)),
            (a, b) => a.or(b),
        }
    }

    /// The greatest change from one hour to the next, from an hour before to an hour after.
    fn slope(&self, value: impl Fn(i64) -> Option<f64>) -> f64 {
        (self.before - 1..=self.before + 1)
            .filter_map(|hour| Some((value(hour + 1)? - value(hour)?).abs()))
            .fold(0.0, f64::max)
    }
}

impl Season {
    pub(super) fn new() -> Self {
        Self {
            center: [0.0; HOURS_A_DAY],
            spread: [0.0; HOURS_A_DAY],
            n_visits: [0; HOURS_A_DAY],
            week: [UNSEEN; HOURS_A_WEEK],
            n_weeks: 0.0,
            hour: Hour::default(),
        }
    }

    /// What is usual at a time.
    pub(super) fn expected(&self, time_ms: i64) -> Expected {
        let between = Between::at(time_ms);
        let spread = |hour| {
            self.day_center(hour)
                .map(|_| f64::from(self.spread[day_idx(hour)]))
        };
        Expected {
            by_day: between.mix(|hour| self.day_center(hour)),
            by_week: between.mix(|hour| self.week_center(hour)),
            spread: between.mix(spread),
            day_slope: between.slope(|hour| self.day_center(hour)),
            week_slope: between.slope(|hour| self.week_center(hour)),
        }
    }

    /// Learns a row. A spread below `floor` counts as `floor`.
    pub(super) fn learn(&mut self, time_ms: i64, row: SeasonRow, floor: f64) {
        let number = time_ms.div_euclid(HOUR_MS);
        if number != self.hour.number {
            self.close_hour(floor);
            self.hour = Hour {
                number,
                ..Hour::default()
            };
        }
        self.hour.n_rows += 1;
        self.hour.believed += row.believed;
        self.hour.steady += row.steady;
        self.hour.deviations += row.deviation;
    }

    fn close_hour(&mut self, floor: f64) {
        let hour = self.hour;
        if hour.n_rows == 0 {
            return;
        }
        let n = f64::from(hour.n_rows);
        self.learn_day(&hour, n, floor);
        self.learn_week(week_idx(hour.number), hour.steady / n, floor);
        self.n_weeks += 1.0 / HOURS_A_WEEK as f32;
    }

    fn learn_day(&mut self, hour: &Hour, n: f64, floor: f64) {
        let idx = day_idx(hour.number);
        let n_visits = self.n_visits[idx].saturating_add(1);
        self.n_visits[idx] = n_visits;
        let (center, spread) = (f64::from(self.center[idx]), f64::from(self.spread[idx]));
        let rate = (1.0 / DAYS).max(1.0 / f64::from(n_visits));
        let (distance, deviation) = if f64::from(n_visits) <= MIN_VISITS {
            (hour.steady / n - center, hour.deviations / n)
        } else {
            let scale = spread.max(floor);
            let distance = hour.believed / n - center;
            (
                distance.clamp(-CLIP * scale, CLIP * scale),
                (hour.deviations / n).min(SPREAD_CLIP * scale),
            )
        };
        self.center[idx] = (center + rate * distance) as f32;
        self.spread[idx] = (spread + rate * (deviation - spread)) as f32;
    }

    fn learn_week(&mut self, idx: usize, value: f64, floor: f64) {
        let center = f64::from(widen(self.week[idx]));
        let n_weeks = f64::from(self.n_weeks);
        let learned = if center.is_nan() {
            value
        } else if n_weeks < WEEKS {
            center + (value - center) / (n_weeks + 1.0)
        } else {
            let limit = SPREAD_CLIP * f64::from(self.spread[idx % HOURS_A_DAY]).max(floor);
            center + (value - center).clamp(-limit, limit) / WEEKS
        };
        self.week[idx] = narrow(learned as f32);
    }

    fn day_center(&self, hour: i64) -> Option<f64> {
        let idx = day_idx(hour);
        (f64::from(self.n_visits[idx]) >= MIN_VISITS).then(|| f64::from(self.center[idx]))
    }

    fn week_center(&self, hour: i64) -> Option<f64> {
        let center = widen(self.week[week_idx(hour)]);
        (f64::from(self.n_weeks) >= MIN_VISITS && !center.is_nan()).then(|| f64::from(center))
    }
}

fn day_idx(hour: i64) -> usize {
    hour.rem_euclid(HOURS_A_DAY as i64) as usize
}

fn week_idx(hour: i64) -> usize {
    hour.rem_euclid(HOURS_A_WEEK as i64) as usize
}

fn widen(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

fn narrow(value: f32) -> u16 {
    if value.is_nan() {
        return UNSEEN;
    }
    // To the nearest; a carry into the exponent is the next power of two, as it should be.
    (value.to_bits().saturating_add(0x8000) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(value: f64) -> SeasonRow {
        SeasonRow {
            believed: value,
            steady: value,
            deviation: 0.0,
        }
    }

    #[test]
    fn between_the_middles_of_hours_the_level_is_on_the_line() {
        let mut season = Season::new();
        // The hour's number is its value; each hour is learned when the next begins.
        for hour in 0..=3 * 24 {
            season.learn(hour * HOUR_MS, row((hour % 24) as f64), 0.1);
        }
        for (minutes, level) in [(30, 0.0), (60, 0.5), (90, 1.0), (5 * 60 + 45, 5.25)] {
            let expected = season.expected(3 * 24 * HOUR_MS + minutes * 60_000);
            let by_day = expected.by_day.unwrap();
            assert!((by_day - level).abs() < 1e-6, "{by_day} at {minutes}");
            assert_eq!(expected.by_week, None);
        }
        let slope = season.expected(12 * HOUR_MS).day_slope;
        assert!((slope - 1.0).abs() < 1e-6, "{slope}");
    }

    #[test]
    fn an_hour_that_was_visited_once_is_not_believed() {
        let mut season = Season::new();
        for hour in 0..30 {
            season.learn(hour * HOUR_MS, row(1.0), 0.1);
        }
        let at = |hour: i64| season.expected(hour * HOUR_MS + HOUR_MS / 2).by_day;
        assert_eq!((at(2), at(12)), (Some(1.0), None));
    }

    proptest! {
        #[test]
        fn half_a_number_is_within_a_250th(value in any::<f32>()) {
            let half = widen(narrow(value));
            let near = (half - value).abs() <= value.abs() / 250.0 || value.abs() < 1e-37;
            prop_assert!(near || half.is_infinite() || value.is_nan(), "{value}: {half}");
            prop_assert_eq!(half.is_nan(), value.is_nan());
        }
    }
}
