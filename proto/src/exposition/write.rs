//! A batch as a page of text 0.0.4.

use std::collections::HashMap;
use std::fmt::Write;

use super::family::owns;
use super::number::shortest;
use crate::UnixMillis;
use crate::labels::METRIC_NAME;
use crate::metrics::{
    Family, MetricBatch, MetricKind, NativeHistogram, Series, is_absent, is_stale,
};

/// The label of a bucket's upper bound.
const BOUND: &str = "le";

/// Appends the samples of `batch` as a page that the target itself could have exposed: labels
/// that it has from its target are left out, so are stale and absent series; explicit timestamps
/// stay. A native histogram becomes a classic one with a single bucket, which is all that the
/// format can say of it.
pub fn write_text(out: &mut String, batch: &MetricBatch) {
    for group in groups(batch) {
        write_head(out, &group);
        for idx in group.series {
            write_series(out, batch, idx);
        }
    }
}

/// Samples under one TYPE line. They have to stand together.
struct Group<'a> {
    name: &'a str,
    family: Option<&'a Family>,
    series: Vec<usize>,
}

fn groups(batch: &MetricBatch) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (idx, (series, value)) in batch.layout.series.iter().zip(&batch.values).enumerate() {
        // The format has no times before 1970.
        if is_absent(*value) || is_stale(*value) || batch.time_of(idx).0 < 0 {
            continue;
        }
        let series_name = series.labels.metric_name();
        // Relabelling may have renamed the series; then its family says nothing about it.
        let family = batch
            .layout
            .family(series)
            .filter(|family| owns(family, series_name));
        let name = family.map_or(series_name, |family| text_name(family, series_name));
        let group_idx = *by_name.entry(name).or_insert_with(|| {
            groups.push(Group {
                name,
                family,
                series: Vec::new(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(group_idx) {
            group.series.push(idx);
        }
    }
    groups
}

/// The name of a family in text: OpenMetrics' suffixes are part of it there.
fn text_name<'a>(family: &'a Family, series_name: &'a str) -> &'a str {
    match family.kind {
        MetricKind::Histogram | MetricKind::Summary => &family.name,
        _ => series_name,
    }
}

fn write_head(out: &mut String, group: &Group<'_>) {
    let Some(family) = group.family else { return };
    let name = MetadataName(group.name);
    if !family.help.is_empty() {
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        push(out, format_args!("# HELP {name} {help}\n"));
    }
    let kind = match family.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge | MetricKind::Info | MetricKind::StateSet => "gauge",
        MetricKind::Histogram => "histogram",
        MetricKind::Summary => "summary",
        MetricKind::Unknown | MetricKind::GaugeHistogram => "untyped",
    };
    push(out, format_args!("# TYPE {name} {kind}\n"));
}

fn write_series(out: &mut String, batch: &MetricBatch, idx: usize) {
    let (Some(series), Some(value)) = (batch.layout.series.get(idx), batch.values.get(idx)) else {
        return;
    };
    let time = batch.time_of(idx);
    let line = Line {
        batch,
        series,
        time,
    };
    let found = batch
        .histograms
        .binary_search_by_key(&idx, |each| each.series_idx as usize);
    match found.ok().and_then(|found| batch.histograms.get(found)) {
        Some(histogram) => write_native(out, &line, histogram),
        None => line.write(out, "", None, *value),
    }
}

fn write_native(out: &mut String, line: &Line<'_>, histogram: &NativeHistogram) {
    line.write(out, "_bucket", Some("+Inf"), histogram.count);
    line.write(out, "_sum", None, histogram.sum);
    line.write(out, "_count", None, histogram.count);
}

/// The parts of a line that do not depend on which sample of a histogram it is.
struct Line<'a> {
    batch: &'a MetricBatch,
    series: &'a Series,
    time: UnixMillis,
}

impl Line<'_> {
    fn write(&self, out: &mut String, suffix: &str, bound: Option<&str>, value: f64) {
        let name = self.series.labels.metric_name();
        let is_bare = is_bare_name(name, &[':', '_']);
        let mut separator = "{";
        if is_bare {
            push(out, format_args!("{name}{suffix}"));
        } else {
            push(
                out,
                format_args!("{{{}", Quoted(&format!("{name}{suffix}"))),
            );
            separator = ",";
        }
        let target = &self.batch.layout.target.labels;
        let own = self
            .series
            .labels
            .iter()
            .filter(|(name, value)| *name != METRIC_NAME && target.get(name) != Some(*value))
            .filter(|(name, _)| bound.is_none() || *name != BOUND);
        for (name, value) in own.chain(bound.map(|bound| (BOUND, bound))) {
            push(
                out,
                format_args!("{separator}{}={}", LabelName(name), Quoted(value)),
            );
            separator = ",";
        }
        out.push_str(if separator == "," { "} " } else { " " });
        push_value(out, value);
        if self.time != self.batch.time {
            push(out, format_args!(" {}", self.time.0));
        }
        out.push('\n');
    }
}

fn push_value(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        out.push_str(&shortest(value));
    }
}

/// Writing to a String cannot fail.
fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

/// Whether a name can stand without quotes; `others` are its characters beside letters and
/// digits.
fn is_bare_name(name: &str, others: &[char]) -> bool {
    name.chars()
        .all(|char| char.is_ascii_alphanumeric() || others.contains(&char))
        && !name.starts_with(|char: char| char.is_ascii_digit())
        && !name.is_empty()
}

/// A text in quotes, escaped.
struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

/// A label's name, in quotes where it has to be.
struct LabelName<'a>(&'a str);

impl std::fmt::Display for LabelName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if is_bare_name(self.0, &['_']) {
            f.write_str(self.0)
        } else {
            Quoted(self.0).fmt(f)
        }
    }
}

/// A metric's name in a HELP or TYPE line.
struct MetadataName<'a>(&'a str);

impl std::fmt::Display for MetadataName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if is_bare_name(self.0, &[':', '_']) {
            f.write_str(self.0)
        } else {
            Quoted(self.0).fmt(f)
        }
    }
}
