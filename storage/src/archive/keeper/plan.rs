//! Which files are to become one. Pure: a listing and a time in, runs of files out.
//!
//! While a day is open, eight files in a row become one when the largest has no more than a quarter
//! of their bytes: a row is then written again at most log₄(bytes of the day ÷ bytes of a flush)
//! times, and never for the sake of a few new ones. When a day has ended and nothing has come for it
//! for a while, all of its files become one, or as few as the greatest size of a file allows.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use proto::UnixMillis;

use super::listing::{DayFiles, Entry, Listing};
use crate::archive::day::Day;
use crate::archive::file_name::FileName;
use crate::archive::files::{self, TablePath};
use crate::archive::table::{Resolution, Table};

/// Files that become one at most. Bounds memory: there are some MiB of pages for each.
pub(super) const FAN_IN: usize = 8;
/// Files of a writer in an open day above which any eight become one.
const MAX_FILES: usize = 64;
/// Where one file has 7/8 of the bytes of those it would be written again with, it waits this many
/// times longer for more to come.
const PATIENCE: u32 = 36;
/// Stacks are sorted in memory: most that is read of them at once. Bytes of files.
const MAX_STACKS: u64 = 32 << 20;

/// What compaction goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// No file gets larger by compaction. Bytes.
    pub(super) max_file_bytes: u64,
    /// The disk has room for no more than this to be written beside what is there. Bytes.
    pub(super) max_run_bytes: u64,
    /// Time without new files after which a day that has ended is written anew.
    pub(super) settle: Duration,
    /// The time now, which decides which days have ended; `None`: all have, and have settled.
    pub(super) now: Option<UnixMillis>,
}

/// Files of one writer that become one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::archive) struct Run {
    pub(in crate::archive) table: Table,
    pub(in crate::archive) day: Day,
    /// By position, without anything of the same writer between them.
    pub(in crate::archive) inputs: Vec<FileName>,
    /// Their size.
    pub(in crate::archive) n_bytes: u64,
}

impl Run {
    /// The file they become.
    pub(super) fn output(&self) -> Option<TablePath> {
        let (first, to) = (
            self.inputs.first()?,
            self.inputs.iter().map(|name| name.to).max()?,
        );
        Some(TablePath {
            table: self.table,
            day: self.day,
            name: FileName { to, ..*first },
        })
    }
}

/// The next run of each writer, table and day that has one, those of the newest days first.
/// Nothing is merged with or across a file that is `damaged`.
pub(super) fn runs(listing: &Listing, rules: Rules, damaged: &HashSet<TablePath>) -> Vec<Run> {
    let mut runs = Vec::new();
    // A rollup is named by what it was made of, and made again as a whole.
    let raw = |table: Table| table.resolution() == Resolution::Raw;
    for (&(table, day), files) in listing.days.iter().filter(|((table, _), _)| raw(*table)) {
        let state = State::of(day, files, rules);
        for segment in segments(listing, table, day, files, damaged) {
            let cap = match table {
                Table::Stacks => MAX_STACKS.min(rules.max_file_bytes),
                _ => rules.max_file_bytes,
            };
            runs.extend(choose(&segment, state, cap).map(|inputs| Run {
                table,
                day,
                inputs: inputs.iter().map(|entry| entry.name).collect(),
                n_bytes: sum(inputs),
            }));
        }
    }
    runs.sort_by_key(|run| (Reverse(run.day), run.table));
    runs
}

/// Files that another one supersedes, and that one: left by a crash where folders cannot be
/// exchanged, or copied here from elsewhere.
pub(super) fn superseded(listing: &Listing) -> Vec<(TablePath, Vec<FileName>)> {
    let mut found = Vec::new();
    for (&(table, day), files) in &listing.days {
        for name in current(files) {
            let all = files.entries.iter().map(|entry| entry.name);
            let old: Vec<FileName> = all.filter(|other| name.supersedes(*other)).collect();
            if !old.is_empty() {
                found.push((TablePath { table, day, name }, old));
            }
        }
    }
    found
}

/// How far a day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// More rows are to be expected.
    Open,
    /// It has ended, and nothing came for a while.
    Settled,
    /// Nothing came for so long that even a little more is worth writing everything again.
    Final,
}

impl State {
    fn of(day: Day, files: &DayFiles, rules: Rules) -> Self {
        let Some(now) = rules.now else {
            return Self::Final;
        };
        if day.contains(now) {
            return Self::Open;
        }
        // A file from the future was written before the clock was set back: it is not new.
        let age = now.0 - files.modified.0;
        let age = Duration::from_millis(age.unsigned_abs());
        if age >= rules.settle * PATIENCE {
            Self::Final
        } else if age >= rules.settle {
            Self::Settled
        } else {
            Self::Open
        }
    }
}

fn current(files: &DayFiles) -> Vec<FileName> {
    files::current(files.entries.iter().map(|entry| entry.name).collect())
}

/// Current files by position, apart where the writer changes or a damaged one is between.
fn segments(
    listing: &Listing,
    table: Table,
    day: Day,
    files: &DayFiles,
    damaged: &HashSet<TablePath>,
) -> Vec<Vec<Entry>> {
    let mut segments: Vec<Vec<Entry>> = vec![Vec::new()];
    let mut writer = None;
    for name in current(files) {
        let is_damaged = damaged.contains(&TablePath { table, day, name });
        if is_damaged || writer != Some(name.writer) {
            segments.push(Vec::new());
        }
        writer = Some(name.writer);
        let entry = files.entries.iter().find(|entry| entry.name == name);
        if let (Some(segment), Some(entry)) = (segments.last_mut(), entry)
            && !is_damaged
            && listing.is_complete(name)
        {
            segment.push(*entry);
        }
    }
    segments
}

/// The stretch of a segment that becomes one file next.
fn choose(segment: &[Entry], state: State, cap: u64) -> Option<&[Entry]> {
    let starts = 0..segment.len();
    let windows: Vec<&[Entry]> = starts
        .filter_map(|start| window(segment, start, cap))
        .collect();
    let settled = windows.iter().filter(|window| match state {
        State::Open => false,
        State::Settled => largest(window) * 8 <= sum(window) * 7,
        State::Final => true,
    });
    // Most files first, then fewest bytes.
    let settled = settled.min_by_key(|window| (Reverse(window.len()), sum(window)));
    let full = windows.iter().filter(|window| window.len() == FAN_IN);
    let is_crowded = segment.len() > MAX_FILES;
    let even = full.filter(|window| is_crowded || largest(window) * 4 <= sum(window));
    settled
        .or_else(|| even.min_by_key(|window| sum(window)))
        .copied()
}

/// As many files from `start` on as may become one; at least two.
fn window(segment: &[Entry], start: usize, cap: u64) -> Option<&[Entry]> {
    let rest = segment.get(start..)?;
    let mut total = 0;
    let fits = rest.iter().take(FAN_IN).take_while(|entry| {
        total += entry.n_bytes;
        total <= cap
    });
    let n_files = fits.count();
    (n_files >= 2).then(|| rest.get(..n_files)).flatten()
}

fn sum(window: &[Entry]) -> u64 {
    window.iter().map(|entry| entry.n_bytes).sum()
}

fn largest(window: &[Entry]) -> u64 {
    window.iter().map(|entry| entry.n_bytes).max().unwrap_or(0)
}
