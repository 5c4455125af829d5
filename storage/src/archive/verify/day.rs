//! All files of one day, and what refers to what among them.

use std::path::Path;

use arrow_array::RecordBatch;

use super::damage::{RESTORE, VerifyReport};
use super::file::{self, Checked};
use super::{Depth, names, rows};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files::{self, TablePath};
use crate::archive::seen::IdSet;
use crate::archive::table::Table;

/// In this order what is referred to is read before what refers to it.
const ORDER: [Table; 20] = [
    Table::MetricSeries,
    Table::MetricPoints,
    Table::MetricHistograms,
    Table::MetricExemplars,
    Table::MetricRollups5m,
    Table::MetricRollups1h,
    Table::MetricHistograms5m,
    Table::MetricHistograms1h,
    Table::Stacks,
    Table::Profiles,
    Table::ProfileSamples,
    Table::Profiles5m,
    Table::ProfileSamples5m,
    Table::Profiles1h,
    Table::ProfileSamples1h,
    Table::FunctionTrend,
    Table::Targets,
    Table::Events,
    Table::Findings,
    Table::Spans,
];

/// What came of a day.
pub(super) struct DayCheck {
    pub(super) report: VerifyReport,
    /// Its files.
    pub(super) listed: Vec<TablePath>,
    /// A file was listed and then gone: merged, pruned, or taken away just now.
    pub(super) lost_a_file: bool,
}

/// Ids of a day, as far as they are referred to.
#[derive(Default)]
struct Ids {
    series: IdSet,
    stacks: IdSet,
    profiles: IdSet,
}

impl DayCheck {
    /// Checks a day.
    pub(super) fn run(root: &Path, day: Day, depth: Depth) -> Result<Self, ArchiveError> {
        let mut check = Self {
            report: VerifyReport::default(),
            listed: Vec::new(),
            lost_a_file: false,
        };
        // What refers is listed before what it refers to: a flush shows its files the other way
        // round, so no reference is seen before its end.
        for table in ORDER.into_iter().rev() {
            let listed = files::files(root, table, day)?;
            names::check_table(root, table, day, &mut check.report)?;
            check.listed.extend(listed);
        }
        let mut ids = Ids::default();
        let mut n_missing = Missing::default();
        for table in ORDER {
            if matches!(table, Table::Profiles5m | Table::Profiles1h) {
                ids.profiles.clear();
            }
            check.read_table(root, table, depth, &mut ids, &mut n_missing);
            n_missing.tell(root, table, day, &mut check.report);
        }
        names::check_points(root, day, &check.listed, &mut check.report);
        Ok(check)
    }

    fn read_table(
        &mut self,
        root: &Path,
        table: Table,
        depth: Depth,
        ids: &mut Ids,
        missing: &mut Missing,
    ) {
        let listed: Vec<TablePath> = self
            .listed
            .iter()
            .filter(|file| file.table == table)
            .cloned()
            .collect();
        for file in listed {
            match file::check(&file, root, depth, &mut self.report) {
                Checked::Gone => self.lost_a_file = true,
                Checked::Damaged => missing.has_damaged_files = true,
                Checked::Readable(..) if depth == Depth::Footers => {}
                Checked::Readable(content, metadata) => {
                    let each = |batch: &RecordBatch| ids.follow(table, batch, missing);
                    if let Err(wrong) = rows::check(&file, content, metadata, each) {
                        self.report.damage(&file.path(root), wrong, RESTORE);
                        missing.has_damaged_files = true;
                    }
                }
            }
        }
        if self.lost_a_file {
            missing.clear();
        }
    }
}

/// References that lead nowhere, of one table.
#[derive(Default)]
struct Missing {
    series: IdSet,
    stacks: IdSet,
    profiles: IdSet,
    /// Of this day: then references are missing because of those.
    has_damaged_files: bool,
}

impl Missing {
    fn clear(&mut self) {
        self.series.clear();
        self.stacks.clear();
        self.profiles.clear();
    }

    /// Puts what is missing into the report, and forgets it.
    fn tell(&mut self, root: &Path, table: Table, day: Day, report: &mut VerifyReport) {
        let path = rows::shown(table, &day.folder(), root);
        let remedy = if self.has_damaged_files {
            "they are in the damaged files of this day"
        } else {
            "a file was taken away: restore it from a copy"
        };
        for (ids, what, of) in [
            (&self.series, "series", "metric_series"),
            (&self.stacks, "stacks", "stacks"),
            (
                &self.profiles,
                "profiles",
                "the profiles of the same resolution",
            ),
        ] {
            if !ids.is_empty() {
                report.damage(
                    &path,
                    format!(
                        "refers to {} {what} that {of} of the day does not have",
                        ids.len()
                    ),
                    remedy,
                );
            }
        }
        self.clear();
    }
}

impl Ids {
    /// Keeps the ids that a batch defines, and looks for those that it refers to.
    fn follow(&mut self, table: Table, batch: &RecordBatch, missing: &mut Missing) {
        match table {
            Table::MetricSeries => self.series.extend(rows::ids(batch, "series_id")),
            Table::Stacks => self.stacks.extend(rows::ids(batch, "stack_id")),
            Table::Profiles | Table::Profiles5m | Table::Profiles1h => {
                self.profiles.extend(rows::ids(batch, "profile_id"));
            }
            Table::ProfileSamples | Table::ProfileSamples5m | Table::ProfileSamples1h => {
                note(
                    &self.stacks,
                    rows::ids(batch, "stack_id"),
                    &mut missing.stacks,
                );
                note(
                    &self.profiles,
                    rows::ids(batch, "profile_id"),
                    &mut missing.profiles,
                );
            }
            Table::FunctionTrend
            | Table::Targets
            | Table::Events
            | Table::Findings
            | Table::Spans => {}
            _ => note(
                &self.series,
                rows::ids(batch, "series_id"),
                &mut missing.series,
            ),
        }
    }
}

/// Neighbours are mostly of one id.
fn note(known: &IdSet, ids: impl Iterator<Item = u64>, missing: &mut IdSet) {
    let mut last = None;
    for id in ids {
        if last != Some(id) && !known.contains(&id) {
            missing.insert(id);
        }
        last = Some(id);
    }
}
