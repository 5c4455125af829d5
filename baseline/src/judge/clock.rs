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
        self.last_ms = time_ms;
        self.n_rows = self.n_rows.saturating_add(1);
        let usual = f64::from(self.interval_ms);
        if first || (step <= 0.0 && usual == 0.0) {
            return self.passed(0.0, 1.0, TickKind::Usual);
        }
        if step <= 0.0 {
            let kind = if step == 0.0 {
                TickKind::Again
            } else {
                TickKind::Usual
            };
            return self.passed(usual, 1.0, kind);
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
