//! `profiling`: how much profiling may cost the targets.

use jiff::civil::Time;
use jiff::tz::TimeZone;

/// How much profiling may cost the targets.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfilingBudget {
    /// Largest share of the time that one target may be under a profile that measures for a
    /// while (CPU and the like), 0…1.
    pub max_duty_cycle: f64,
    /// Most profiles that are under way at once, over all targets. At most one per target.
    pub max_concurrent: usize,
    /// When no profile is taken.
    pub quiet_hours: Vec<QuietHours>,
    /// The time zone of `quiet_hours`.
    pub time_zone: TimeZone,
}

/// A part of each day; it goes over midnight if `from` is after `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// The first moment.
    pub from: Time,
    /// The first moment after it.
    pub to: Time,
}

impl QuietHours {
    /// Whether `time` lies in it.
    pub fn contains(&self, time: Time) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }
}
