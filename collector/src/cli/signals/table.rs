//! Signals for reading at a terminal: one block each, as expressions do not fit into columns.

use std::fmt::Write as _;

use baseline::catalogue::words::{bound, by_component, condition};
use baseline::catalogue::{Direction, Signal};

pub(super) fn render(signals: &[Signal]) -> String {
    let mut out = String::new();
    for (component, group) in by_component(signals) {
        let _ = writeln!(out, "{component}");
        for signal in group {
            block(&mut out, signal, signals);
        }
        out.push('\n');
    }
    out
}

fn block(out: &mut String, signal: &Signal, signals: &[Signal]) {
    let Signal {
        name, title, unit, ..
    } = signal;
    let _ = writeln!(out, "  {name}: {title} ({unit}, {})", bad(signal));
    let _ = writeln!(out, "    {}", signal.source);
    for threshold in &signal.thresholds {
        let severity = threshold.severity.as_str();
        let condition = condition(signal, threshold, signals);
        let _ = writeln!(out, "    {severity} {condition} ({})", threshold.source);
    }
    if let Some(healthy) = &signal.healthy {
        let bound = bound(signal, healthy.bound);
        let _ = writeln!(out, "    healthy {bound} ({})", healthy.source);
    }
    if let Some(limit) = &signal.limit {
        let _ = writeln!(out, "    limit {limit}");
    }
}

/// Which change is bad, in words.
fn bad(signal: &Signal) -> &'static str {
    match signal.bad {
        Direction::Up => "more is worse",
        Direction::Down => "less is worse",
        Direction::Both => "any change tells",
        Direction::None => "not judged",
    }
}
