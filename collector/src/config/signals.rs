//! `signals`: the signals of the catalogue, and those of one's own, which have the same shape.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use baseline::catalogue::{
    self, Bound, Comparison, Direction, FromProfile, Guard, Healthy, Measure, Severity, Signal,
    Source as SignalSource, Threshold, Unit,
};
use baseline::promql::Expr;

use super::ConfigErrors;
use super::scalar::{Wrong, boolean, duration, list, non_empty, one_of, string, text};
use super::table::{Source, Table};
use super::yaml::{self, Node};

/// Of what program a signal is when nothing is said.
const CUSTOM: &str = "custom";
/// What a signal has that nobody knows yet, and what may stand there.
const NEEDED: [(&str, &str); 3] = [
    ("title", "a few words"),
    ("unit", "a unit such as seconds"),
    ("bad", "up, down, both, none"),
];
/// Longest time for which a threshold may have to be passed.
const MAX_HOLD: Duration = Duration::from_secs(86_400);

/// The signals of the catalogue alone, in its order.
///
/// # Errors
/// None, unless the files that are compiled in are wrong; a test sees to that.
pub fn built_in() -> Result<Vec<Signal>, ConfigErrors> {
    // It is the same for every file that is read.
    static READ: LazyLock<Result<Vec<Signal>, ConfigErrors>> = LazyLock::new(read_files);
    READ.clone()
}

fn read_files() -> Result<Vec<Signal>, ConfigErrors> {
    let mut signals = Vec::new();
    for (file, text) in catalogue::FILES {
        let document =
            yaml::parse(text).map_err(|error| super::not_yaml(Path::new(file), error))?;
        let source = Source::new(Path::new(file));
        source.table(&document, "the file", |table| {
            let component = table.get("component", non_empty);
            let component = component.unwrap_or_else(|| CUSTOM.to_owned());
            read_list(table, &component, &mut signals);
        });
        source.finish()?;
    }
    Ok(signals)
}

/// Adds what is written at `signals` to `signals`, replaces those of the same name, and drops those
/// that are not wanted.
pub(super) fn read_over(table: &mut Table<'_>, signals: &mut Vec<Signal>) {
    read_list(table, CUSTOM, signals);
    for (idx, error) in catalogue::check_all(signals) {
        let name = signals.get(idx).map_or("", |signal| &signal.name);
        table.fail("signals", format!("{name:?}: {error}"), error.allowed);
    }
}

fn read_list(table: &mut Table<'_>, component: &str, signals: &mut Vec<Signal>) {
    let mut names: Vec<String> = Vec::new();
    table.tables("signals", |table| {
        let name = table
            .required("name", "a name", non_empty)
            .unwrap_or_default();
        if !name.is_empty() && names.contains(&name) {
            let problem = format!("a second signal {name:?}");
            table.fail("name", problem, "a name of its own for each signal");
        }
        names.push(name.clone());
        let place = signals.iter().position(|signal| signal.name == name);
        let known = place.and_then(|place| signals.get(place)).cloned();
        let mut signal = known.unwrap_or_else(|| Signal::blank(name, component));
        let is_enabled = table.get("enabled", boolean).unwrap_or(true);
        let needed: &[_] = if is_enabled && place.is_none() {
            &NEEDED
        } else {
            &[]
        };
        let is_whole = read(table, &mut signal, needed);
        match place {
            Some(place) if !is_enabled => drop(signals.remove(place)),
            None if !is_enabled => {
                let problem = format!("there is no signal {:?} to leave out", signal.name);
                table.warn("enabled", &problem);
            }
            place if is_whole && !signal.name.is_empty() => {
                check(table, &signal);
                match place.and_then(|place| signals.get_mut(place)) {
                    Some(known) => *known = signal,
                    None => signals.push(signal),
                }
            }
            // What is wrong has been noted.
            _ => {}
        }
    });
}

fn check(table: &Table<'_>, signal: &Signal) {
    for error in signal.check() {
        table.fail(error.key, error.problem, error.allowed);
    }
}

/// Changes what is written of a signal. Whether all the keys that are needed could be read; what is
/// wrong with them has been noted.
fn read(table: &mut Table<'_>, signal: &mut Signal, needed: &[(&'static str, &str)]) -> bool {
    for (key, allowed) in needed {
        if !table.has(key) {
            table.fail(key, format!("missing in {}", table.place()), allowed);
        }
    }
    let is_source_needed = !needed.is_empty();
    let is_read = [
        set(&mut signal.title, table.get("title", non_empty)),
        set(&mut signal.unit, table.get("unit", one_of(&Unit::ALL))),
        set(&mut signal.source, source(table, is_source_needed)),
        set(&mut signal.bad, table.get("bad", one_of(&Direction::ALL))),
    ];
    read_rest(table, signal);
    needed.is_empty() || is_read.iter().all(|is_read| *is_read)
}

