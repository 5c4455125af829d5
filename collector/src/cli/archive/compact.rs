//! `leadsman archive compact`.

use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use jiff::Timestamp;
use proto::UnixMillis;
use storage::archive::{ArchiveError, CompactionOptions, CompactionReport, Keeper, KeeperOptions};

use super::place::Place;
use crate::cli::output::print;

/// Roll days up and merge small files into large ones now; a running leadsman does so by itself
#[derive(Debug, clap::Args)]
pub(super) struct CompactArgs {
    #[command(flatten)]
    place: Place,
    /// zstd level of what is written
    #[arg(long, value_name = "1-22", default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=22))]
    compression_level: i32,
}

impl CompactArgs {
    /// Does what is due, and says what came of it.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (n_rolled_up, report) = tidy_up(&self.place.tables()?, self.compression_level)?;
        for path in &report.damaged {
            eprintln!(
                "leadsman: warning: {} is damaged and was left as it is",
                path.display()
            );
        }
        let (files, bytes) = (report.n_files, report.bytes);
        let text = format!(
            "{} rollups; {} merges: {} files of {} became {} of {}\n",
            HumanCount(n_rolled_up as u64),
            HumanCount(report.merged.len() as u64),
            HumanCount(files.0 as u64),
            HumanBytes(bytes.0),
            HumanCount(files.1 as u64),
            HumanBytes(bytes.1),
        );
        print(text.as_bytes())
    }
}

/// Rolls up and merges an archive that no leadsman is running on, and shows how far it is. Returns how
/// many rollups there were, and what was merged.
pub(super) fn tidy_up(
    root: &Path,
    compression_level: i32,
) -> anyhow::Result<(usize, CompactionReport)> {
    let compaction = CompactionOptions {
        compression_level,
        ..CompactionOptions::default()
    };
    let options = KeeperOptions {
        compaction,
        ..KeeperOptions::default()
    };
    let mut keeper = open(root, options)?;
    let bar = bar();
    let now = UnixMillis(Timestamp::now().as_millisecond());
    let n_rolled_up = keeper.roll_up_all(now, |day| {
        bar.inc(1);
        bar.set_message(format!("{day} rolled up"));
    });
    let n_rolled_up =
        n_rolled_up.with_context(|| format!("failed to roll up {}", root.display()))?;
    let report = keeper.compact_all(|merged| {
        bar.inc(1);
        bar.set_message(format!(
            "{} of {}: {} files merged",
            merged.table, merged.day, merged.n_files
        ));
    });
    bar.finish_and_clear();
    let report = report.with_context(|| format!("failed to compact {}", root.display()))?;
    Ok((n_rolled_up, report))
}

/// The keeper of an archive, if nobody else has it.
pub(super) fn open(root: &Path, options: KeeperOptions) -> anyhow::Result<Keeper> {
    Keeper::open(root, options).map_err(|error| match error {
        ArchiveError::Locked { path } => anyhow!(
            "leadsman is running on {}: it keeps the archive in order itself; stop it first to do so by hand",
            path.display()
        ),
        error => error.into(),
    })
}

fn bar() -> ProgressBar {
    if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    }
}
