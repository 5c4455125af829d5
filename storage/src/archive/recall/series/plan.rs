//! Which files a day's points are read from.

use crate::Position;
use crate::archive::day::Day;
use crate::archive::file_name::WriterId;
use crate::archive::files::TablePath;
use crate::archive::recall::snapshot::Listing;
use crate::archive::table::{Resolution, Table};

/// The files of a day that make up its points, each row once.
#[derive(Debug)]
pub(super) struct DayPlan {
    pub(super) day: Day,
    /// How fine the points are that come out. `Raw`: samples.
    pub(super) resolution: Resolution,
    /// Files of `metric_series`.
    pub(super) series: Vec<TablePath>,
    /// Raw rows, from which windows are made unless samples are asked for.
    pub(super) raw: Vec<TablePath>,
    /// Windows, of [`DayPlan::resolution`] or finer; or coarser, if the day has no others.
    pub(super) rolled: Vec<TablePath>,
}

impl DayPlan {
    pub(super) fn new(listing: &Listing, day: Day, resolution: Resolution, has_tail: bool) -> Self {
        let mut plan = Self {
            day,
            resolution,
            series: listing.of(Table::MetricSeries, day).to_vec(),
            raw: Vec::new(),
            rolled: Vec::new(),
        };
        let all = Of {
            raw: listing.of(Table::MetricPoints, day),
            fine: listing.of(Table::MetricRollups5m, day),
            coarse: listing.of(Table::MetricRollups1h, day),
        };
        for writer in all.writers() {
            let tail = listing
                .written
                .filter(|(own, _)| *own == writer && has_tail);
            plan.add(&all, writer, tail.map(|(_, position)| position));
        }
        plan
    }

    /// Adds the files of a writer. `tail` is where the rows start that are in its log only.
    fn add(&mut self, all: &Of<'_>, writer: WriterId, tail: Option<Position>) {
        let raw = of(all.raw, writer);
        let (fine, coarse) = (of(all.fine, writer), of(all.coarse, writer));
        let rolled = match self.resolution {
            Resolution::Raw if !raw.is_empty() => {
                self.raw.extend(raw);
                return;
            }
            Resolution::Raw | Resolution::FiveMinutes if !fine.is_empty() => fine,
            Resolution::OneHour if coarse.is_empty() => fine,
            Resolution::FiveMinutes if !raw.is_empty() => fine,
            _ => coarse,
        };
        let reached = rolled.iter().map(|file| file.name.to).max();
        let reached = reached.unwrap_or_default();
        let is_stale = tail.is_some() || raw.iter().any(|file| file.name.to > reached);
        let from = |files: &[TablePath]| files.iter().map(|file| file.name.from).min();
        let raw_has_all = match (from(&raw), from(&rolled)) {
            (Some(raw), Some(rolled)) => raw <= rolled,
            (raw, None) => raw.is_some(),
            (None, Some(_)) => false,
        };
        if is_stale && raw_has_all {
            self.raw.extend(raw);
        } else {
            // What came after the windows were made is added to them.
            self.raw
                .extend(raw.into_iter().filter(|file| file.name.from >= reached));
            self.rolled.extend(rolled);
        }
    }
}

/// The files of a day.
struct Of<'a> {
    raw: &'a [TablePath],
    fine: &'a [TablePath],
    coarse: &'a [TablePath],
}

impl Of<'_> {
    fn writers(&self) -> Vec<WriterId> {
        let files = self.raw.iter().chain(self.fine).chain(self.coarse);
        let mut writers: Vec<WriterId> = files.map(|file| file.name.writer).collect();
        writers.sort_by_key(|writer| writer.0);
        writers.dedup();
        writers
    }
}

fn of(files: &[TablePath], writer: WriterId) -> Vec<TablePath> {
    let files = files.iter().filter(|file| file.name.writer == writer);
    files.cloned().collect()
}
