//! Whether an archive is whole: every file, every page, what refers to what, and the log's stretches.
//!
//! It only reads, takes no lock, and runs beside a leadsman: a day of which a file goes while it
//! is read is read again. Memory is bounded by the ids of one day. It repairs nothing; each
//! [`Damage`] says what a person can do.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod damage;
mod day;
mod file;
mod foreign;
mod names;
mod rollups;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use proto::UnixMillis;

use self::day::DayCheck;
use super::day::Day;
use super::error::ArchiveError;
use super::files;
use super::table::Table;

pub use damage::{Damage, Severity, VerifyReport};

/// A day is read again so often when files of it go meanwhile.
const ATTEMPTS: usize = 3;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Names and footers.
    Footers,
    /// Every page of every file, and what refers to what.
    Pages,
}

/// Where a check has got to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Files checked.
    pub n_files: usize,
    /// Their size. Bytes.
    pub n_bytes: u64,
}

/// Checks the archive in a folder. Tells of each day that is done. `now` decides for which days
/// rollups are due.
///
/// # Errors
/// When the file system refuses to list folders. What is wrong with files is in the report.
pub fn verify(
    root: &Path,
    depth: Depth,
    now: UnixMillis,
    mut progress: impl FnMut(VerifyProgress),
) -> Result<VerifyReport, ArchiveError> {
    let reached = files::read_text(&root.join(files::POSITION))?;
    let mut report = VerifyReport::default();
    let mut stretches = names::Stretches::default();
    for day in all_days(root)? {
        let check = check_day(root, day, depth)?;
        stretches.add(&check.listed);
        report.add(check.report);
        progress(VerifyProgress {
            n_files: report.n_files,
            n_bytes: report.n_bytes,
        });
    }
    let writer = files::read_text(&root.join(files::WRITER))?;
    stretches.check(root, writer.as_deref(), reached.as_deref(), &mut report);
    foreign::check(root, &mut report)?;
    rollups::check(root, now, &mut report)?;
    Ok(report)
}

/// A file that goes while its day is read was merged or pruned: the day is read again. If it goes
/// again and again, what is wrong is told.
fn check_day(root: &Path, day: Day, depth: Depth) -> Result<DayCheck, ArchiveError> {
    let mut check = DayCheck::run(root, day, depth)?;
    for _ in 1..ATTEMPTS {
        if !check.lost_a_file {
            break;
        }
        check = DayCheck::run(root, day, depth)?;
    }
    Ok(check)
}

fn all_days(root: &Path) -> Result<BTreeSet<Day>, ArchiveError> {
    let mut all = BTreeSet::new();
    for table in Table::ALL {
        all.extend(files::days(root, table)?);
    }
    Ok(all)
}
