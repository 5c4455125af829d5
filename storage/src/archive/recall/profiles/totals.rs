//! What series of profiles come to over time, from the totals that `profiles` has of each capture: no
//! sample is read.

use std::collections::{BTreeMap, HashMap};

use arrow_array::{Array as _, BooleanArray, Int64Array, StructArray};
use proto::UnixMillis;
use proto::profile_ops::{Measure, measure};

use super::known::{Known, Run};
use super::plan::{DayPlan, Part};
use super::tail_rows::TailRows;
use super::{PROFILES, ProfileSelection, ProfileSeries};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::Columns;
use crate::archive::recall::scan::open_rows;
use crate::archive::recall::series::window_millis;
use crate::archive::recall::{Asked, Recall, RecallError, parallel};
use crate::archive::table::Resolution;

/// What a step of a series takes in memory, about. Bytes.
const A_STEP: usize = 64;
/// Days of which every capture is read, unless steps are as long as windows.
const RAW_DAYS: usize = 32;

/// Which totals to read.
#[derive(Clone, Debug)]
pub struct TotalsQuery {
    /// Of which profiles.
    pub selection: ProfileSelection,
    /// Length of a step. Milliseconds, 1 at least. Steps begin at the start of the selection, or in
    /// 1970 if it has none.
    pub step_millis: i64,
}

/// What each series comes to, step by step.
#[derive(Debug, Default)]
pub struct ProfileTotals {
    /// Those with captures in the range, in no particular order.
    pub series: Vec<SeriesTotals>,
    /// Files that could not be read. What they hold is missing.
    pub left_out: Vec<ArchiveError>,
}

/// What one series comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesTotals {
    /// The series.
    pub series: ProfileSeries,
    /// The steps in which it has captures, by the time at which they begin: the sum of amounts (CPU,
    /// deltas), the mean of states (memory in use).
    pub points: Vec<(UnixMillis, f64)>,
}

/// What was added up in a step.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    total: f64,
    n_captures: f64,
}

/// The steps of a series: of captures that count since the one before, and of others.
#[derive(Debug, Default)]
struct Steps {
    delta: BTreeMap<i64, Step>,
    whole: BTreeMap<i64, Step>,
}

/// A row of `profiles`, or a window.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Milliseconds.
    time: i64,
    /// Milliseconds; 0 for a capture.
    width: i64,
    total: i64,
    n_captures: i64,
    is_delta: bool,
}

/// Where the steps are.
#[derive(Clone, Copy, Debug)]
struct Grid {
    origin: i64,
    step: i64,
}

impl Recall {
    /// What the series of a selection come to over time.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or the allowance is used up.
    pub fn profile_totals(&self, query: &TotalsQuery) -> Result<ProfileTotals, RecallError> {
        let selection = &query.selection;
        let tail = || TailRows::new(self, selection);
        self.snapshot(&PROFILES, selection.days(), tail, |listing, tail| {
            let days = listing.days(&PROFILES);
            let grid = query.grid();
            let resolution = query.resolution(&days);
            let known = Known::new(selection);
            let read = parallel::map(&days, |day| {
                let plan = DayPlan::new(selection, listing, *day, resolution);
                let mut of_day = OfDay {
                    recall: self,
                    known: &known,
                    grid,
                    steps: HashMap::new(),
                };
                let left_out = of_day.read(&plan)?;
                Ok::<_, RecallError>((of_day.steps, left_out))
            })?;
            let (mut all, mut left_out): (HashMap<u64, Steps>, _) = (HashMap::new(), Vec::new());
            for (of_day, errors) in read {
                for (id, steps) in of_day {
                    all.entry(id).or_default().add_all(steps);
                }
                left_out.extend(errors);
            }
            for row in &tail.rows {
                let steps = all.entry(row.id).or_default();
                let row = Row {
                    time: UnixMillis::from(row.time).0,
                    width: 0,
                    total: row.total,
                    n_captures: 1,
                    is_delta: row.is_delta,
                };
                self.allowance.take(steps.add(grid, row))?;
            }
            let series = all.into_iter().filter_map(|(id, steps)| {
                let series = known.get(id).or_else(|| tail.series(id))?;
                Some(steps.finish(grid, (*series).clone()))
            });
            Ok(ProfileTotals {
                series: series.collect(),
                left_out,
            })
        })
    }
}

impl TotalsQuery {
    fn grid(&self) -> Grid {
        let from = self.selection.from.map(UnixMillis::from);
        Grid {
            origin: from.map_or(0, |from| from.0),
            step: self.step_millis.max(1),
        }
    }

    fn resolution(&self, days: &[Day]) -> Resolution {
        if let Asked::Exactly(resolution) = self.selection.resolution {
            return resolution;
        }
        let is_long = |resolution| self.step_millis >= window_millis(resolution);
        if is_long(Resolution::OneHour) || days.len() > RAW_DAYS {
            Resolution::OneHour
        } else if is_long(Resolution::FiveMinutes) {
            Resolution::FiveMinutes
        } else {
            Resolution::Raw
        }
    }
}

/// The steps of one day.
struct OfDay<'a> {
    recall: &'a Recall,
    known: &'a Known<'a>,
    grid: Grid,
    steps: HashMap<u64, Steps>,
}

