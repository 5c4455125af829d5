//! What only shows over weeks: slow drifts, leaks, growth towards a limit, levels that changed and
//! stayed.
//!
//! [`review`] looks at the hourly means of one series and says what it sees; [`Reviews`] remembers
//! what was told, and says what begins and what is over. Neither knows where the past is kept, nor
//! how often it is looked at.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod drift;
mod open;
mod shift;
#[cfg(test)]
mod tests;

use proto::UnixMillis;
use proto::finding::{Rule, Severity};

use crate::catalogue::{Direction, Signal};

pub use open::{Reviewed, Reviews};

/// How far back is looked: four weeks, so that each day of the week was there four times.
/// Milliseconds.
pub const LOOKED_AT: i64 = 28 * DAY;

/// What is known for less than half a day has nothing in it to be seen. Milliseconds.
pub const LEAST_KNOWN: i64 = 12 * HOUR;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The past of one series.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Hourly means with the end of each hour, the oldest first.
    pub hours: &'a [(UnixMillis, f64)],
    /// What the series must not reach.
    pub limit: Option<f64>,
    /// When its process began anew, the earliest first.
    pub restarts: &'a [UnixMillis],
}

/// What is seen in the past of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// [`Rule::Trend`] or [`Rule::Change`].
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// Where it began.
    pub since: UnixMillis,
    /// The level there.
    pub before: f64,
    /// The level now.
    pub now: f64,
    /// One less the probability that it is chance.
    pub score: f64,
    /// In one line.
    pub title: String,
    /// In some sentences.
    pub explanation: String,
}

/// What the past of a series says at `now`. A drift explains the changes of level it is made of, so
/// these are told only where there is none.
pub fn review(signal: &Signal, history: &History<'_>, now: UnixMillis) -> Option<Outlook> {
    let earliest = UnixMillis(now.0.saturating_sub(LOOKED_AT));
    let finite = history.hours.iter().filter(|(_, value)| value.is_finite());
    let hours: Vec<(UnixMillis, f64)> = finite
        .copied()
        .filter(|(time, _)| (earliest..=now).contains(time))
        .collect();
    let history = History {
        hours: &hours,
        ..*history
    };
    drift::drift(signal, &history)
        .or_else(|| drift::rush(signal, &history))
        .or_else(|| shift::shift(signal, &history, now))
}

/// The sign of what is bad; none if either is, or nothing.
fn bad_sign(signal: &Signal) -> Option<f64> {
    match signal.bad {
        Direction::Up => Some(1.0),
        Direction::Down => Some(-1.0),
        Direction::Both | Direction::None => None,
    }
}

/// Time in days, as trends want it.
fn days(time: UnixMillis) -> f64 {
    time.0 as f64 / DAY as f64
}
