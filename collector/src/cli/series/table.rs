//! Series for people: metric by metric, a line each with a sparkline.

use std::fmt::Write as _;

use proto::{Labels, UnixMillis};
use storage::archive::{Resolution, Series, SeriesAnswer, SeriesQuery, WindowValues};

use super::number::{self, Unit};
use super::sparkline;
use crate::cli::time;

/// Characters of a sparkline.
const WIDTH: usize = 32;
/// Series of one metric that are shown. Nobody reads more; files have them all.
const MAX_ROWS: usize = 40;

/// Where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// With bold headings.
    Terminal,
    Plain,
}

/// Renders an answer that has series.
pub(super) fn render(query: &SeriesQuery, answer: &SeriesAnswer, style: Style) -> String {
    let first = query.from.unwrap_or_default();
    let range = Range {
        from: first,
        to: query.to.unwrap_or(UnixMillis(first.0 + 1)),
    };
    let mut out = String::new();
    let by_name =
        |left: &Series, right: &Series| left.labels.metric_name() == right.labels.metric_name();
    for series in answer.series.chunk_by(by_name) {
        metric(&mut out, series, range, style);
    }
    let resolution = match answer.resolution {
        Some(Resolution::FiveMinutes) => "windows of 5 minutes",
        Some(Resolution::OneHour) => "windows of an hour",
        Some(Resolution::Raw) | None => "raw samples",
    };
    let _ = writeln!(
        out,
        "{} to {} UTC, {resolution}, {} series",
        time::show(range.from),
        time::show(range.to),
        answer.series.len()
    );
    out
}

/// What the sparklines go over.
#[derive(Clone, Copy)]
struct Range {
    from: UnixMillis,
    to: UnixMillis,
}

impl Range {
    fn place(self, time: UnixMillis) -> f64 {
        let length = self.to.0.saturating_sub(self.from.0).max(1);
        time.0.saturating_sub(self.from.0) as f64 / length as f64
    }
}

fn metric(out: &mut String, series: &[Series], range: Range, style: Style) {
    let Some(first) = series.first() else {
        return;
    };
    let name = first.labels.metric_name();
    let (bold, plain) = match style {
        Style::Terminal => ("\x1b[1m", "\x1b[0m"),
        Style::Plain => ("", ""),
    };
    let unit = if first.unit.is_empty() { "" } else { ", " };
    // A String takes every write.
    let _ = writeln!(
        out,
        "{bold}{name}{plain}  ({}{unit}{})",
        first.kind, first.unit
    );
    let (common, own) = split_labels(series);
    if !common.is_empty() {
        let _ = writeln!(out, "  {}", common.join(" "));
    }
    if !first.help.is_empty() {
        let _ = writeln!(out, "  {}", first.help.trim());
    }
    let rows: Vec<Row> = series
        .iter()
        .map(|series| Row::new(series, range))
        .collect();
    let counts_up = rows.iter().any(|row| row.is_counter);
    let (low, high) = if counts_up {
        ("increase", "per s")
    } else {
        ("min", "max")
    };
    let heading = if counts_up { "rate" } else { "value" };
    let _ = writeln!(
        out,
        "  {heading:<WIDTH$} {:>8} {low:>10} {high:>10} {:>10}",
        "samples", "last"
    );
    for (row, own) in rows.iter().zip(&own).take(MAX_ROWS) {
        let Row {
            line,
            n_samples,
            left,
            right,
            last,
            ..
        } = row;
        let text = format!("  {line} {n_samples:>8} {left:>10} {right:>10} {last:>10}  {own}");
        out.push_str(text.trim_end());
        out.push('\n');
    }
    if let Some(more @ 1..) = rows.len().checked_sub(MAX_ROWS) {
        let _ = writeln!(
            out,
            "  … and {more} more: add a matcher, or print all with -o csv"
        );
    }
    out.push('\n');
}