/// `expr` or `profile`, one of the two.
fn source(table: &mut Table<'_>, is_needed: bool) -> Option<SignalSource> {
    let of_page = table.get("expr", expr).map(SignalSource::Expr);
    let of_profile = table.table("profile", from_profile).flatten();
    match (table.has("expr"), table.has("profile")) {
        (true, true) => {
            table.fail(
                "profile",
                "a second source beside \"expr\"",
                "one of the two",
            );
        }
        (false, false) if is_needed => {
            let problem = format!("missing in {}", table.place());
            table.fail("expr", problem, "an expression in PromQL, or \"profile\"");
        }
        _ => {}
    }
    of_page.or(of_profile.map(SignalSource::Profile))
}

fn from_profile(table: &mut Table<'_>) -> Option<FromProfile> {
    let kinds = "process_cpu, memory, goroutine, block, mutex, …";
    let kind = table.required("kind", kinds, non_empty);
    let sample_type = table.required("type", "cpu, alloc_space, inuse_space, …", non_empty);
    let measure = table.required("measure", "total, per_second, …", one_of(&Measure::ALL));
    Some(FromProfile {
        kind: kind?,
        sample_type: sample_type?,
        measure: measure?,
    })
}

/// What a signal may have but need not.
fn read_rest(table: &mut Table<'_>, signal: &mut Signal) {
    let unit = signal.unit;
    set(&mut signal.component, table.get("component", non_empty));
    set(&mut signal.help, table.get("help", string));
    set(
        &mut signal.least_change,
        table.get("least_change", value(unit)),
    );
    set(&mut signal.remedy, table.get("remedy", string));
    set(
        &mut signal.references,
        table.get("references", list(non_empty)),
    );
    set(&mut signal.profiles, table.get("profiles", list(non_empty)));
    signal.limit = table.get("limit", expr).or(signal.limit.take());
    let healthy = table.table("healthy", |table| healthy(table, unit));
    signal.healthy = healthy.flatten().or(signal.healthy.take());
    let thresholds = table.tables("thresholds", |table| threshold(table, unit));
    if table.has("thresholds") {
        signal.thresholds = thresholds.into_iter().flatten().collect();
    }
}

/// Whether there was a value to set.
fn set<T>(place: &mut T, written: Option<T>) -> bool {
    let is_written = written.is_some();
    if let Some(written) = written {
        *place = written;
    }
    is_written
}

fn threshold(table: &mut Table<'_>, unit: Unit) -> Option<Threshold> {
    let severity = table.required("severity", "warning, critical", one_of(&Severity::ALL));
    let bound = bound(table, value(unit));
    let hold = table.get("for", duration(Duration::ZERO..=MAX_HOLD));
    let only_while = table.table("only_while", guard);
    let source = table.get("source", string);
    Some(Threshold {
        severity: severity?,
        bound: bound?,
        hold: hold.unwrap_or_default(),
        only_while: only_while.flatten(),
        source: source.unwrap_or_default(),
    })
}

fn guard(table: &mut Table<'_>) -> Option<Guard> {
    let signal = table.required("signal", "the name of another signal", non_empty);
    // Of which unit it is, that signal says; what is written tells it as well.
    let bound = bound(table, |node| {
        let units = [Unit::Bytes, Unit::Seconds];
        let read = text(node).and_then(|text| units.iter().find_map(|unit| unit.parse(text)));
        read.ok_or_else(|| Wrong::value(node, "a number, such as 5, 100MiB or 10ms"))
    });
    Some(Guard {
        signal: signal?,
        bound: bound?,
    })
}

fn healthy(table: &mut Table<'_>, unit: Unit) -> Option<Healthy> {
    let bound = bound(table, value(unit));
    let source = table.get("source", string);
    Some(Healthy {
        bound: bound?,
        source: source.unwrap_or_default(),
    })
}

/// `above` or `below`, one of the two.
fn bound(table: &mut Table<'_>, value: impl Fn(&Node) -> Result<f64, Wrong>) -> Option<Bound> {
    let above = table.get("above", &value);
    let below = table.get("below", &value);
    match (table.has("above"), table.has("below")) {
        (true, true) => table.fail("below", "a second bound beside \"above\"", "one of the two"),
        (false, false) => {
            let problem = format!("neither \"above\" nor \"below\" in {}", table.place());
            table.fail("above", problem, "one of the two");
        }
        _ => {}
    }
    let side = |comparison| move |value| Bound { comparison, value };
    let above = above.map(side(Comparison::Above));
    above.or(below.map(side(Comparison::Below)))
}

/// A value of a signal in its unit.
fn value(unit: Unit) -> impl Fn(&Node) -> Result<f64, Wrong> {
    move |node| {
        let allowed = match unit {
            Unit::Seconds => "seconds, as a number or as 10ms",
            Unit::Bytes | Unit::BytesPerSecond => "bytes, as a number or as 100MiB",
            Unit::Ratio => "a number; 1 is all of it",
            Unit::Count | Unit::PerSecond | Unit::Cores => "a number",
        };
        let value = text(node).and_then(|text| unit.parse(text));
        value.ok_or_else(|| Wrong::value(node, allowed))
    }
}

fn expr(node: &Node) -> Result<Expr, Wrong> {
    let text = non_empty(node)?;
    Expr::parse(&text).map_err(|error| Wrong::new(error.to_string(), ""))
}

#[cfg(test)]
mod tests;
