//! The points of one day.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::known::Known;
use super::plan::DayPlan;
use super::rows;
use super::tail::MetricTail;
use super::window::{self, Shape, Window};
use super::{Sample, SeriesQuery};
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::merge::{Input, Merge};
use crate::archive::recall::scan::{Ids, Scan};
use crate::archive::recall::{Recall, RecallError};
use crate::archive::table::{Resolution, Table};

/// Reads a day.
pub(super) struct DayReader<'a> {
    pub(super) recall: &'a Recall,
    pub(super) query: &'a SeriesQuery,
    pub(super) known: &'a Known<'a>,
    pub(super) tail: &'a MetricTail<'a>,
    /// Points of all days so far.
    pub(super) n_points: &'a AtomicUsize,
    pub(super) plan: DayPlan,
}

/// What a day has.
#[derive(Debug, Default)]
pub(super) struct DayPoints {
    pub(super) points: BTreeMap<u64, Points>,
    pub(super) left_out: Vec<ArchiveError>,
}

/// Points of a series.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) samples: Vec<Sample>,
    pub(super) windows: Vec<Window>,
    /// The first window counts from its first sample: what the day before ended with is not known
    /// yet.
    pub(super) counts_from_within: bool,
}

impl DayReader<'_> {
    pub(super) fn read(&self) -> Result<DayPoints, RecallError> {
        self.recall.allowance.check()?;
        let mut day = DayPoints::default();
        let ids = self
            .known
            .of_day(self.recall, &self.plan.series, &mut day.left_out)?;
        if !ids.is_empty() {
            self.read_windows(&ids, &mut day)?;
        }
        self.read_samples(&ids, &mut day)?;
        // Those around the range were read for what increases count from.
        let is_asked = |window: &Window| self.query.contains(window.time);
        for points in day.points.values_mut() {
            points.windows.retain(is_asked);
            self.count(points.windows.len())?;
        }
        day.points
            .retain(|_, points| !points.samples.is_empty() || !points.windows.is_empty());
        Ok(day)
    }

    fn read_windows(&self, ids: &Ids, day: &mut DayPoints) -> Result<(), RecallError> {
        let name = self.query.selector.only_value("__name__");
        // Series by series rows come one after the other.
        let mut windows: HashMap<u64, Vec<Window>> = HashMap::new();
        for file in &self.plan.rolled {
            let result = rows::windows(self.recall, file, name, ids, |id, window| {
                windows.entry(id).or_default().push(window);
            });
            day.note(result)?;
        }
        for (id, mut windows) in windows {
            window::widen(&mut windows, self.plan.resolution);
            day.points.entry(id).or_default().windows = windows;
        }
        Ok(())
    }

    /// Raw rows and those of the tail: as samples, or rolled up.
    fn read_samples(&self, ids: &Ids, day: &mut DayPoints) -> Result<(), RecallError> {
        let mut seen = HashSet::new();
        let mut points = std::mem::take(&mut day.points);
        if !ids.is_empty() && !self.plan.raw.is_empty() {
            let left_out = RefCell::new(Vec::new());
            let mut failed = Ok(());
            let read = self.merged(ids, &left_out, |id, samples| {
                seen.insert(id);
                if failed.is_ok() {
                    failed = self.take(id, samples, points.entry(id).or_default());
                }
            });
            day.left_out.extend(left_out.into_inner());
            read?;
            failed?;
        }
        for (id, _) in self.tail.of_day(self.plan.day) {
            if !seen.contains(&id) {
                self.take(id, &mut Vec::new(), points.entry(id).or_default())?;
            }
        }
        day.points = points;
        Ok(())
    }

    /// Calls `each` with the samples of every series in order of time, one at a time.
    fn merged(
        &self,
        ids: &Ids,
        left_out: &RefCell<Vec<ArchiveError>>,
        mut each: impl FnMut(u64, &mut Vec<Sample>),
    ) -> Result<(), RecallError> {
        let files = self.plan.raw.iter();
        let inputs = files.map(|file| self.input(file, ids, left_out));
        let inputs: Result<Vec<Input<'_>>, ArchiveError> = inputs.collect();
        let (mut current, mut samples) = (None, Vec::new());
        for batch in Merge::new(Table::MetricPoints, inputs?)? {
            rows::samples(
                batch?,
                Path::new(Table::MetricPoints.name()),
                |id, sample| {
                    if let Some(before) = current.replace(id).filter(|before| *before != id) {
                        each(before, &mut samples);
                        samples.clear();
                    }
                    samples.push(sample);
                    Ok(())
                },
            )?;
        }
        if let Some(last) = current {
            each(last, &mut samples);
        }
        Ok(())
    }

    /// The rows of a file; what cannot be read ends it.
    fn input<'b>(
        &self,
        file: &TablePath,
        ids: &Ids,
        left_out: &'b RefCell<Vec<ArchiveError>>,
    ) -> Result<Input<'b>, ArchiveError> {
        let scan = Scan {
            columns: &rows::POINTS,
            text: None,
            ids: Some(("series_id", ids)),
        };
        let rows = match scan.open(&*self.recall.files, file) {
            Ok(rows) => rows,
            Err(error) if error.is_gone() => return Err(error),
            Err(error) => {
                left_out.borrow_mut().push(error);
                return Ok(Box::new(std::iter::empty()));
            }
        };
        Ok(Box::new(rows.map_while(|batch| match batch {
            Ok(batch) => Some(Ok(batch)),
            Err(error) => {
                left_out.borrow_mut().push(error);
                None
            }
        })))
    }

    /// Takes the samples of a series that files have, and those of the tail.
    fn take(
        &self,
        id: u64,
        samples: &mut Vec<Sample>,
        into: &mut Points,
    ) -> Result<(), RecallError> {
        let Some(series) = self.known.get(id) else {
            return Ok(());
        };
        let tail = self.tail.of_series(self.plan.day, id);
        if !tail.is_empty() {
            samples.extend_from_slice(tail);
            samples.sort_by_key(|sample| sample.time);
            samples.dedup_by_key(|sample| sample.time);
        }
        let resolution = self.plan.resolution;
        if resolution == Resolution::Raw {
            let asked = samples
                .iter()
                .filter(|sample| self.query.contains(sample.time));
            into.samples.extend(asked);
        } else {
            let first = samples.first().map(|sample| sample.time);
            let before = into.windows.iter().rev();
            let mut before =
                before.filter(|window| first.is_some_and(|first| window.time <= first));
            let before = before.next().map(|window| window.last);
            let shape = Shape::of(&series.kind, series.labels.metric_name());
            let rolled = window::roll(samples, resolution, shape, before);
            into.counts_from_within = into.windows.is_empty()
                && rolled
                    .first()
                    .is_some_and(|first| self.query.contains(first.time));
            into.windows.extend(rolled);
            window::combine(&mut into.windows);
        }
        self.count(into.samples.len())
    }

    fn count(&self, n_points: usize) -> Result<(), RecallError> {
        self.recall.allowance.check()?;
        let limit = self.query.limits.n_points;
        if self.n_points.fetch_add(n_points, Ordering::Relaxed) + n_points > limit {
            return Err(RecallError::TooManyPoints { limit });
        }
        Ok(())
    }
}

impl DayPoints {
    /// Goes on after a file that cannot be read, unless it is gone.
    fn note(&mut self, result: Result<(), ArchiveError>) -> Result<(), ArchiveError> {
        match result {
            Err(error) if !error.is_gone() => self.left_out.push(error),
            result => return result,
        }
        Ok(())
    }
}
