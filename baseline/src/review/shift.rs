//! A level that changed and stayed: since when, from what to what.

use std::collections::BTreeMap;

use proto::UnixMillis;
use proto::finding::{Rule, Severity};

use super::{DAY, HOUR, History, Outlook};
use crate::catalogue::{Direction, Signal};
use crate::change::{ChangePoint, Options, change_points};
use crate::numbers::median;

/// Chance of a change in four weeks in which there is none.
const SIGNIFICANCE: f64 = 1e-4;
/// Hours a level lasts at least: all hours of a day.
const LEAST_HOURS: usize = 24;
/// What is smaller than this share of the level before is not told.
const LEAST_SHARE: f64 = 0.05;
/// From this share on it is worth a warning.
const LARGE_SHARE: f64 = 0.2;
/// What changed longer ago is as usual. Milliseconds.
const NEWS: i64 = 7 * DAY;
/// Hours that have to be known before the change: a week, so that each day of it was there.
const LEAST_BEFORE: usize = 7 * 24;

/// Hours from which on days of the week are told apart: three of each.
const WEEKLY_FROM: usize = 21 * 24;

/// The newest change of level, if it is bad, new, and to where the series was not before.
pub(super) fn shift(signal: &Signal, history: &History<'_>, now: UnixMillis) -> Option<Outlook> {
    let values = without_season(history.hours);
    let options = Options {
        significance: SIGNIFICANCE,
        min_len: LEAST_HOURS,
        min_change: LEAST_SHARE,
    };
    let changes = change_points(&values, &options);
    let change = *changes.last()?;
    let since = history.hours.get(change.idx)?.0;
    let is_news = now.0.saturating_sub(since.0) <= NEWS && change.idx >= LEAST_BEFORE;
    let is_bad = match signal.bad {
        Direction::Up => change.by() > 0.0,
        Direction::Down => change.by() < 0.0,
        Direction::Both => true,
        Direction::None => false,
    };
    let matters = change.by().abs() >= signal.least_change;
    if !is_news || !is_bad || !matters || has_been_there(&values, &change) {
        return None;
    }
    // The end of an hour's mean; the change was within it.
    let since = UnixMillis(since.0 - HOUR);
    Some(outlook(signal, &change, since))
}

/// The values less what their hours of the day usually are above or below the whole, and their days
/// of the week, once each was there three times.
fn without_season(hours: &[(UnixMillis, f64)]) -> Vec<f64> {
    let mut rest: Vec<f64> = hours.iter().map(|(_, value)| *value).collect();
    let begins: Vec<i64> = hours.iter().map(|(time, _)| time.0 - HOUR).collect();
    level_out(&mut rest, &begins, |begin| {
        begin.div_euclid(HOUR).rem_euclid(24)
    });
    if hours.len() >= WEEKLY_FROM {
        level_out(&mut rest, &begins, |begin| {
            begin.div_euclid(DAY).rem_euclid(7)
        });
    }
    rest
}

/// Takes from each value what the median of its group is above that of all.
fn level_out(values: &mut [f64], begins: &[i64], group_of: impl Fn(i64) -> i64) {
    let Some(whole) = median(&mut values.to_vec()) else {
        return;
    };
    let mut groups: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (value, begin) in values.iter().zip(begins) {
        groups.entry(group_of(*begin)).or_default().push(*value);
    }
    let usual = groups.iter_mut();
    let usual: BTreeMap<i64, f64> = usual
        .filter_map(|(group, values)| Some((*group, median(values)? - whole)))
        .collect();
    for (value, begin) in values.iter_mut().zip(begins) {
        *value -= usual.get(&group_of(*begin)).unwrap_or(&0.0);
    }
}

/// Whether a day before the change had the new level, or was beyond it: a weekend that is over is
/// no news.
fn has_been_there(values: &[f64], change: &ChangePoint) -> bool {
    let middle = change.before + change.by() / 2.0;
    let days = values
        .get(..change.idx)
        .unwrap_or_default()
        .chunks(LEAST_HOURS);
    let mut levels = days.filter_map(|day| median(&mut day.to_vec()));
    levels.any(|level| (level - middle) * change.by() > 0.0)
}

fn outlook(signal: &Signal, change: &ChangePoint, since: UnixMillis) -> Outlook {
    let [before, now] = [change.before, change.after].map(|level| signal.unit.format(level));
    let title = &signal.title;
    let mut explanation = format!(
        "The hourly means of {title} went from {before} to {now} and stayed there (chance does this \
         with a probability of {:.1e} in four weeks).",
        change.p_value
    );
    if !signal.help.is_empty() {
        explanation += &format!(" {}", signal.help.trim_end());
    }
    Outlook {
        rule: Rule::Change,
        severity: match change.by_share().abs() >= LARGE_SHARE {
            true => Severity::Warning,
            false => Severity::Info,
        },
        since,
        before: change.before,
        now: change.after,
        score: 1.0 - change.p_value,
        title: format!("{title} changed from {before} to {now} and stays there"),
        explanation,
    }
}
