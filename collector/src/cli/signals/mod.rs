//! `leadsman signals`: what is watched, as a table and as rules for Prometheus.

mod markdown;
mod rules;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use baseline::catalogue::{Bound, Signal, Threshold};

use super::output::print;
use crate::config;

/// Show the signals: what is watched of the targets, from where on it is bad, what to do
#[derive(Debug, clap::Args)]
pub struct SignalsArgs {
    /// Configuration file, whose own signals are shown too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to show them
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show only signals whose name or component contains this
    filter: Option<String>,
}

/// How signals are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For reading at a terminal
    Table,
    /// A document
    Markdown,
    /// Recording and alerting rules of Prometheus
    PrometheusRules,
}

impl SignalsArgs {
    /// Prints to standard output.
    ///
    /// # Errors
    /// The configuration is wrong, nothing is left to show, or standard output cannot be written to.
    pub fn run(self) -> anyhow::Result<()> {
        let mut signals = match &self.config {
            Some(path) => config::load(Some(path))?.signals,
            None => config::built_in_signals()?,
        };
        if let Some(filter) = &self.filter {
            signals = keep_matching(&signals, filter);
            anyhow::ensure!(
                !signals.is_empty(),
                "no signal's name or component contains {filter:?}"
            );
        }
        print(self.format.render(&signals).as_bytes())
    }
}

/// Those that are asked for, and those on which their thresholds depend.
fn keep_matching(signals: &[Signal], filter: &str) -> Vec<Signal> {
    let is_asked =
        |signal: &Signal| signal.name.contains(filter) || signal.component.contains(filter);
    let asked = signals.iter().filter(|signal| is_asked(signal));
    let thresholds = asked.flat_map(|signal| &signal.thresholds);
    let guards: Vec<_> = thresholds
        .filter_map(|threshold| Some(&threshold.only_while.as_ref()?.signal))
        .collect();
    let kept = signals.iter();
    let kept = kept.filter(|signal| is_asked(signal) || guards.contains(&&signal.name));
    kept.cloned().collect()
}

impl Format {
    fn render(self, signals: &[Signal]) -> String {
        match self {
            Self::Table => table::render(signals),
            Self::Markdown => markdown::render(signals),
            Self::PrometheusRules => rules::render(signals),
        }
    }
}

/// `above 500 ms for 10m`, with what else has to be; `signals` are those that it may depend on.
fn condition(signal: &Signal, threshold: &Threshold, signals: &[Signal]) -> String {
    let bound = bound(signal, threshold.bound);
    let hold = match threshold.hold {
        hold if hold.is_zero() => String::new(),
        hold => format!(" for {}", proto::units::format_duration(hold)),
    };
    let guard = threshold.only_while.as_ref().and_then(|guard| {
        let other = signals.iter().find(|other| other.name == guard.signal)?;
        Some(format!(
            " while {} is {}",
            other.name,
            self::bound(other, guard.bound)
        ))
    });
    format!("{bound}{hold}{}", guard.unwrap_or_default())
}

/// `below 10 ms`.
fn bound(signal: &Signal, bound: Bound) -> String {
    let value = signal.unit.format(bound.value);
    format!("{} {value}", bound.comparison.as_str())
}

/// Signals of one component after the other, in the order in which they come.
fn by_component(signals: &[Signal]) -> Vec<(&str, Vec<&Signal>)> {
    let mut groups: Vec<(&str, Vec<&Signal>)> = Vec::new();
    for signal in signals {
        match groups
            .iter_mut()
            .find(|(name, _)| *name == signal.component)
        {
            Some((_, group)) => group.push(signal),
            None => groups.push((&signal.component, vec![signal])),
        }
    }
    groups
}
