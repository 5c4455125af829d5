//! Days that are to be rolled up, and doing that.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use proto::UnixMillis;

use super::compact::Bench;
use super::listing::Listing;
use super::replace::{self, replace};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::FileName;
use crate::archive::files::{self, TablePath};
use crate::archive::rollup::plan::{self, DayState, Group, Names, Stretch};
use crate::archive::rollup::{self, RollUp};
use crate::archive::table::Table;
use crate::archive::table_file::Written;

/// Time between two rollups of a day that lasts.
const OPEN: Duration = Duration::from_secs(3600);
/// Folder of files that are being written, below that of the keeper.
const WORK: &str = "rollup";

/// When each day was last rolled up, or tried to be.
pub(super) type Attempts = HashMap<(Group, Day), UnixMillis>;

/// The files that rollups go by: those of our own writer, without damaged ones.
struct Current<'a> {
    listing: &'a Listing,
    damaged: &'a HashSet<TablePath>,
}

impl Names for Current<'_> {
    fn days(&self, table: Table) -> Vec<Day> {
        let days = self.listing.days.keys();
        let days = days.filter(|(other, _)| *other == table);
        days.map(|(_, day)| *day).collect()
    }

    fn names(&self, table: Table, day: Day) -> Vec<FileName> {
        let Some(files) = self.listing.days.get(&(table, day)) else {
            return Vec::new();
        };
        let counts = |name: &FileName| {
            let file = TablePath {
                table,
                day,
                name: *name,
            };
            let is_ours = self
                .listing
                .written
                .is_some_and(|(writer, reached)| name.writer == writer && name.to <= reached);
            is_ours && !self.damaged.contains(&file)
        };
        let names = files.entries.iter().map(|entry| entry.name);
        files::current(names.filter(counts).collect())
    }
}

/// Everything that is stale, by day.
pub(super) fn stale(
    listing: &Listing,
    damaged: &HashSet<TablePath>,
    now: UnixMillis,
) -> Vec<Stretch> {
    plan::stale(&Current { listing, damaged }, now)
}

/// What is to be rolled up next: the earliest day that is stale, and was not rolled up so recently
/// that it can wait. A day that has ended waits until nothing has come for it for `settle`.
pub(super) fn next(
    listing: &Listing,
    damaged: &HashSet<TablePath>,
    attempts: &Attempts,
    now: UnixMillis,
    settle: Duration,
) -> Option<Stretch> {
    let age = |time: UnixMillis| Duration::from_millis(now.0.abs_diff(time.0));
    let modified = |table, day| {
        let files = listing.days.get(&(table, day));
        files.map(|files| files.modified)
    };
    stale(listing, damaged, now).into_iter().find(|stretch| {
        let (group, day) = (stretch.group, stretch.day);
        let attempt = attempts.get(&(group, day)).copied();
        let (times, wait) = match stretch.state {
            DayState::Open => ([attempt.or(modified(group.rolled(), day)), None], OPEN),
            DayState::Ended => ([attempt, modified(group.raw(), day)], settle),
        };
        times.into_iter().flatten().all(|time| age(time) >= wait)
    })
}

/// Days of raw tables whose rows are not in windows yet, or not all of them.
pub(super) fn waiting(
    listing: &Listing,
    damaged: &HashSet<TablePath>,
    now: UnixMillis,
) -> HashSet<(Table, Day)> {
    let stale = stale(listing, damaged, now).into_iter();
    stale
        .map(|stretch| (stretch.group.raw(), stretch.day))
        .collect()
}

/// Rolls a stretch up, and puts the files in the place of those they supersede.
pub(super) fn roll_up(bench: &mut Bench<'_>, stretch: &Stretch) -> Result<Written, ArchiveError> {
    let root = bench.folder.root();
    let work = replace::folder(root)?.join(WORK);
    replace::remove_tree(&work)?;
    replace::make_empty(&work)?;
    let pace = RefCell::new(&mut *bench.pace);
    let job = RollUp {
        root,
        work: &work,
        level: bench.level,
        pause: &|| pace.borrow_mut().pause(),
    };
    let staged = job.run(stretch).inspect_err(|_| {
        // On a full disk it takes space that the log could use.
        let _ = replace::remove_tree(&work);
    })?;
    let mut sum = Written::default();
    for staged in staged {
        sum.n_rows += staged.written.n_rows;
        sum.n_bytes += staged.written.n_bytes;
        publish(bench, root, staged)?;
    }
    replace::remove_tree(&work)?;
    Ok(sum)
}

/// What a rollup reads: the raw files, and the files of the day that these refer to.
pub(super) fn sources(root: &Path, stretch: &Stretch) -> Result<Vec<TablePath>, ArchiveError> {
    let (table, day) = (stretch.group.raw(), stretch.day);
    let raw = stretch
        .raw
        .iter()
        .map(|&name| TablePath { table, day, name });
    let mut sources: Vec<TablePath> = raw.collect();
    let others: &[Table] = match stretch.group {
        Group::Points => &[Table::MetricSeries],
        Group::Histograms => &[],
        Group::Profiles => &[Table::ProfileSamples, Table::Stacks],
    };
    for table in others {
        sources.extend(files::files(root, *table, day)?);
    }
    Ok(sources)
}

fn publish(bench: &Bench<'_>, root: &Path, staged: rollup::Staged) -> Result<(), ArchiveError> {
    let rollup::Staged { file, path, .. } = staged;
    let (table, day) = (file.table, file.day);
    let names = files::files(root, table, day)?.into_iter();
    let old = names.map(|file| file.name);
    let old: Vec<FileName> = old.filter(|old| file.name.supersedes(*old)).collect();
    let staged = replace::Staged { file, path };
    replace(bench.folder, table, day, &[staged], &old)
}
