//! `leadsman archive prune`.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use indicatif::HumanBytes;
use storage::archive::{Dropped, KeeperOptions, PruneMode, PruneReport};

use super::compact;
use super::place::Place;
use crate::cli::output::print;
use crate::config;

/// Drop days that are not kept any longer now; a running leadsman does so by itself
#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    #[command(flatten)]
    place: Place,
    /// Configuration whose archive.retention holds, without one the defaults, and whose
    /// archive.object_store has to have a day that is too old before it goes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

impl PruneArgs {
    /// Drops what is not kept, and says what it was.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = config::load(self.config.as_deref()).map_err(|errors| anyhow!("{errors}"))?;
        let (policy, store) = (config.archive.keeper.retention, config.archive.object_store);
        let mode = if self.dry_run {
            PruneMode::DryRun
        } else {
            PruneMode::Apply
        };
        let root = self.place.tables()?;
        let mut keeper = compact::open(&root, KeeperOptions::default())?;
        if let Some(store) = store {
            let bucket = store.open().map_err(|error| anyhow!(error))?;
            keeper.wait_for(bucket.uploaded(&root)?);
        }
        let report = keeper
            .prune(&policy, mode)
            .with_context(|| format!("failed to prune {}", root.display()))?;
        print(told(&report, mode).as_bytes())
    }
}

/// A line for each day of a table, and the sum.
fn told(report: &PruneReport, mode: PruneMode) -> String {
    let mut text: String = report.dropped.iter().map(line).collect();
    let freed: u64 = report.dropped.iter().map(|dropped| dropped.n_bytes).sum();
    let verb = match mode {
        PruneMode::DryRun => "would go",
        PruneMode::Apply => "went",
    };
    let (freed, all) = (HumanBytes(freed), HumanBytes(report.n_bytes));
    text += &format!("{freed} of {all} {verb}\n");
    if report.missing_bytes > 0 {
        let missing = HumanBytes(report.missing_bytes);
        text += &format!("the disk still lacks {missing}, and there is no older day to drop\n");
    }
    text
}

fn line(dropped: &Dropped) -> String {
    let (day, table, reason) = (&dropped.day, dropped.table, dropped.reason.name());
    let lost = if dropped.is_awaited {
        ", not all of it in the object store"
    } else {
        ""
    };
    let n_bytes = HumanBytes(dropped.n_bytes);
    format!("{day} {table}: {n_bytes} ({reason}{lost})\n")
}
