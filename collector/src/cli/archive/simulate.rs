//! `leadsman archive simulate`.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use baseline::signals::Program as Signals;
use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use proto::{UnixMillis, UnixNanos};
use storage::archive::{Archive, ArchiveOptions};

use super::compact;
use crate::cli::time;
use crate::config;
use crate::simulate::{Program, Simulation, Summary};

const MILLIS_A_DAY: i64 = 86_400_000;
/// Rows of a day at the usual intervals in one or two files.
const BUFFER_BYTES: usize = 64 << 20;

/// Make an archive of months of plausible data: etcd and containerd as they were recorded, with
/// days and weeks, restarts, an upgrade, slow disks and a leak
#[derive(Debug, clap::Args)]
pub(super) struct SimulateArgs {
    /// Folder to write; it must not exist or be empty
    out: PathBuf,
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
    /// Where they end: 2026-11-21T10:00:00Z, 2026-11-21 (UTC), or 2h (ago) [default: last midnight, UTC]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<UnixNanos>,
    /// Time between two scrapes of a target
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration)]
    step: Duration,
    /// Time between two profiles of a kind, or off [default: 1m, but not less than --step]
    #[arg(long, value_name = "DURATION|off", value_parser = parse_interval)]
    profile_interval: Option<Interval>,
    /// Time between two flushes: how many files a day has before they are compacted
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    flush_interval: Duration,
    /// How many targets: the programs in turn
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=65536))]
    targets: u32,
    /// About how many series each target has [default: as recorded]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    series_per_target: Option<u32>,
    /// What to replay instead: folders of `leadsman capture`, each with the name of its job
    #[arg(long, value_name = "JOB=DIR", value_parser = parse_pages)]
    pages: Vec<(String, PathBuf)>,
    /// Another number makes other data, the same one the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave files as they are flushed, and do not roll up and merge them at the end
    #[arg(long)]
    as_flushed: bool,
    /// zstd level of the files
    #[arg(long, value_name = "1-22", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=22))]
    compression_level: i32,
}

/// `--profile-interval`.
#[derive(Clone, Copy, Debug)]
enum Interval {
    Off,
    Every(Duration),
}

impl SimulateArgs {
    /// Writes the archive and says what is in it.
    pub(super) fn run(self) -> anyhow::Result<()> {
        refuse_non_empty(&self.out)?;
        let simulation = self.simulation()?;
        let started = Instant::now();
        let mut archive = Archive::open(ArchiveOptions {
            path: self.out.clone(),
            buffer_bytes: BUFFER_BYTES,
            flush_interval: self.flush_interval,
            compression_level: self.compression_level,
        })?;
        let bar = bar(&simulation);
        let summary = simulation.write(&mut archive, |time, summary| {
            bar.set_position((time.0 - simulation.from.0).max(0) as u64);
            bar.set_message(format!("{} samples", HumanCount(summary.n_samples)));
        });
        bar.finish_and_clear();
        let mut summary = summary?;
        drop(archive);
        if !self.as_flushed {
            let (_, report) = compact::tidy_up(&self.out, self.compression_level)?;
            (summary.n_files, summary.n_bytes) = (report.n_files.1, report.bytes.1);
        }
        self.report(&summary, started.elapsed());
        Ok(())
    }

    fn simulation(&self) -> anyhow::Result<Simulation> {
        let until = match self.until {
            Some(time) => UnixMillis::from(time),
            None => UnixMillis(
                Timestamp::now().as_millisecond().div_euclid(MILLIS_A_DAY) * MILLIS_A_DAY,
            ),
        };
        let from = UnixMillis(until.0 - i64::from(self.days) * MILLIS_A_DAY);
        if from.0 < 0 {
            bail!("--until less --days is before 1970");
        }
        let every = self
            .profile_interval
            .unwrap_or(Interval::Every(self.step.max(Duration::from_secs(60))));
        Ok(Simulation {
            from,
            until,
            step: self.step,
            profile_interval: match every {
                Interval::Off => None,
                Interval::Every(interval) => Some(interval),
            },
            flush_interval: self.flush_interval,
            n_targets: self.targets as usize,
            programs: self.programs()?,
            signals: Arc::new(Signals::new(&config::built_in_signals()?)?),
            seed: self.seed,
        })
    }

    fn programs(&self) -> anyhow::Result<Vec<Program>> {
        let mut programs = Vec::new();
        for (job, folder) in &self.pages {
            programs.push(Program::captured(job, folder)?);
        }
        if programs.is_empty() {
            programs = Program::embedded()?;
        }
        if let Some(n_series) = self.series_per_target {
            let fitted = programs
                .into_iter()
                .map(|program| program.with_series(n_series as usize));
            programs = fitted.collect();
        }
        Ok(programs)
    }

    fn report(&self, summary: &Summary, took: Duration) {
        let out = self.out.display();
        println!(
            "{out}: {} days of {} targets: {} series, {} samples, {} profiles; {} in {} files, made in {}",
            self.days,
            self.targets,
            HumanCount(summary.n_series as u64),
            HumanCount(summary.n_samples),
            HumanCount(summary.n_profiles),
            HumanBytes(summary.n_bytes),
            HumanCount(summary.n_files as u64),
            HumanDuration(took),
        );
        println!(
            "e.g. duckdb -c \"SELECT name, count(DISTINCT series_id) AS series FROM \
             '{out}/metric_series/*/*.parquet' GROUP BY ALL ORDER BY 2 DESC LIMIT 10\""
        );
    }
}

/// A bar with the time that is left, on a terminal.
fn bar(simulation: &Simulation) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let length = (simulation.until.0 - simulation.from.0).max(0) as u64;
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template("{wide_bar} {percent}% {msg}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn refuse_non_empty(out: &Path) -> anyhow::Result<()> {
    let shown = out.display();
    fs::create_dir_all(out).with_context(|| format!("failed to create folder {shown}"))?;
    let mut entries =
        fs::read_dir(out).with_context(|| format!("failed to read folder {shown}"))?;
    if entries.next().is_some() {
        bail!("folder {shown} is not empty: choose another one");
    }
    Ok(())
}

fn parse_duration(text: &str) -> anyhow::Result<Duration> {
    let duration: jiff::SignedDuration = text
        .parse()
        .context("expected a duration such as 15s, 1m or 24h")?;
    let duration = Duration::try_from(duration).ok();
    duration
        .filter(|duration| *duration >= Duration::from_secs(1))
        .context("expected a second or more")
}

fn parse_interval(text: &str) -> anyhow::Result<Interval> {
    if text == "off" {
        return Ok(Interval::Off);
    }
    parse_duration(text).map(Interval::Every)
}

fn parse_pages(text: &str) -> anyhow::Result<(String, PathBuf)> {
    let (job, folder) = text.split_once('=').context("expected JOB=DIR")?;
    Ok((job.to_owned(), folder.into()))
}
