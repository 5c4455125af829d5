//! What comes at the same hour day after day: backups, rotations, nightly jobs.

use super::constants::HABIT_LARGEST;

const HOURS_A_DAY: usize = 24;
const HOUR_MS: i64 = 3_600_000;
/// Steps of a distance's logarithm in an [`i8`]: each is 6 %.
const STEPS: f32 = 18.0;

/// How far values were out of the band at each hour of the last two days (UTC), in scales and with
/// the sign of the deviation.
///
/// An hour's mean and spread hardly know of a job of some minutes. What was out of the band on both
/// days around an hour is usual there, as far as it was on the lesser of them; an hour sooner or
/// later is the same to it. An hour is learned when the next one is over, so that a change is not
/// excused by what it was an hour before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    /// By hour of day, as [`narrow`] has it: when it was last, and the day before that.
    days: [[i8; HOURS_A_DAY]; 2],
    /// The hour under way, since the epoch.
    hour: i64,
    /// The furthest out of the band in that hour, and in the one before.
    furthest: [f32; 2],
}

impl Habits {
    /// How far values are usually out of the band around this time: below it and above it.
    pub(super) fn around(&self, time_ms: i64) -> [f64; 2] {
        let hour = time_ms.div_euclid(HOUR_MS);
        let [last, before] = &self.days;
        let (last, before) = (furthest(last, hour), furthest(before, hour));
        [0, 1].map(|side| widen(last[side].min(before[side])))
    }

    /// Learns how far a value is out of the band; 0 is within.
    pub(super) fn learn(&mut self, time_ms: i64, beyond: f64) {
        let hour = time_ms.div_euclid(HOUR_MS);
        if hour != self.hour {
            self.close_hour(hour);
        }
        let beyond = beyond.clamp(-HABIT_LARGEST, HABIT_LARGEST) as f32;
        if beyond.abs() > self.furthest[0].abs() {
            self.furthest[0] = beyond;
        }
    }

    fn close_hour(&mut self, next: i64) {
        let idx = hour_idx(self.hour.saturating_sub(1));
        let [last, before] = &mut self.days;
        before[idx] = last[idx];
        last[idx] = narrow(self.furthest[1]);
        self.furthest = [0.0, self.furthest[0]];
        self.hour = next;
    }
}

/// The furthest below and above of a day, from an hour before to an hour after.
fn furthest(day: &[i8; HOURS_A_DAY], hour: i64) -> [i8; 2] {
    let near = (-1..=1).map(|hours| day[hour_idx(hour.saturating_add(hours))]);
    near.fold([0, 0], |[below, above]: [i8; 2], beyond| {
        [below.max(beyond.saturating_neg()), above.max(beyond)]
    })
}

/// A distance up to [`HABIT_LARGEST`] as its logarithm, with its sign. Small ones are 0.
fn narrow(distance: f32) -> i8 {
    (distance.abs().ln_1p() * STEPS).copysign(distance) as i8
}

fn widen(narrow: i8) -> f64 {
    if narrow == 0 {
        return 0.0;
    }
    f64::from(f32::from(narrow) / STEPS).exp_m1()
}

fn hour_idx(hour: i64) -> usize {
    hour.rem_euclid(HOURS_A_DAY as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of a value every ten minutes that is out of the band, by as much as `beyond` says, at a
    /// minute of each day.
    fn learned(n_days: i64, beyond: impl Fn(i64) -> (i64, f64)) -> Habits {
        let mut habits = Habits::default();
        for row in 0..n_days * 144 {
            let (minute, size) = beyond(row / 144);
            let is_there = row % 144 == minute / 10;
            habits.learn(row * 600_000, if is_there { size } else { 0.0 });
        }
        habits
    }

    fn around(habits: &Habits, hour: i64) -> [f64; 2] {
        habits.around(hour * HOUR_MS + HOUR_MS / 2)
    }

    #[test]
    fn what_comes_every_night_is_usual_around_that_hour() {
        let habits = learned(14, |day| (180 + 5 * (day % 3), 40.0));
        for hour in [2, 3, 4] {
            let [below, above] = around(&habits, hour);
            assert!(below == 0.0 && above > 35.0, "{below} {above} at {hour}");
        }
        assert_eq!(around(&habits, 12), [0.0, 0.0]);
    }

    #[test]
    fn what_came_once_or_the_other_way_is_not_usual_and_what_stays_away_is_forgotten() {
        let until = |last| {
            move |day| {
                (
                    180,
                    if (3..=last).contains(&day) {
                        -40.0
                    } else {
                        0.0
                    },
                )
            }
        };
        assert_eq!(around(&learned(5, until(3)), 3), [0.0, 0.0]);
        let [below, above] = around(&learned(5, until(4)), 3);
        assert!(below > 36.0 && above == 0.0, "{below} {above}");
        assert_eq!(around(&learned(7, until(4)), 3), [0.0, 0.0]);
        let in_turn = |day| (180, if day % 2 == 0 { 40.0 } else { -40.0 });
        assert_eq!(around(&learned(6, in_turn), 3), [0.0, 0.0]);
    }

    #[test]
    fn an_hour_is_not_excused_by_the_hours_before_it() {
        let mut habits = Habits::default();
        for minute in 0..300 {
            habits.learn(minute * 60_000, 40.0);
            assert_eq!(habits.around(minute * 60_000), [0.0, 0.0], "{minute}");
        }
    }
}
