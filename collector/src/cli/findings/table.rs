//! Troubles for people: a line each, the last one to begin at the end.

use std::fmt::Write as _;

use proto::Finding;
use proto::finding::{FindingState, Severity};

use super::Style;
use super::trouble::{Trouble, target_of};
use crate::cli::time;

/// Digits of an id that are shown: enough to tell some thousands apart.
const ID_DIGITS: usize = 8;

const HEADINGS: [&str; 7] = [
    "STATE",
    "SEVERITY",
    "SINCE (UTC)",
    "TARGET",
    "FROM → TO",
    "WHAT",
    "ID",
];

/// Renders troubles.
pub(super) fn render(troubles: &[Trouble], style: Style) -> String {
    let rows: Vec<[String; 7]> = troubles.iter().map(row).collect();
    let mut widths = HEADINGS.map(|heading| heading.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let headings = HEADINGS.map(str::to_owned);
    line(&mut out, &headings, &widths, paint(style, "1"));
    for (row, trouble) in rows.iter().zip(troubles) {
        line(&mut out, row, &widths, paint(style, colour(trouble.last())));
    }
    let n_open = troubles
        .iter()
        .filter(|trouble| trouble.last().is_open())
        .count();
    // A String takes every write.
    let _ = writeln!(
        out,
        "{n_open} open of {} shown; the whole of one: leadsman findings ID",
        troubles.len()
    );
    out
}

fn row(trouble: &Trouble) -> [String; 7] {
    let last = trouble.last();
    let id = last.id.to_string();
    [
        trouble.state(),
        last.severity.to_string(),
        time::show(last.since),
        target_of(last),
        trouble.change(),
        last.title.lines().next().unwrap_or_default().to_owned(),
        id.chars().take(ID_DIGITS).collect(),
    ]
}

fn line(out: &mut String, cells: &[String; 7], widths: &[usize; 7], paint: (String, &str)) {
    let cells = cells.iter().zip(widths);
    let cells: Vec<String> = cells
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    let (begin, end) = paint;
    out.push_str(&begin);
    out.push_str(cells.join("  ").trim_end());
    out.push_str(end);
    out.push('\n');
}

/// What begins and ends a line of this colour (SGR), if the place has colours.
pub(super) fn paint(style: Style, colour: &str) -> (String, &'static str) {
    match style {
        Style::Terminal if !colour.is_empty() => (format!("\x1b[{colour}m"), "\x1b[0m"),
        _ => (String::new(), ""),
    }
}

/// Red for what fires and is critical, yellow for what fires; dim for what is over.
fn colour(finding: &Finding) -> &'static str {
    match (finding.state, finding.severity) {
        (FindingState::Firing, Severity::Critical) => "31",
        (FindingState::Firing, Severity::Warning) => "33",
        (FindingState::Resolved, _) => "2",
        _ => "",
    }
}
