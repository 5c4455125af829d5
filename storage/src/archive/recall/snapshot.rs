//! What an answer is made of: files, and the records that are in the log and in no file yet.
//!
//! The writer goes on meanwhile. Its files reach a position that it writes down after each flush:
//! if that is the same before and after listing and reading the log, then no row is in both and
//! none in neither. A committed flush whose files are not all in their tables yet has not moved the
//! position: its rows come from the log, and those of its files that can be seen do not count.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::Recall;
use super::error::RecallError;
use crate::Position;
use crate::archive::day::Day;
use crate::archive::file_name::WriterId;
use crate::archive::files::TablePath;
use crate::archive::table::Table;
use crate::log::{self, Entry};

/// How often an answer is begun anew because files were replaced under way.
const ATTEMPTS: u32 = 20;
/// Longer each time: a flush moves its files in some milliseconds.
const PAUSE: Duration = Duration::from_millis(5);

/// Which days an answer needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Days {
    /// From this one on.
    pub(super) first: Option<Day>,
    /// Up to this one, itself included.
    pub(super) last: Option<Day>,
}

impl Days {
    fn contains(&self, day: Day) -> bool {
        self.first.is_none_or(|first| day >= first) && self.last.is_none_or(|last| day <= last)
    }
}

/// The files of some tables, by table and day.
#[derive(Debug, Default)]
pub(super) struct Listing {
    files: BTreeMap<(Table, Day), Vec<TablePath>>,
    /// The writer whose log is read, and the position from which on.
    pub(super) written: Option<(WriterId, Position)>,
}

impl Listing {
    /// Files of a table and day.
    pub(super) fn of(&self, table: Table, day: Day) -> &[TablePath] {
        self.files.get(&(table, day)).map_or(&[], Vec::as_slice)
    }

    /// Days on which one of some tables has files, in order.
    pub(super) fn days(&self, tables: &[Table]) -> Vec<Day> {
        let keys = self.files.keys();
        let mut days: Vec<Day> = keys
            .filter(|(table, _)| tables.contains(table))
            .map(|(_, day)| *day)
            .collect();
        days.sort_unstable();
        days.dedup();
        days
    }
}

/// What is made of the records that are in the log and in no file.
pub(super) trait Tail {
    /// Takes the next record.
    fn add(&mut self, entry: Entry) -> Result<(), RecallError>;
}

impl Recall {
    /// Gives `answer` the files of `tables` and what a tail made of the records that are in none,
    /// as often as it takes for both to be of one moment and for every file to be there.
    ///
    /// Tables are listed in the order of [`Table::ALL`]: what was computed from others is listed
    /// behind them, so that it is there if they have expired meanwhile. Where files come one by one
    /// it is the other way round: what a listed file refers to was there before it.
    pub(super) fn snapshot<T: Tail, R>(
        &self,
        tables: &[Table],
        days: Days,
        new_tail: impl Fn() -> T,
        answer: impl Fn(&Listing, T) -> Result<R, RecallError>,
    ) -> Result<R, RecallError> {
        let taken = self.allowance.taken();
        for attempt in 0..ATTEMPTS {
            thread::sleep(PAUSE * attempt);
            self.allowance.check()?;
            self.allowance.settle(taken);
            let mut tail = new_tail();
            let Some(listing) = self.list(tables, days, &mut tail)? else {
                continue;
            };
            match answer(&listing, tail) {
                Err(error) if error.is_gone() => {}
                result => return result,
            }
        }
        Err(RecallError::Changing { attempts: ATTEMPTS })
    }

    /// Lists the files and reads the log; `None` if files were added meanwhile.
    fn list(
        &self,
        tables: &[Table],
        days: Days,
        tail: &mut impl Tail,
    ) -> Result<Option<Listing>, RecallError> {
        let written = self.files.written()?;
        let mut files = BTreeMap::new();
        let mut order = Table::ALL;
        if self.files.come_one_by_one() {
            order.reverse();
        }
        for table in order.into_iter().filter(|table| tables.contains(table)) {
            let known = self.files.days(table)?.into_iter();
            for day in known.filter(|day| days.contains(*day)) {
                let mut of_day = self.files.files(table, day)?;
                of_day.retain(|file| counts(file, written));
                if !of_day.is_empty() {
                    files.insert((table, day), of_day);
                }
            }
        }
        if let Some(folder) = &self.log {
            let position = written.map_or(Position(0), |(_, position)| position);
            for entry in log::records_after(folder, position)? {
                let entry = entry?;
                self.allowance.check()?;
                if entry.end > position {
                    tail.add(entry)?;
                }
            }
        }
        let is_still_so = self.files.written()? == written;
        Ok(is_still_so.then_some(Listing { files, written }))
    }
}

/// Whether the rows of a file are not in the log's tail too.
fn counts(file: &TablePath, written: Option<(WriterId, Position)>) -> bool {
    written.is_none_or(|(writer, position)| file.name.writer != writer || file.name.to <= position)
}
