//! What the names of files tell: overlaps, stretches of the log that no file has, and files that
//! another one replaces.

use std::collections::BTreeMap;
use std::path::Path;

use super::damage::VerifyReport;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files::{self, TablePath};
use crate::archive::table::Table;

/// From one position to another one.
type Stretch = (u64, u64);

/// Checks the names in one table's folder of a day.
pub(super) fn check_table(
    root: &Path,
    table: Table,
    day: Day,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let folder = root.join(table.name()).join(day.folder());
    let mut ours = Vec::new();
    for name in files::list(&folder)? {
        match FileName::parse(&name) {
            Some(name) => ours.push(name),
            None if name.starts_with('.') => {}
            None if name.ends_with(".parquet") => {
                report.damage(
                    &folder.join(name),
                    "is not leadsman's, and queries read it too",
                    "move it away",
                );
            }
            None => report.notice(&folder.join(name), "is not leadsman's", "move it away"),
        }
    }
    let current = files::current(ours.clone());
    for old in ours.iter().filter(|name| !current.contains(name)) {
        let path = folder.join(old.to_string());
        report.damage(
            &path,
            "its rows are in a larger file too, and queries count them twice",
            "leadsman archive compact removes it",
        );
    }
    for pair in current.windows(2) {
        if let [left, right] = pair
            && left.writer == right.writer
            && right.from < left.to
        {
            let what = format!("holds part of what {left} holds too, and queries count it twice");
            report.damage(
                &folder.join(right.to_string()),
                what,
                "move one of them away",
            );
        }
    }
    Ok(())
}

/// Points that other tables show to be missing: a flush that describes series has samples of them,
/// and where one flush is missing between others, it is not missing from all tables.
pub(super) fn check_points(root: &Path, day: Day, listed: &[TablePath], report: &mut VerifyReport) {
    let of = |tables: &[Table]| {
        let files = listed.iter().filter(|file| tables.contains(&file.table));
        let mut by_writer: BTreeMap<u64, Vec<Stretch>> = BTreeMap::new();
        for file in files {
            let stretches = by_writer.entry(file.name.writer.0).or_default();
            stretches.push((file.name.from.0, file.name.to.0));
        }
        by_writer
    };
    let points = of(&[Table::MetricPoints, Table::MetricHistograms]);
    let mut missing = Vec::new();
    // Without any points they were pruned, and what is left of the day are its rollups.
    let is_pruned = points.is_empty()
        && listed
            .iter()
            .any(|file| file.table == Table::MetricRollups1h);
    for (writer, series) in of(&[Table::MetricSeries]) {
        let points = points.get(&writer).map_or(&[][..], Vec::as_slice);
        let has_points = |stretch: &Stretch| {
            points
                .iter()
                .any(|points| points.0 < stretch.1 && stretch.0 < points.1)
        };
        missing.extend(
            series
                .into_iter()
                .filter(|stretch| !is_pruned && !has_points(stretch))
                .map(|stretch| (writer, stretch)),
        );
    }
    for (writer, profiles) in of(&[Table::Profiles]) {
        let gaps = points
            .get(&writer)
            .map_or(Vec::new(), |points| gaps(points.clone()));
        missing.extend(
            profiles
                .into_iter()
                .filter(|stretch| gaps.contains(stretch))
                .map(|stretch| (writer, stretch)),
        );
    }
    missing.sort_unstable();
    missing.dedup();
    for (writer, (from, to)) in missing {
        let folder = root.join(Table::MetricPoints.name()).join(day.folder());
        let path = folder.join(format!("{}-{from}-{to}.parquet", WriterId(writer)));
        let what = "is missing: other tables have rows of the same stretch of the log";
        report.damage(&path, what, "restore it from a copy");
    }
}

/// Stretches of the logs, over all tables and days.
#[derive(Debug, Default)]
pub(super) struct Stretches(BTreeMap<u64, Vec<Stretch>>);

impl Stretches {
    /// Adds the files of a day.
    pub(super) fn add(&mut self, files: &[TablePath]) {
        for file in files {
            let stretches = self.0.entry(file.name.writer.0).or_default();
            stretches.push((file.name.from.0, file.name.to.0));
        }
        for stretches in self.0.values_mut() {
            *stretches = joined(std::mem::take(stretches));
        }
    }

    /// Reports what no file has. What is before the first file was pruned. `reached` is the
    /// position that `writer`'s last flush wrote down, before the files were listed.
    pub(super) fn check(
        self,
        root: &Path,
        writer: Option<&str>,
        reached: Option<&str>,
        report: &mut VerifyReport,
    ) {
        let own = writer.and_then(WriterId::parse);
        let reached = reached.and_then(|text| text.trim().parse::<u64>().ok());
        for (writer, mut stretches) in self.0 {
            if let Some(reached) = reached.filter(|_| own == Some(WriterId(writer))) {
                stretches.push((reached, reached));
            }
            for (from, to) in gaps(stretches) {
                let what = format!(
                    "no file has positions {from} to {to} of the log of {}",
                    WriterId(writer)
                );
                report.damage(
                    root,
                    what,
                    "restore the files of that stretch from a copy, if rows are missed",
                );
            }
        }
    }
}

/// Stretches that touch become one.
fn joined(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_unstable();
    let mut joined: Vec<Stretch> = Vec::new();
    for (from, to) in stretches {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// What lies between stretches.
fn gaps(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let joined = joined(stretches);
    let pairs = joined.windows(2).filter_map(|pair| match pair {
        [left, right] => Some((left.1, right.0)),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_no_stretch_has() {
        assert_eq!(gaps(vec![(10, 20), (0, 10), (5, 12)]), []);
        assert_eq!(gaps(vec![(30, 40), (0, 10), (10, 20)]), [(20, 30)]);
        assert_eq!(gaps(vec![(0, 10), (12, 12)]), [(10, 12)]);
    }
}
