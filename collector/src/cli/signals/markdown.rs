//! Signals as a document.

use std::fmt::Write as _;

use baseline::catalogue::words::{bound, by_component, condition};
use baseline::catalogue::{Severity, Signal};

/// How to make the document anew.
const HEAD: &str = "\
# Signals

What leadsman watches of its targets. This file is made of the catalogue in `baseline/catalogue`:

    leadsman signals --format markdown > baseline/SIGNALS.md

A signal is computed for each target whose page has the series that its expression needs, or that has
the kind of profile; each set of labels is a series of its own. On `/metrics` and in OTLP it is
`leadsman_signal_NAME_UNIT`. More of it is bad (up), less of it (down), or either; where no change is bad
(none) it is kept and not judged. The configuration changes, adds or drops signals (`signals`).
";

pub(super) fn render(signals: &[Signal]) -> String {
    let mut out = HEAD.to_owned();
    for (component, group) in by_component(signals) {
        let _ = write!(out, "\n## {component}\n\n");
        out.push_str("| signal | unit | bad | healthy | warning | critical | least change |\n");
        out.push_str("|---|---|---|---|---|---|--:|\n");
        for signal in &group {
            row(&mut out, signal, signals);
        }
        for signal in group {
            section(&mut out, signal, signals);
        }
    }
    out
}

fn row(out: &mut String, signal: &Signal, signals: &[Signal]) {
    let of = |severity: Severity| {
        let thresholds = signal
            .thresholds
            .iter()
            .filter(|one| one.severity == severity);
        let all: Vec<_> = thresholds
            .map(|one| condition(signal, one, signals))
            .collect();
        all.join("; ")
    };
    let healthy = signal.healthy.as_ref();
    let healthy = healthy.map_or_else(String::new, |healthy| bound(signal, healthy.bound));
    let _ = writeln!(
        out,
        "| [`{}`](#{}) | {} | {} | {healthy} | {} | {} | {} |",
        signal.name,
        signal.name,
        signal.unit,
        signal.bad.as_str(),
        of(Severity::Warning),
        of(Severity::Critical),
        signal.unit.format(signal.least_change),
    );
}

fn section(out: &mut String, signal: &Signal, signals: &[Signal]) {
    let Signal {
        name,
        title,
        help,
        source,
        ..
    } = signal;
    let _ = write!(out, "\n### {name}\n\n{title}. {help}\n\n    {source}\n\n");
    for threshold in &signal.thresholds {
        let severity = threshold.severity.as_str();
        let condition = condition(signal, threshold, signals);
        let _ = writeln!(out, "- {severity} {condition}: {}", threshold.source);
    }
    if let Some(healthy) = &signal.healthy {
        let bound = bound(signal, healthy.bound);
        let _ = writeln!(out, "- healthy {bound}: {}", healthy.source);
    }
    if let Some(limit) = &signal.limit {
        let _ = writeln!(out, "- limit: `{limit}`");
    }
    if !signal.remedy.is_empty() {
        let _ = writeln!(out, "- remedy: {}", signal.remedy);
    }
    let lists = [
        ("see", signal.references.join(", ")),
        ("profiles", signal.profiles.join(", ")),
    ];
    for (what, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(out, "- {what}: {list}");
    }
}
