//! One trouble as a whole.

use std::fmt::Write as _;

use anyhow::bail;
use proto::Finding;

use super::Style;
use super::table::paint;
use super::trouble::{Trouble, target_of, value_of};
use crate::cli::time;

/// Characters of a line of text.
const WIDTH: usize = 96;

/// Renders the newest of some troubles, whose ids begin with `id`.
pub(super) fn render(troubles: &[Trouble], id: &str, style: Style) -> anyhow::Result<String> {
    let Some(newest) = troubles.last() else {
        bail!(
            "no finding has an id that begins with {id}: leadsman findings --all shows which there are"
        );
    };
    let mut ids: Vec<String> = troubles
        .iter()
        .map(|one| one.last().id.to_string())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > 1 {
        bail!("{} ids begin with {id}: {}", ids.len(), ids.join(", "));
    }
    let mut out = String::new();
    head(&mut out, newest, style);
    let last = newest.last();
    for (heading, text) in [
        ("", &last.explanation),
        ("Cause", &last.cause),
        ("Remedy", &last.remedy),
    ] {
        section(&mut out, heading, text, style);
    }
    links(&mut out, last, style);
    let before = match troubles.len() {
        0 | 1 => return Ok(out),
        2 => "once".to_owned(),
        n => format!("{} times", n - 1),
    };
    // A String takes every write.
    let _ = writeln!(
        out,
        "\nThe same trouble was there {before} before: --all shows it."
    );
    Ok(out)
}

fn head(out: &mut String, trouble: &Trouble, style: Style) {
    let last = trouble.last();
    let (bold, plain) = paint(style, "1");
    let labels = match last.labels.is_empty() {
        true => String::new(),
        false => last.labels.to_string(),
    };
    let value = |value| value_of(last, value);
    let mut lines = vec![
        ("target", target_of(last)),
        ("signal", format!("{}{labels}", last.signal)),
        ("found by", last.rule.to_string()),
        ("from → to", trouble.change()),
    ];
    if !(last.lower.is_nan() && last.upper.is_nan()) {
        let (lower, upper) = (value(last.lower), value(last.upper));
        let ordinary = match (last.lower.is_nan(), last.upper.is_nan()) {
            (true, _) => format!("up to {upper}"),
            (_, true) => format!("from {lower} on"),
            _ => format!("{lower} to {upper}"),
        };
        lines.push(("ordinary", ordinary));
    }
    if !last.score.is_nan() {
        lines.push(("score", format!("{:.1}", last.score)));
    }
    lines.push(("incident", last.incident.to_string()));
    lines.push(("id", last.id.to_string()));
    lines.push(("since", format!("{} UTC", time::show(last.since))));
    // A String takes every write.
    let _ = writeln!(out, "{bold}{}{plain}", last.title);
    let _ = writeln!(out, "{}, {}\n", trouble.state(), last.severity);
    for (name, text) in lines {
        let _ = writeln!(out, "  {name:<10} {text}");
    }
    for state in trouble.states() {
        let _ = writeln!(out, "  {:<10} {} UTC", state.state, time::show(state.time));
    }
}

fn section(out: &mut String, heading: &str, text: &str, style: Style) {
    if text.is_empty() {
        return;
    }
    out.push('\n');
    if !heading.is_empty() {
        let (bold, plain) = paint(style, "1");
        let _ = writeln!(out, "{bold}{heading}{plain}");
    }
    for line in text.lines() {
        wrap(out, line);
    }
}

/// A line of text in lines of at most [`WIDTH`] characters, unless a word is longer.
fn wrap(out: &mut String, text: &str) {
    let mut length = 0;
    for word in text.split_whitespace() {
        let n_chars = word.chars().count();
        if length > 0 && length + 1 + n_chars > WIDTH {
            out.push('\n');
            length = 0;
        }
        if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += n_chars;
    }
    out.push('\n');
}

fn links(out: &mut String, finding: &Finding, style: Style) {
    if finding.links.is_empty() && finding.captures.is_empty() {
        return;
    }
    let (bold, plain) = paint(style, "1");
    let _ = writeln!(out, "\n{bold}Further{plain}");
    for (name, url) in &finding.links {
        let _ = writeln!(out, "  {name}: {url}");
    }
    if !finding.captures.is_empty() {
        // As the table `profiles` has them.
        let ids = finding
            .captures
            .iter()
            .map(|id| id.cast_signed().to_string());
        let ids: Vec<String> = ids.collect();
        let _ = writeln!(
            out,
            "  profiles taken for it (capture_id): {}",
            ids.join(", ")
        );
    }
}
