//! Which days' rollups are stale, from the names of files alone.
//!
//! The rollup of a day is named by the stretch of the log that its raw files hold. One that was
//! made before the day had ended leaves out the windows that were open; its name ends one byte
//! earlier, so that the one made after the end supersedes it even if no more rows came.

use std::path::Path;

use proto::UnixMillis;

use crate::Position;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files;
use crate::archive::table::Table;

/// Raw tables that are rolled up together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::archive) enum Group {
    /// `metric_points`
    Points,
    /// `metric_histograms`
    Histograms,
    /// `profiles` and their samples
    Profiles,
}

impl Group {
    pub(in crate::archive) const ALL: [Self; 3] = [Self::Points, Self::Histograms, Self::Profiles];

    /// The raw table whose files tell what there is to roll up.
    pub(in crate::archive) fn raw(self) -> Table {
        match self {
            Self::Points => Table::MetricPoints,
            Self::Histograms => Table::MetricHistograms,
            Self::Profiles => Table::Profiles,
        }
    }

    /// The table whose files tell what was rolled up: it has a row for every window of the others.
    pub(in crate::archive) fn rolled(self) -> Table {
        match self {
            Self::Points => Table::MetricRollups5m,
            Self::Histograms => Table::MetricHistograms5m,
            Self::Profiles => Table::Profiles5m,
        }
    }
}

/// Whether more rows of a day are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum DayState {
    /// Windows that have not ended by the newest raw row are left out.
    Open,
    /// All windows are complete, unless rows come late.
    Ended,
}

/// What is to be rolled up at once: a stretch of the log, as far as it concerns a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::archive) struct Stretch {
    pub(in crate::archive) group: Group,
    pub(in crate::archive) day: Day,
    pub(in crate::archive) state: DayState,
    /// Files of the raw table to read.
    pub(in crate::archive) raw: Vec<FileName>,
    /// Name of the new files.
    pub(in crate::archive) name: FileName,
    pub(in crate::archive) start: Start,
}

/// What counters are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum Start {
    /// From the last values of the day before.
    DayBefore,
    /// From their first samples in the stretch: what was before them is in a rollup whose raw rows
    /// are gone.
    Beside,
}

/// What files there are, as far as they count: those of one writer, of flushes that are complete.
pub(in crate::archive) trait Names {
    /// Days of a table.
    fn days(&self, table: Table) -> Vec<Day>;

    /// Files of a day that no other one supersedes.
    fn names(&self, table: Table, day: Day) -> Vec<FileName>;
}

/// The stretches whose rollups are missing or older than the raw rows, by day. A day has ended when
/// `now` is behind it.
pub(in crate::archive) fn stale(files: &impl Names, now: UnixMillis) -> Vec<Stretch> {
    let mut stale = Vec::new();
    for group in Group::ALL {
        for day in files.days(group.raw()) {
            let state = if day.contains(now) || day.starts_after(now) {
                DayState::Open
            } else {
                DayState::Ended
            };
            let raw = files.names(group.raw(), day);
            let rolled = files.names(group.rolled(), day);
            if let Some((raw, name, start)) = stretch(raw, &rolled, state) {
                stale.push(Stretch {
                    group,
                    day,
                    state,
                    raw,
                    name,
                    start,
                });
            }
        }
    }
    stale.sort_by_key(|stretch| stretch.day);
    stale
}

/// Names of a writer's files of a day, up to a position.
pub(super) fn names(
    root: &Path,
    table: Table,
    day: Day,
    writer: WriterId,
    reached: Position,
) -> Result<Vec<FileName>, ArchiveError> {
    let files = files::files(root, table, day)?;
    let names = files.into_iter().map(|file| file.name);
    Ok(names
        .filter(|name| name.writer == writer && name.to <= reached)
        .collect())
}

/// Which raw files to roll up, the name of the rollup, and where it counts from; `None` if what was
/// rolled up is up to date.
///
/// Rollups that begin before the oldest raw file are kept for ever: the rows they were made of are
/// gone. Raw files behind them make rollups of their own beside.
fn stretch(
    raw: Vec<FileName>,
    rolled: &[FileName],
    state: DayState,
) -> Option<(Vec<FileName>, FileName, Start)> {
    let oldest = raw.iter().map(|name| name.from).min()?;
    let kept = rolled.iter().filter(|name| name.from < oldest);
    let kept_to = kept.map(|name| name.to).max();
    let is_behind = |name: &FileName| kept_to.is_none_or(|kept_to| name.from >= kept_to);
    let raw: Vec<FileName> = raw.into_iter().filter(is_behind).collect();
    let from = raw.iter().map(|name| name.from).min()?;
    let to = raw.iter().map(|name| name.to).max()?;
    let to = match state {
        DayState::Open => Position(to.0.saturating_sub(1)),
        DayState::Ended => to,
    };
    let name = FileName {
        from,
        to,
        ..*raw.first()?
    };
    let start = match kept_to {
        None => Start::DayBefore,
        Some(_) => Start::Beside,
    };
    let ours = rolled.iter().filter(|name| name.from >= oldest);
    let is_stale = ours.map(|name| name.to).max().is_none_or(|done| done < to);
    is_stale.then_some((raw, name, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ranges: &[(u64, u64)]) -> Vec<FileName> {
        let name = |&(from, to): &(u64, u64)| FileName {
            writer: WriterId(1),
            from: Position(from),
            to: Position(to),
        };
        ranges.iter().map(name).collect()
    }

    /// The raw files, the rollup's name, what it counts from.
    type Expected<'a> = (&'a [(u64, u64)], (u64, u64), Start);

    fn check(
        raw: &[(u64, u64)],
        rolled: &[(u64, u64)],
        state: DayState,
        expected: Option<Expected<'_>>,
    ) {
        let expected =
            expected.map(|(raw, name, start)| (names(raw), names(&[name]).pop().unwrap(), start));
        assert_eq!(stretch(names(raw), &names(rolled), state), expected);
    }

    #[test]
    fn a_day_without_raw_files_is_never_stale() {
        check(&[], &[(0, 10)], DayState::Ended, None);
    }

    #[test]
    fn an_open_day_is_stale_when_rows_came_and_once_more_when_it_has_ended() {
        use DayState::{Ended, Open};
        let raw = [(5, 10), (10, 20)];
        let all = |name| Some((raw.as_slice(), name, Start::DayBefore));
        check(&raw, &[], Open, all((5, 19)));
        check(&raw, &[(5, 9)], Open, all((5, 19)));
        check(&raw, &[(5, 19)], Open, None);
        check(&raw, &[(5, 19)], Ended, all((5, 20)));
        check(&raw, &[(5, 20)], Ended, None);
        check(&raw, &[(5, 20)], Open, None);
    }

    #[test]
    fn late_rows_of_a_day_whose_raw_rows_are_gone_are_rolled_up_beside() {
        use DayState::Ended;
        let late: &[_] = &[(50, 60)];
        let beside = Some((late, (50, 60), Start::Beside));
        check(late, &[(5, 20)], Ended, beside);
        check(late, &[(5, 20), (50, 60)], Ended, None);
        let more: &[_] = &[(50, 60), (70, 80)];
        let beside = Some((more, (50, 80), Start::Beside));
        check(more, &[(5, 20), (50, 60)], Ended, beside);
        // Half of what the kept one was made of is still there.
        check(
            &[(10, 20), (50, 60)],
            &[(5, 20)],
            Ended,
            Some((late, (50, 60), Start::Beside)),
        );
        check(&[(10, 20)], &[(5, 20)], Ended, None);
    }
}
