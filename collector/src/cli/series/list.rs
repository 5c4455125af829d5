//! Which series there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use storage::archive::{Series, SeriesAnswer};

/// Values of a label that are shown.
const MAX_VALUES: usize = 8;

/// Renders the metrics, and their labels if somebody asked for some.
pub(super) fn render(answer: &SeriesAnswer, with_labels: bool) -> String {
    let by_name =
        |left: &Series, right: &Series| left.labels.metric_name() == right.labels.metric_name();
    let width = answer
        .series
        .iter()
        .map(|series| series.labels.metric_name().len());
    let width = width.max().unwrap_or(0);
    let mut out = String::new();
    for series in answer.series.chunk_by(by_name) {
        let Some(first) = series.first() else {
            continue;
        };
        let name = first.labels.metric_name();
        let line = format!(
            "{name:<width$}  {:<9} {:>6} series  {}",
            first.kind,
            series.len(),
            first.help
        );
        out.push_str(line.trim_end());
        out.push('\n');
        if with_labels {
            labels(&mut out, series);
        }
    }
    out
}

fn labels(out: &mut String, series: &[Series]) {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in series.iter().flat_map(|series| series.labels.iter()) {
        values.entry(name).or_default().insert(value);
    }
    for (name, values) in values.iter().filter(|(name, _)| **name != "__name__") {
        let shown: Vec<String> = values
            .iter()
            .take(MAX_VALUES)
            .map(|value| format!("{value:?}"))
            .collect();
        let more = match values.len().saturating_sub(MAX_VALUES) {
            0 => String::new(),
            more => format!(", … {more} more"),
        };
        // A String takes every write.
        let _ = writeln!(out, "  {name}: {}{more}", shown.join(", "));
    }
}
