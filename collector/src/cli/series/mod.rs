//! `leadsman series`: series of the archive, by PromQL's selectors.

mod export;
mod list;
pub(super) mod number;
pub(super) mod sparkline;
mod table;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proto::selector::Selector;
use proto::{UnixMillis, UnixNanos};
use storage::archive::{Asked, Resolution, SeriesAnswer, SeriesLimits, SeriesQuery};

use super::output::print;
use super::profile::progress;
use super::{data, time};

/// Show series of the archive: what was measured, at the resolution that suits the range
#[derive(Debug, Args)]
pub struct SeriesArgs {
    /// Which series, as in PromQL: etcd_server_has_leader, or 'up{job="etcd",instance=~"a.*"}'
    #[arg(value_name = "SELECTOR", required_unless_present = "list")]
    selector: Option<Selector>,
    /// The archive's folder or bucket (s3://BUCKET/PREFIX, gs://…, az://…)
    /// [default: leadsman-data, if it is here]
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    cache: data::CacheArgs,
    /// Since then: 2026-11-21T10:00:00Z, 2026-11-21 (UTC), or 2h (ago)
    #[arg(long, value_name = "TIME", value_parser = time::parse, default_value = "6h")]
    from: UnixNanos,
    /// Before then [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<UnixNanos>,
    /// How fine the points are
    #[arg(long, alias = "step", value_enum, value_name = "HOW", default_value_t = ResolutionArg::Auto)]
    resolution: ResolutionArg,
    /// How to print them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    output: Format,
    /// Show which series there are, without their points; alone: which metrics
    #[arg(long)]
    list: bool,
    /// Points at most, of all series together
    #[arg(long, value_name = "N", default_value_t = SeriesLimits::default().n_points)]
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResolutionArg {
    /// Raw up to six hours, 5m up to ten days, else 1h
    Auto,
    /// As it was scraped
    Raw,
    /// Windows of five minutes
    #[value(name = "5m")]
    FiveMinutes,
    /// Windows of an hour
    #[value(name = "1h")]
    OneHour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: a line for each series, with a sparkline
    Table,
    /// A line for each point, with a heading
    Csv,
    /// An array of series
    Json,
}

impl SeriesArgs {
    /// Reads and prints.
    ///
    /// # Errors
    /// If there is no archive, it cannot be read, or too much matches.
    pub fn run(self) -> anyhow::Result<()> {
        let place = data::Place::find(self.archive.as_deref())?;
        let recall = place.recall(&self.cache)?;
        let query = self.query();
        let answer = progress::waiting("reading series", || {
            if self.list {
                recall.series_names(&query)
            } else {
                recall.series(&query)
            }
        });
        let answer = answer.map_err(|error| place.failed(error))?;
        for error in &answer.left_out {
            eprintln!(
                "leadsman: warning: left out: {}",
                storage::ErrorChain(error)
            );
        }
        if answer.n_native_histograms > 0 {
            eprintln!(
                "leadsman: warning: left out: {} native histograms that match: an engine reads them from the tables metric_histograms, …_5m and …_1h",
                answer.n_native_histograms
            );
        }
        self.check_found(&answer)?;
        print(self.render(&query, &answer)?.as_bytes())
    }

    fn query(&self) -> SeriesQuery {
        let resolution = match self.resolution {
            ResolutionArg::Auto => Asked::Auto,
            ResolutionArg::Raw => Asked::Exactly(Resolution::Raw),
            ResolutionArg::FiveMinutes => Asked::Exactly(Resolution::FiveMinutes),
            ResolutionArg::OneHour => Asked::Exactly(Resolution::OneHour),
        };
        let limits = SeriesLimits {
            n_points: self.limit,
            ..SeriesLimits::default()
        };
        SeriesQuery {
            selector: self.selector.clone().unwrap_or_default(),
            from: Some(self.from.into()),
            to: Some(self.until.unwrap_or_else(now).into()),
            resolution,
            limits,
        }
    }

    fn render(&self, query: &SeriesQuery, answer: &SeriesAnswer) -> anyhow::Result<String> {
        let style = if stdout().is_terminal() {
            table::Style::Terminal
        } else {
            table::Style::Plain
        };
        Ok(match self.output {
            Format::Csv => export::csv(answer),
            Format::Json => serde_json::to_string(&export::json(answer))? + "\n",
            Format::Table if self.list => list::render(answer, self.selector.is_some()),
            Format::Table => table::render(query, answer, style),
        })
    }

    fn check_found(&self, answer: &SeriesAnswer) -> anyhow::Result<()> {
        let selector = self
            .selector
            .as_ref()
            .map_or("{}".to_owned(), Selector::to_string);
        let range = |end: UnixNanos| time::show(UnixMillis::from(end));
        anyhow::ensure!(
            !answer.series.is_empty(),
            "no series matches {selector} from {} to {} UTC: try --from, or --list for what there is",
            range(self.from),
            range(self.until.unwrap_or_else(now))
        );
        Ok(())
    }
}

fn now() -> UnixNanos {
    let now = jiff::Timestamp::now().as_nanosecond();
    UnixNanos(i64::try_from(now).unwrap_or(i64::MAX))
}
