//! `leadsman report`: the state of the targets against what is usual, as a page or as Markdown.
//!
//! The archive is read once (`read`), what it says is put into a `Report` (`model`), and that is
//! written in one of two languages (`html`, `markdown`).

mod chart;
mod evidence;
mod flame;
mod html;
mod markdown;
mod markup;
mod model;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use proto::selector::{Matcher, Selector};
use proto::{UnixMillis, UnixNanos};
use storage::archive::RecallError;

use self::model::{Range, Report};
use self::read::Question;
use super::output::OutputPath;
use super::profile::progress;
use super::{data, time};
use crate::config;

/// Write the state of the targets against what is usual: what is open, what was over, every signal
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The archive's folder or bucket (s3://BUCKET/PREFIX, gs://…, az://…)
    /// [default: leadsman-data, if it is here]
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    cache: data::CacheArgs,
    /// Since then: 2026-11-21T10:00:00Z, 2026-11-21 (UTC), or 2h (ago)
    #[arg(long, visible_alias = "from", value_name = "TIME", value_parser = time::parse, default_value = "24h")]
    since: UnixNanos,
    /// Before then [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<UnixNanos>,
    /// Only targets of this job
    #[arg(long)]
    job: Option<String>,
    /// Only targets with such labels, as in PromQL: '{job="etcd",instance=~"a.*"}'
    #[arg(long, visible_alias = "match", value_name = "SELECTOR")]
    target: Option<Selector>,
    /// Configuration file, for signals of its own and silences
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File to write: a page (.html) or Markdown (.md); - for Markdown to standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    output: OutputPath,
}

/// What a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Html,
    Markdown,
}

impl ReportArgs {
    /// Reads and writes.
    ///
    /// # Errors
    /// If there is no archive, it cannot be read, or the file cannot be written.
    pub fn run(self) -> anyhow::Result<()> {
        let language = Language::of(&self.output)?;
        let report = self.read()?;
        for problem in &report.problems {
            eprintln!("leadsman: warning: left out: {problem}");
        }
        self.output.write(language.render(&report).as_bytes())
    }

    fn read(&self) -> anyhow::Result<Report> {
        let config = config::load(self.config.as_deref())?;
        let (signals, silences) = (config.signals, config.alerting.silences);
        let place = data::Place::find(self.archive.as_deref())?;
        let recall = place.recall(&self.cache)?;
        let made = UnixMillis(Timestamp::now().as_millisecond());
        let range = self.range(made)?;
        let question = Question {
            recall: &recall,
            place: place.to_string(),
            selector: self.selector(),
            range,
            ends_now: self.until.is_none(),
            signals,
            silences,
            made,
        };
        let report = progress::waiting("reading the archive", || question.read());
        report.map_err(|error| {
            let is_too_much = matches!(
                error,
                RecallError::TooManySeries { .. }
                    | RecallError::TooManyPoints { .. }
                    | RecallError::TooManyFindings { .. }
            );
            let failed = place.failed(error);
            match is_too_much {
                true => failed.context("too much for one report: choose targets with --job or --target, or a later --since"),
                false => failed,
            }
        })
    }

    fn range(&self, now: UnixMillis) -> anyhow::Result<Range> {
        let range = Range {
            from: self.since.into(),
            to: self.until.map_or(now, Into::into),
        };
        if range.from >= range.to {
            bail!("--since has to be before --until");
        }
        Ok(range)
    }

    fn selector(&self) -> Selector {
        let mut selector = self.target.clone().unwrap_or_default();
        let job = self.job.iter().map(|job| Matcher::equal("job", job));
        selector.matchers.extend(job);
        selector
    }
}

impl Language {
    /// By the end of the file's name.
    fn of(output: &OutputPath) -> anyhow::Result<Self> {
        let Some(file) = output.file() else {
            return Ok(Self::Markdown);
        };
        let extension = file.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("md" | "markdown") => Ok(Self::Markdown),
            _ => bail!(
                "{}: a report is a page (.html) or Markdown (.md): its name says which",
                file.display()
            ),
        }
    }

    fn render(self, report: &Report) -> String {
        match self {
            Self::Html => html::render(report).as_str().to_owned(),
            Self::Markdown => markdown::render(report),
        }
    }
}
