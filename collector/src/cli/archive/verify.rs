//! `leadsman archive verify`.

use std::io::IsTerminal;
use std::process::ExitCode;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use proto::UnixMillis;
use storage::archive::{Depth, Severity, VerifyReport, verify};

use super::place::{Place, below};
use crate::cli::output::print;

/// Check that every file is whole and nothing is missing; a running leadsman is not disturbed
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// Look at names and footers only, and not at every page
    #[arg(long)]
    quick: bool,
}

impl VerifyArgs {
    /// Prints what is wrong and a summary. Fails if anything is damaged.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let root = self.place.tables()?;
        let depth = if self.quick {
            Depth::Footers
        } else {
            Depth::Pages
        };
        let bar = bar();
        let now = UnixMillis(Timestamp::now().as_millisecond());
        let report = verify(&root, depth, now, |progress| {
            bar.set_position(progress.n_bytes);
            bar.set_message(format!("{} files", HumanCount(progress.n_files as u64)));
        });
        bar.finish_and_clear();
        let report = report?;
        for finding in &report.findings {
            let kind = match finding.severity {
                Severity::Damage => "damaged",
                Severity::Notice => "notice",
            };
            let (path, what, remedy) = (below(&finding.path, &root), &finding.what, finding.remedy);
            print(format!("{kind}: {path}: {what} ({remedy})\n").as_bytes())?;
        }
        print(summary(&report, depth).as_bytes())?;
        Ok(if report.is_healthy() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn summary(report: &VerifyReport, depth: Depth) -> String {
    let n_damaged = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Damage)
        .count();
    let looked = match depth {
        Depth::Footers => "names and footers",
        Depth::Pages => "every page",
    };
    let mut line = format!(
        "{} files, {} rows, {}: {looked} checked, ",
        HumanCount(report.n_files as u64),
        HumanCount(report.n_rows),
        HumanBytes(report.n_bytes),
    );
    line += &match n_damaged {
        0 => "nothing is wrong".to_owned(),
        n => format!("{n} damaged"),
    };
    if report.n_without_checksum > 0 {
        line += &format!(
            "; {} files of an older version have no checksum",
            report.n_without_checksum
        );
    }
    line + "\n"
}

/// How much was read so far, on a terminal.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{spinner} {msg}, {bytes} checked, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
