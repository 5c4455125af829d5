//! Slow growth: over weeks, and in a day towards a limit.

use proto::UnixMillis;
use proto::finding::{Rule, Severity};

use super::{DAY, History, Outlook, bad_sign, days};
use crate::catalogue::{Signal, Unit};
use crate::numbers::median;
use crate::trend::{Trend, daily_medians};

/// Chance of a trend where there is none. One looked at daily for a year is taken for a trend once
/// in three years.
const SIGNIFICANCE: f64 = 0.001;
/// Least growth over all that is seen, as a share of the level at its beginning.
const LEAST_GROWTH: f64 = 0.2;
/// From this growth on it is worth a warning.
const LARGE_GROWTH: f64 = 0.5;
/// A limit that is reached within so many days is worth a warning, whatever the growth.
const NEAR_DAYS: f64 = 30.0;
/// A limit that is reached within so many days is told of growth that is hours old, too.
const RUSH_DAYS: f64 = 3.0;
/// A limit that is reached within so many days has to be looked at now.
const NOW_DAYS: f64 = 1.0;
/// Hours that growth which is hours old is seen in, and the fewest of them.
const RUSH_HOURS: usize = 24;
const LEAST_RUSH_HOURS: usize = 12;
/// What each step between the thirds of a drift has to have of the mean one: a single step is none.
const STEADINESS: f64 = 0.3;
/// A restart that makes a level fall by this share of it gave back what had been gathered: what was
/// before it says nothing of what is gathered now.
const GIVEN_BACK: f64 = 0.1;
/// Hours on both sides of a restart that are compared, and the fewest of them.
const BESIDE_RESTART: usize = 24;
const LEAST_BESIDE_RESTART: usize = 3;

/// Growth over days, if there is any that is steady and matters.
pub(super) fn drift(signal: &Signal, history: &History<'_>) -> Option<Outlook> {
    let sign = bad_sign(signal)?;
    let hours = since_given_back(history, sign);
    // The end of a day's last hour is midnight, which is the next day.
    let points = daily_medians(hours.iter().map(|(time, value)| (time.0 - 1, *value)));
    let trend = Trend::of(&points)?;
    let (first, last) = (points.first()?.0, points.last()?.0);
    let before = trend.last - trend.per_day * (last - first);
    let growth = trend.last - before;
    let least = signal.least_change.max(LEAST_GROWTH * before.abs());
    let is_near = |days: &f64| *days <= NEAR_DAYS;
    let until = history.limit.and_then(|limit| trend.days_until(limit));
    let matters = growth * sign >= least || until.as_ref().is_some_and(is_near);
    if trend.p_dependent > SIGNIFICANCE
        || growth * sign <= 0.0
        || !matters
        || !is_steady(&points, sign)
    {
        return None;
    }
    let is_large = growth.abs() >= LARGE_GROWTH * before.abs();
    let severity = match until.filter(is_near) {
        Some(days) if days <= NOW_DAYS => Severity::Critical,
        Some(_) => Severity::Warning,
        None if is_large && history.limit.is_none() => Severity::Warning,
        None => Severity::Info,
    };
    let since = UnixMillis((first * DAY as f64) as i64);
    let seen = Seen {
        signal,
        trend,
        until,
    };
    Some(seen.outlook(severity, since, before, history.limit))
}

/// Growth of hours that reaches a limit within days.
pub(super) fn rush(signal: &Signal, history: &History<'_>) -> Option<Outlook> {
    let (sign, limit) = (bad_sign(signal)?, history.limit?);
    let hours = since_given_back(history, sign);
    let newest = hours.get(hours.len().saturating_sub(RUSH_HOURS)..)?;
    let points: Vec<_> = newest.iter().map(|(time, v)| (days(*time), *v)).collect();
    let trend = Trend::of(&points).filter(|t| t.n_points >= LEAST_RUSH_HOURS)?;
    let until = trend.days_until(limit).filter(|days| *days <= RUSH_DAYS)?;
    let is_sure = trend.p_dependent <= SIGNIFICANCE && is_steady(&points, sign);
    if !is_sure || trend.per_day * sign <= 0.0 {
        return None;
    }
    let severity = match until <= NOW_DAYS {
        true => Severity::Critical,
        false => Severity::Warning,
    };
    let (since, before) = *newest.first()?;
    let until = Some(until);
    let seen = Seen {
        signal,
        trend,
        until,
    };
    Some(seen.outlook(severity, since, before, Some(limit)))
}