impl OfDay<'_> {
    fn read(&mut self, plan: &DayPlan) -> Result<Vec<ArchiveError>, RecallError> {
        let mut left_out = Vec::new();
        for part in &plan.parts {
            for file in &part.profiles {
                if let Err(error) = self.read_file(part, file) {
                    left_out.push(error.into_left_out()?);
                }
            }
        }
        Ok(left_out)
    }

    fn read_file(&mut self, part: &Part, file: &TablePath) -> Result<(), RecallError> {
        let runs = self.known.runs(self.recall, file, &part.times)?;
        if runs.is_empty() {
            return Ok(());
        }
        let width = match part.resolution {
            Resolution::Raw => 0,
            resolution => window_millis(resolution),
        };
        let columns = ["time_nanos", "total", "is_delta", "n_captures"];
        let rows = runs.iter().map(|run| run.rows.clone());
        let path = self.recall.files.describe(file);
        let mut ids = runs
            .iter()
            .flat_map(|Run { id, rows }| rows.clone().map(|_| *id));
        for batch in open_rows(&*self.recall.files, file, &columns, rows)? {
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let times: &Int64Array = columns.get("time_nanos")?;
            let totals: &Int64Array = columns.get("total")?;
            let is_delta: &BooleanArray = columns.get("is_delta")?;
            let n_captures: Option<&Int64Array> = columns.find("n_captures");
            let mut n_new = 0;
            for (idx, id) in (0..batch.len()).zip(&mut ids) {
                let row = Row {
                    time: times.value(idx).div_euclid(1_000_000),
                    width,
                    total: totals.value(idx),
                    n_captures: n_captures.map_or(1, |n_captures| n_captures.value(idx)),
                    is_delta: is_delta.value(idx),
                };
                n_new += self.steps.entry(id).or_default().add(self.grid, row);
            }
            self.recall.allowance.take(n_new)?;
        }
        Ok(())
    }
}

impl Grid {
    /// The step in which a time is.
    fn idx(self, time: i64) -> i64 {
        time.saturating_sub(self.origin).div_euclid(self.step)
    }

    fn start(self, idx: i64) -> i64 {
        self.origin.saturating_add(idx.saturating_mul(self.step))
    }
}

impl Steps {
    /// Adds a row; a window that is longer than a step is spread over the steps that it covers.
    /// Tells how much memory new steps take. Bytes.
    fn add(&mut self, grid: Grid, row: Row) -> usize {
        let steps = if row.is_delta {
            &mut self.delta
        } else {
            &mut self.whole
        };
        let n_before = steps.len();
        let (total, n_captures) = (row.total as f64, row.n_captures as f64);
        let mut add = |idx: i64, share: f64| {
            let step = steps.entry(idx).or_default();
            step.total += total * share;
            step.n_captures += n_captures * share;
        };
        if row.width <= grid.step {
            add(grid.idx(row.time), 1.0);
        } else {
            let end = row.time.saturating_add(row.width);
            for idx in grid.idx(row.time)..=grid.idx(end - 1) {
                let within = end.min(grid.start(idx + 1)) - row.time.max(grid.start(idx));
                add(idx, within as f64 / row.width as f64);
            }
        }
        (steps.len() - n_before) * A_STEP
    }

    fn add_all(&mut self, other: Self) {
        for (into, steps) in [
            (&mut self.delta, other.delta),
            (&mut self.whole, other.whole),
        ] {
            for (idx, step) in steps {
                let known = into.entry(idx).or_default();
                known.total += step.total;
                known.n_captures += step.n_captures;
            }
        }
    }

    /// What it comes to. What counts since the start of a process is left out where there is what
    /// came since the capture before; where there is nothing else it is a state.
    fn finish(mut self, grid: Grid, series: ProfileSeries) -> SeriesTotals {
        let type_id = &series.type_id;
        let mut is_state = false;
        match measure(&type_id.kind, &type_id.sample_type) {
            Measure::Amount => {}
            Measure::State => is_state = true,
            Measure::Cumulative if self.delta.is_empty() => is_state = true,
            Measure::Cumulative => self.whole.clear(),
        }
        let whole = std::mem::take(&mut self.whole);
        self.add_all(Self {
            delta: whole,
            whole: BTreeMap::new(),
        });
        let points = self.delta.into_iter().map(|(idx, step)| {
            let value = if is_state && step.n_captures > 0.0 {
                step.total / step.n_captures
            } else {
                step.total
            };
            (UnixMillis(grid.start(idx)), value)
        });
        SeriesTotals {
            points: points.collect(),
            series,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn row(time: i64, width: i64, total: i64) -> Row {
        Row {
            time,
            width,
            total,
            n_captures: 4,
            is_delta: true,
        }
    }

    #[track_caller]
    fn check(grid: Grid, rows: &[Row], expected: &[(i64, f64)]) {
        let mut steps = Steps::default();
        for row in rows {
            steps.add(grid, *row);
        }
        let series = ProfileSeries {
            labels: proto::Labels::default(),
            type_id: "process_cpu:cpu:nanoseconds::".parse().unwrap(),
        };
        let points = steps.finish(grid, series).points.into_iter();
        let points: Vec<(i64, f64)> = points.map(|(time, value)| (time.0, value)).collect();
        assert_eq!(points, expected);
    }

    #[test]
    fn a_window_is_spread_over_the_steps_that_it_covers() {
        let grid = Grid {
            origin: HOUR / 4,
            step: HOUR / 2,
        };
        let quarter = HOUR / 4;
        let expected = [(-quarter, 2.0), (quarter, 4.0), (3 * quarter, 2.0)];
        check(grid, &[row(0, HOUR, 8)], &expected);
        let day = Grid {
            origin: 0,
            step: 24 * HOUR,
        };
        check(day, &[row(0, HOUR, 8), row(HOUR, HOUR, 8)], &[(0, 16.0)]);
    }
}
