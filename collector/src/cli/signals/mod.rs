//! `leadsman signals`: what is watched, as a table and as rules for Prometheus.

mod markdown;
mod rules;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use baseline::catalogue::Signal;

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
        let mut signals = config::load(self.config.as_deref())?.signals;
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