/// Labels that all series have alike, and for each series the others.
fn split_labels(series: &[Series]) -> (Vec<String>, Vec<String>) {
    let show = |(name, value): (&str, &str)| format!("{name}={value:?}");
    let is_common = |(name, value): &(&str, &str)| {
        let has = |labels: &Labels| labels.get(name) == Some(value);
        series.iter().all(|series| has(&series.labels))
    };
    let pairs = |series: &Series| -> Vec<(String, String)> {
        let pairs = series.labels.iter().filter(|(name, _)| *name != "__name__");
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let common = series.first().map(pairs).unwrap_or_default();
    let common = common
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let common = common.filter(is_common).map(show).collect();
    let own = series.iter().map(|series| {
        let pairs = pairs(series);
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let own: Vec<String> = pairs.filter(|pair| !is_common(pair)).map(show).collect();
        own.join(" ")
    });
    (common, own.collect())
}

struct Row {
    is_counter: bool,
    line: String,
    n_samples: u64,
    /// What counts up: by how much it rose. Else the least value.
    left: String,
    /// What counts up: how fast it rose. Else the greatest value.
    right: String,
    last: String,
}

/// A point: when, how many samples, by how much it rose or its mean, least, greatest, last value.
struct Point {
    time: UnixMillis,
    n_samples: u64,
    value: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Row {
    fn new(series: &Series, range: Range) -> Self {
        let name = series.labels.metric_name();
        let unit = Unit::of(&series.unit, name);
        let is_counter = counts_up(series);
        let points = points(series, is_counter);
        let line = points
            .iter()
            .map(|point| (range.place(point.time), point.value));
        let line = sparkline::draw(line, WIDTH);
        let least = points
            .iter()
            .map(|point| point.min)
            .fold(f64::NAN, f64::min);
        let greatest = points
            .iter()
            .map(|point| point.max)
            .fold(f64::NAN, f64::max);
        let rise: f64 = points
            .iter()
            .map(|point| point.value)
            .filter(|v| v.is_finite())
            .sum();
        let ends = points.first().zip(points.last());
        let seconds = ends.map_or(0.0, |(first, last)| {
            (last.time.0 - first.time.0) as f64 / 1e3
        });
        let seconds = seconds + window_seconds(series);
        let (left, right) = if is_counter {
            (
                rise,
                if seconds > 0.0 {
                    rise / seconds
                } else {
                    f64::NAN
                },
            )
        } else {
            (least, greatest)
        };
        let last = points.last().map_or(f64::NAN, |point| point.last);
        // A rate of seconds per second is a number.
        let right_unit = if is_counter && unit == Unit::Seconds {
            Unit::Plain
        } else {
            unit
        };
        Self {
            is_counter,
            line,
            n_samples: points.iter().map(|point| point.n_samples).sum(),
            left: number::show(left, unit),
            right: number::show(right, right_unit),
            last: number::show(last, unit),
        }
    }
}

/// Windows begin before their last sample.
fn window_seconds(series: &Series) -> f64 {
    let last = series.windows.last();
    last.map_or(0.0, |window| (window.end().0 - window.time.0) as f64 / 1e3)
}

/// Whether the values only count up, as rollups see it.
fn counts_up(series: &Series) -> bool {
    match series.windows.last() {
        Some(window) => matches!(window.values, WindowValues::Counter { .. }),
        None => series.counts_up(),
    }
}

fn points(series: &Series, is_counter: bool) -> Vec<Point> {
    let mut before: Option<f64> = None;
    let samples = series.samples.iter().map(|sample| {
        let value = sample.value;
        let rise = before.map_or(0.0, |before| {
            if value < before {
                value
            } else {
                value - before
            }
        });
        before = Some(value);
        Point {
            time: sample.time,
            n_samples: 1,
            value: if is_counter { rise } else { value },
            min: value,
            max: value,
            last: value,
        }
    });
    let mut points: Vec<Point> = samples.collect();
    points.extend(series.windows.iter().map(|window| {
        let (value, min, max) = match window.values {
            WindowValues::Counter { increase, .. } => (increase, window.first, window.last),
            WindowValues::Gauge { min, max, sum, .. } => (sum / window.count as f64, min, max),
        };
        Point {
            time: window.time,
            n_samples: window.count,
            value,
            min,
            max,
            last: window.last,
        }
    }));
    points.sort_by_key(|point| point.time);
    points
}
