//! What is known of signals, in words: for tables, documents, rules and panels.

use proto::units::format_duration;

use super::{Bound, Signal, Threshold};

/// `above 500 ms for 10m`, with what else has to be; `signals` are those that it may depend on.
pub fn condition(signal: &Signal, threshold: &Threshold, signals: &[Signal]) -> String {
    let bound = bound(signal, threshold.bound);
    let hold = match threshold.hold {
        hold if hold.is_zero() => String::new(),
        hold => format!(" for {}", format_duration(hold)),
    };
    let guard = threshold.only_while.as_ref().and_then(|guard| {
        let other = signals.iter().find(|other| other.name == guard.signal)?;
        let bound = self::bound(other, guard.bound);
        Some(format!(" while {} is {bound}", other.name))
    });
    format!("{bound}{hold}{}", guard.unwrap_or_default())
}

/// `below 10 ms`.
pub fn bound(signal: &Signal, bound: Bound) -> String {
    let value = signal.unit.format(bound.value);
    format!("{} {value}", bound.comparison.as_str())
}

/// Signals of one component after the other, in the order in which they come.
pub fn by_component(signals: &[Signal]) -> Vec<(&str, Vec<&Signal>)> {
    let mut groups: Vec<(&str, Vec<&Signal>)> = Vec::new();
    for signal in signals {
        let is_its = |(name, _): &&mut (&str, _)| *name == signal.component;
        match groups.iter_mut().find(is_its) {
            Some((_, group)) => group.push(signal),
            None => groups.push((&signal.component, vec![signal])),
        }
    }
    groups
}