/// The hours since the last restart that gave back what had been gathered.
fn since_given_back<'a>(history: &History<'a>, sign: f64) -> &'a [(UnixMillis, f64)] {
    let level = |hours: &[(UnixMillis, f64)]| {
        let mut values: Vec<f64> = hours.iter().map(|(_, value)| *value).collect();
        (values.len() >= LEAST_BESIDE_RESTART).then(|| median(&mut values))?
    };
    let parts = history.restarts.iter().rev().map(|restart| {
        let place = history.hours.partition_point(|(time, _)| time <= restart);
        history.hours.split_at(place)
    });
    let mut given_back = parts.filter_map(|(before, after)| {
        let old = level(before.get(before.len().saturating_sub(BESIDE_RESTART)..)?)?;
        // The hour of the restart is of both.
        let after = after.get(1..)?;
        let new = level(after.get(..BESIDE_RESTART.min(after.len()))?)?;
        ((old - new) * sign > GIVEN_BACK * old.abs()).then_some(after)
    });
    given_back.next().unwrap_or(history.hours)
}

/// Whether it goes on from third to third: neither a single step nor a walk that turns back.
fn is_steady(points: &[(f64, f64)], sign: f64) -> bool {
    let third = points.len().div_ceil(3).max(1);
    let level = |part: &[(f64, f64)]| {
        let mut values: Vec<f64> = part.iter().map(|(_, value)| *value).collect();
        median(&mut values)
    };
    let levels: Vec<f64> = points.chunks(third).filter_map(level).collect();
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else {
        return false;
    };
    let mean = (last - first) * sign / (levels.len() - 1).max(1) as f64;
    let steps = levels.windows(2).map(|pair| match pair {
        [a, b] => (b - a) * sign,
        _ => 0.0,
    });
    levels.len() == 3 && mean > 0.0 && steps.into_iter().all(|step| step >= STEADINESS * mean)
}

/// A trend and what it leads to.
struct Seen<'a> {
    signal: &'a Signal,
    trend: Trend,
    /// Days until the limit.
    until: Option<f64>,
}

impl Seen<'_> {
    fn outlook(
        &self,
        severity: Severity,
        since: UnixMillis,
        before: f64,
        limit: Option<f64>,
    ) -> Outlook {
        Outlook {
            rule: Rule::Trend,
            severity,
            since,
            before,
            now: self.trend.last,
            score: 1.0 - self.trend.p_dependent,
            title: self.title(limit),
            explanation: self.explanation(before, limit),
        }
    }

    fn title(&self, limit: Option<f64>) -> String {
        let grows = match self.trend.per_day > 0.0 {
            true => "grows",
            false => "falls",
        };
        let title = &self.signal.title;
        let a_day = self.amount(self.trend.per_day.abs());
        match (self.until, limit) {
            (Some(until), Some(limit)) => format!(
                "{title} {grows} by {a_day} a day and reaches its limit of {} in {}",
                self.amount(limit),
                lasting(until)
            ),
            _ => format!("{title} {grows} by {a_day} a day"),
        }
    }

    fn explanation(&self, before: f64, limit: Option<f64>) -> String {
        let trend = &self.trend;
        let [low, high] = [trend.per_day_low, trend.per_day_high].map(|one| self.amount(one));
        let mut text = format!(
            "{} went from {} to {}, steadily: {low} to {high} a day (95 % confidence, of {} values; \
             chance does this with a probability of {:.1e}).",
            self.signal.title,
            self.amount(before),
            self.amount(trend.last),
            trend.n_points,
            trend.p_dependent,
        );
        match (self.until, limit) {
            (Some(until), Some(limit)) => {
                text += &format!(
                    " If it goes on like this, the limit of {} is reached in {}.",
                    self.amount(limit),
                    lasting(until)
                );
            }
            _ if trend.last != 0.0 => {
                let doubled = (trend.last / trend.per_day).abs();
                if trend.per_day * trend.last > 0.0 {
                    text += &format!(" At this rate it doubles in {}.", lasting(doubled));
                }
            }
            _ => {}
        }
        if !self.signal.help.is_empty() {
            text += &format!(" {}", self.signal.help.trim_end());
        }
        text
    }

    fn amount(&self, value: f64) -> String {
        self.signal.unit.format(value)
    }
}

/// Days in words: hours where they are few.
fn lasting(days: f64) -> String {
    let hours = (days * 24.0).round().max(1.0);
    Unit::Seconds.format(hours * 3600.0)
}
