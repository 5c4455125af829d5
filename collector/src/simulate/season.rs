//! How busy a target is: by day, by week, a slow drift, and noise that lasts a while.

use std::f64::consts::TAU;

use proto::UnixMillis;

use super::random::Random;

const MILLIS_A_DAY: i64 = 86_400_000;
/// Busiest hour of the day, UTC.
const PEAK_HOUR: f64 = 14.0;
/// How far the load swings around its mean over a day, as a fraction.
const DAILY_SWING: f64 = 0.5;
/// Load of Saturdays and Sundays, as a fraction of that of other days.
const WEEKEND: f64 = 0.55;
/// How much more there is to do at the end of the whole time than at its beginning.
const GROWTH: f64 = 0.4;
/// Standard deviation of the noise, and how much of it is still there a step later.
const NOISE: f64 = 0.06;
const MEMORY: f64 = 0.8;

/// The load of one target over time: 1 on the mean of a working day at the beginning.
#[derive(Clone, Debug)]
pub(super) struct Load {
    from: UnixMillis,
    until: UnixMillis,
    noise: f64,
}

impl Load {
    /// For a stretch of time.
    pub(super) fn new(from: UnixMillis, until: UnixMillis) -> Self {
        Self {
            from,
            until,
            noise: 0.0,
        }
    }

    /// The load at a time; moves the noise on.
    pub(super) fn at(&mut self, time: UnixMillis, random: &mut Random) -> f64 {
        self.noise = MEMORY * self.noise + NOISE * (1.0 - MEMORY * MEMORY).sqrt() * random.noise();
        let whole = (self.until.0 - self.from.0).max(1) as f64;
        let growth = 1.0 + GROWTH * (time.0 - self.from.0) as f64 / whole;
        season(time) * growth * (1.0 + self.noise)
    }
}

/// The part of the load that the calendar says.
pub(super) fn season(time: UnixMillis) -> f64 {
    let hour = time.0.rem_euclid(MILLIS_A_DAY) as f64 / 3_600_000.0;
    let daily = 1.0 + DAILY_SWING * (TAU * (hour - PEAK_HOUR) / 24.0).cos();
    // 1970-01-01 was a Thursday.
    let weekday = (time.0.div_euclid(MILLIS_A_DAY) + 3).rem_euclid(7);
    daily * if weekday >= 5 { WEEKEND } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> f64 {
        let time: jiff::Timestamp = text.parse().unwrap();
        season(UnixMillis(time.as_millisecond()))
    }

    #[test]
    fn days_have_a_peak_and_weekends_are_quiet() {
        let (peak, night) = (at("2026-11-25T14:00:00Z"), at("2026-11-25T03:00:00Z"));
        assert!((peak - 1.5).abs() < 1e-9 && night < 0.6, "{peak} {night}");
        let saturday = at("2026-11-28T14:00:00Z");
        assert!((saturday - 1.5 * WEEKEND).abs() < 1e-9, "{saturday}");
        assert_eq!(at("2026-11-30T14:00:00Z"), peak, "a Monday");
    }
}
