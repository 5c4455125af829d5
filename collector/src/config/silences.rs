//! `alerting.silences`: when and of what nobody wants to be told.

use std::ops::RangeInclusive;

use exporter::alert::{Silence, Silences, Weekdays, Weekly};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use proto::UnixMillis;
use proto::selector::Selector;

use super::profiling::{clock_time, time_zone};
use super::scalar::{Wrong, list, non_empty};
use super::table::Table;
use super::yaml::Node;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// All silences.
pub(super) fn read_all(table: &mut Table<'_>) -> Silences {
    Silences(table.tables("silences", read))
}

fn read(table: &mut Table<'_>) -> Silence {
    let silence = Silence {
        matchers: table.get("matchers", matchers).unwrap_or_default(),
        from: table.get("starts_at", moment),
        until: table.get("ends_at", moment),
        weekly: table.tables("weekly", weekly),
        comment: table.get("comment", non_empty).unwrap_or_default(),
    };
    let bounds = ["matchers", "ends_at", "weekly"];
    if !bounds.into_iter().any(|key| table.has(key)) {
        let problem = format!("{} silences everything for ever", table.place());
        table.fail("matchers", problem, "matchers, ends_at or weekly");
    }
    if silence
        .from
        .zip(silence.until)
        .is_some_and(|(from, until)| from >= until)
    {
        table.fail("ends_at", "not after starts_at", "a later time");
    }
    silence
}

/// As Alertmanager has them: each a text such as `job="etcd"`.
fn matchers(node: &Node) -> Result<Selector, Wrong> {
    const ALLOWED: &str = "a list of matchers such as job=\"etcd\" or severity=~\"info|warning\"";
    let matchers = list(non_empty)(node)?;
    let selector: Result<Selector, _> = format!("{{{}}}", matchers.join(",")).parse();
    let selector = selector.map_err(|error| Wrong::new(error.to_string(), ALLOWED))?;
    match selector.matchers.is_empty() {
        true => Err(Wrong::value(node, ALLOWED)),
        false => Ok(selector),
    }
}

fn moment(node: &Node) -> Result<UnixMillis, Wrong> {
    let time: Option<Timestamp> = non_empty(node)?.parse().ok();
    let time = time.ok_or_else(|| Wrong::value(node, "a time such as 2026-11-21T22:00:00Z"))?;
    Ok(UnixMillis(time.as_millisecond()))
}

fn weekly(table: &mut Table<'_>) -> Weekly {
    let days = table.get("days", days).unwrap_or(Weekdays::ALL);
    Weekly {
        days,
        from: table.get("from", clock).unwrap_or_default(),
        to: table.get("to", clock).unwrap_or_default(),
        time_zone: table.get("time_zone", time_zone).unwrap_or(TimeZone::UTC),
    }
}

fn clock(node: &Node) -> Result<jiff::civil::Time, Wrong> {
    let time = clock_time(&non_empty(node)?);
    time.ok_or_else(|| Wrong::value(node, "HH:MM in quotes, such as \"22:00\""))
}

/// Days, or stretches of them as Alertmanager writes them: `monday:friday`.
fn days(node: &Node) -> Result<Weekdays, Wrong> {
    let stretches = list(stretch)(node)?;
    let days = stretches.into_iter().flat_map(|stretch| {
        let days = DAYS.get(stretch).unwrap_or_default();
        days.iter().map(|(_, day)| *day)
    });
    Ok(Weekdays::new(days))
}

/// Places in [`DAYS`].
fn stretch(node: &Node) -> Result<RangeInclusive<usize>, Wrong> {
    let text = non_empty(node)?.to_ascii_lowercase();
    let (first, last) = text.split_once(':').unwrap_or((&text, &text));
    let place = |name: &str| DAYS.iter().position(|(day, _)| *day == name);
    match (place(first), place(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(Wrong::value(
            node,
            "monday to sunday, or a stretch such as monday:friday",
        )),
    }
}
