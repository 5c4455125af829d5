//! `leadsman findings`: what was found to be out of the ordinary.

mod export;
mod show;
mod table;
#[cfg(test)]
mod tests;
pub(super) mod trouble;

use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use exporter::alert::Silences;
use proto::UnixNanos;
use proto::selector::Selector;
use storage::archive::{FindingAnswer, FindingQuery, Recall, RecallError};

use self::trouble::Trouble;
use super::output::print;
use super::profile::progress;
use super::{data, time};
use crate::config;

/// Show what was found to be out of the ordinary: what is open, or one finding as a whole
#[derive(Debug, Args)]
pub struct FindingsArgs {
    /// Show this one as a whole: its id, or the first digits of it
    #[arg(value_name = "ID", value_parser = id_digits)]
    id: Option<String>,
    /// The archive's folder or bucket (s3://BUCKET/PREFIX, gs://…, az://…)
    /// [default: leadsman-data, if it is here]
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    cache: data::CacheArgs,
    /// Those that are pending or firing now: the default
    #[arg(long, conflicts_with_all = ["all", "since", "until", "id"])]
    open: bool,
    /// Also those that are resolved
    #[arg(long)]
    all: bool,
    /// Those that changed their state since then, resolved ones too: 2026-11-21T10:00:00Z,
    /// 2026-11-21 (UTC), or 2h (ago)
    #[arg(long, visible_alias = "from", value_name = "TIME", value_parser = time::parse)]
    since: Option<UnixNanos>,
    /// Those that changed their state before then
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<UnixNanos>,
    /// Of which targets, as in PromQL: '{job="etcd",instance=~"a.*"}'
    #[arg(long, value_name = "SELECTOR")]
    target: Option<Selector>,
    /// Say which are silenced by this configuration now
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print them
    #[arg(short, long, visible_alias = "format", value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a line for each trouble
    Table,
    /// An array of every change of state
    Json,
}

/// Where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// With bold headings and colours.
    Terminal,
    Plain,
}

impl FindingsArgs {
    /// Reads and prints.
    ///
    /// # Errors
    /// If there is no archive, it cannot be read, or no finding has the id.
    pub fn run(self) -> anyhow::Result<()> {
        let silences = match &self.config {
            Some(file) => config::load(Some(file))?.alerting.silences,
            None => Silences::default(),
        };
        let place = data::Place::find(self.archive.as_deref())?;
        let recall = place.recall(&self.cache)?;
        let answer = progress::waiting("reading findings", || self.ask(&recall));
        let mut answer = answer.map_err(|error| place.failed(error))?;
        for error in &answer.left_out {
            eprintln!(
                "leadsman: warning: left out: {}",
                storage::ErrorChain(error)
            );
        }
        if let Some(id) = &self.id {
            answer
                .findings
                .retain(|finding| finding.id.to_string().starts_with(id));
        }
        print(self.render(&answer, &silences)?.as_bytes())
    }

    /// Without a range only what is open is of interest, unless everything or one of them is.
    fn ask(&self, recall: &Recall) -> Result<FindingAnswer, RecallError> {
        let selector = self.target.clone().unwrap_or_default();
        let has_range = self.since.is_some() || self.until.is_some();
        if !(self.all || has_range || self.id.is_some()) {
            return recall.open_findings(&selector);
        }
        recall.findings(&FindingQuery {
            selector,
            from: self.since.map(Into::into),
            to: self.until.map(Into::into),
            ..FindingQuery::default()
        })
    }

    fn render(&self, answer: &FindingAnswer, silences: &Silences) -> anyhow::Result<String> {
        let style = if stdout().is_terminal() {
            Style::Terminal
        } else {
            Style::Plain
        };
        if self.output == Format::Json {
            return Ok(serde_json::to_string(&export::json(&answer.findings, silences))? + "\n");
        }
        let troubles = Trouble::all(&answer.findings, silences);
        if let Some(id) = &self.id {
            return show::render(&troubles, id, style);
        }
        if troubles.is_empty() {
            return Ok(self.nothing());
        }
        Ok(table::render(&troubles, style))
    }

    fn nothing(&self) -> String {
        let is_asked = self.all || self.since.is_some() || self.until.is_some();
        let what = match is_asked {
            true => "nothing was found out of the ordinary then",
            false => "nothing is out of the ordinary now; for what was: --all, or --since 7d",
        };
        format!("{what}\n")
    }
}

/// Digits that an id begins with.
fn id_digits(text: &str) -> Result<String, &'static str> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && (4..=16).contains(&text.len()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected the 16 hexadecimal digits of an id, or the first of them (4 at least)")
    }
}
