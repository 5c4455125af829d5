//! How much time a row stands for.

const MAX_STEP_MS: f64 = 3_600_000.0;
const MS_A_DAY: f64 = 86_400_000.0;
/// Rows in a row that must be spaced differently until the interval counts as changed.
const N_TO_CHANGE: u8 = 8;

/// Follows the times of rows, and knows their usual interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    last_ms: i64,
    interval_ms: f32,
    /// Rows in a row that came much later (positive) or sooner (negative) than usual.
    n_different: i8,
    days: f32,
    n_rows: u32,
}

/// What a row's time says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tick {
    /// The part of a day for which the row stands.
    pub(super) days: f64,
    /// Rows that would have come since the last one, this one included.
    pub(super) n_rows: f64,
    pub(super) kind: TickKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TickKind {
    Usual,
    /// The same time as the row before: it says nothing of how time passes.
    Again,
    /// From here on rows come at another interval.
    NewInterval,
}

impl Clock {
    /// Takes the next row's time. Time that goes back (a clock that was set) is taken as the start
    /// of the time that now counts: the row stands for a usual interval.
    pub(super) fn tick(&mut self, time_ms: i64) -> Tick {
        let first = self.n_rows == 0;
        let step = time_ms.saturating_sub(self.last_ms) as f64;
        if !first && step == 0.0 {
            let (days, n_rows, kind) = (0.0, 1.0, TickKind::Again);
            return Tick { days, n_rows, kind };
        }
        self.last_ms = time_ms;
        self.n_rows = self.n_rows.saturating_add(1);
        let usual = f64::from(self.interval_ms);
        if first || step < 0.0 {
            return self.passed(usual, 1.0, TickKind::Usual);
        }
        let kind = self.follow(step);
        let n_rows = step / f64::from(self.interval_ms);
        self.passed(step.min(MAX_STEP_MS.max(usual)), n_rows.max(1.0), kind)
    }

    /// Rows seen.
    pub(super) fn n_rows(&self) -> u32 {
        self.n_rows
    }

    /// Days that rows stood for: gaps do not count.
    pub(super) fn days(&self) -> f64 {
        f64::from(self.days)
    }

    fn passed(&mut self, step_ms: f64, n_rows: f64, kind: TickKind) -> Tick {
        let days = step_ms / MS_A_DAY;
        self.days += days as f32;
        Tick { days, n_rows, kind }
    }

    fn follow(&mut self, step: f64) -> TickKind {
        let usual = f64::from(self.interval_ms);
        if usual == 0.0 {
            self.interval_ms = step as f32;
            return TickKind::Usual;
        }
        self.n_different = if step > 1.5 * usual {
            self.n_different.max(0) + 1
        } else if step * 1.5 < usual {
            self.n_different.min(0) - 1
        } else {
            self.interval_ms += 0.05 * (step - usual) as f32;
            0
        };
        if self.n_different.unsigned_abs() < N_TO_CHANGE {
            return TickKind::Usual;
        }
        self.interval_ms = step as f32;
        self.n_different = 0;
        TickKind::NewInterval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// The ticks of rows at these minutes.
    fn ticks(minutes: impl IntoIterator<Item = i64>) -> Vec<Tick> {
        let mut clock = Clock::default();
        let times = minutes.into_iter().map(|minute| minute * MINUTE);
        times.map(|time_ms| clock.tick(time_ms)).collect()
    }

    #[test]
    fn a_row_stands_for_the_time_since_the_last_but_not_for_a_gap() {
        let ticks = ticks([0, 1, 2, 62, 1502]);
        let minutes: Vec<f64> = ticks.iter().map(|tick| tick.days * 1440.0).collect();
        for (found, expected) in minutes.iter().zip([0.0, 1.0, 1.0, 60.0, 60.0]) {
            assert!((found - expected).abs() < 1e-6, "{minutes:?}");
        }
        assert!((ticks[3].n_rows - 60.0).abs() < 1e-3, "{:?}", ticks[3]);
    }

    #[test]
    fn time_that_stands_still_or_goes_back_is_told_apart() {
        let ticks = ticks([10, 11, 11, 5, 6]);
        let kinds: Vec<TickKind> = ticks.iter().map(|tick| tick.kind).collect();
        assert_eq!(kinds[2], TickKind::Again);
        assert!(kinds[3] == TickKind::Usual && kinds[4] == TickKind::Usual);
        assert!(
            (ticks[3].days * 1440.0 - 1.0).abs() < 1e-6,
            "{:?}",
            ticks[3]
        );
    }

    #[test]
    fn another_interval_is_noticed_once_and_single_gaps_are_not() {
        let fives = (0..50).map(|row| row * 5);
        let n_new = |minutes: Vec<i64>| {
            let ticks = ticks(minutes);
            ticks
                .iter()
                .filter(|tick| tick.kind == TickKind::NewInterval)
                .count()
        };
        assert_eq!(n_new(fives.clone().chain(246..300).collect()), 1);
        assert_eq!(
            n_new(fives.clone().filter(|minute| minute % 35 != 0).collect()),
            0
        );
        assert_eq!(
            n_new(fives.chain((1..20).map(|hour| 245 + hour * 60)).collect()),
            1
        );
    }
}
