//! The grid of windows, in UTC.

use proto::UnixMillis;

use super::plan::DayState;
use crate::archive::table::Resolution;

/// Windows of one length, and which of them are complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Length of a window. Milliseconds.
    step: i64,
    /// Windows that end after this are left out.
    limit: i64,
}

impl Grid {
    /// The windows of a rolled-up resolution, in a day whose newest raw row is at `newest`.
    pub(super) fn new(resolution: Resolution, state: DayState, newest: UnixMillis) -> Self {
        let step = match resolution {
            Resolution::Raw | Resolution::FiveMinutes => 5 * 60 * 1000,
            Resolution::OneHour => 60 * 60 * 1000,
        };
        let limit = match state {
            DayState::Open => newest.0,
            DayState::Ended => i64::MAX,
        };
        Self { step, limit }
    }

    /// Start of the window of a time. Milliseconds.
    pub(super) fn start(self, time: i64) -> i64 {
        time.div_euclid(self.step).saturating_mul(self.step)
    }

    /// Where the window that begins at `start` ends. Milliseconds.
    pub(super) fn end(self, start: i64) -> i64 {
        start.saturating_add(self.step)
    }

    /// Whether the window that begins at `start` is complete.
    pub(super) fn is_complete(self, start: i64) -> bool {
        self.end(start) <= self.limit
    }
}
