//! `profiling`: how much profiling may cost the targets.

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::scalar::{Wrong, integer, list, non_empty, share};
use super::table::Table;
use super::yaml::Node;

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

impl Default for ProfilingBudget {
    fn default() -> Self {
        Self {
            max_duty_cycle: 0.2,
            max_concurrent: 2,
            quiet_hours: Vec::new(),
            time_zone: TimeZone::UTC,
        }
    }
}

impl ProfilingBudget {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            max_duty_cycle: table
                .get("max_duty_cycle", share)
                .unwrap_or(default.max_duty_cycle),
            max_concurrent: table
                .get("max_concurrent", integer(1..=1000))
                .unwrap_or(default.max_concurrent),
            quiet_hours: table
                .get("quiet_hours", list(quiet_hours))
                .unwrap_or_default(),
            time_zone: table
                .get("time_zone", time_zone)
                .unwrap_or(default.time_zone),
        }
    }
}

fn quiet_hours(node: &Node) -> Result<QuietHours, Wrong> {
    let text = non_empty(node)?;
    let (from, to) = text.split_once('-').unwrap_or((&text, ""));
    match (clock_time(from), clock_time(to)) {
        (Some(from), Some(to)) if from != to => Ok(QuietHours { from, to }),
        _ => Err(Wrong::value(node, "HH:MM-HH:MM, such as 22:00-06:00")),
    }
}

/// `HH:MM`.
pub(super) fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// `UTC`, `local`, or a name.
pub(super) fn time_zone(node: &Node) -> Result<TimeZone, Wrong> {
    const ALLOWED: &str = "UTC, local, or a name such as Europe/Berlin";
    match non_empty(node)?.as_str() {
        "UTC" => Ok(TimeZone::UTC),
        "local" => TimeZone::try_system().map_err(|_| Wrong::value(node, ALLOWED)),
        name => TimeZone::get(name).map_err(|_| Wrong::value(node, ALLOWED)),
    }
}
