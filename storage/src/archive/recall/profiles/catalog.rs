//! Which series of profiles there are: told by few columns, without reading a sample.

use std::collections::{BTreeMap, HashSet};

use proto::{Record, UnixNanos};

use super::known::Known;
use super::plan::DayPlan;
use super::tail_rows::TailRows;
use super::{PROFILES, ProfileSelection, ProfileSeries};
use crate::archive::error::ArchiveError;
use crate::archive::recall::scan::extent;
use crate::archive::recall::snapshot::{Days, Tail};
use crate::archive::recall::{Recall, RecallError, parallel};
use crate::log::Entry;

/// The series of profiles that have captures in a range.
#[derive(Debug, Default)]
pub struct ProfileCatalog {
    /// By type and labels.
    pub series: Vec<ProfileSeries>,
    /// Files that could not be read. What they hold is missing.
    pub left_out: Vec<ArchiveError>,
}

impl Recall {
    /// The series of a selection that have captures.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or the allowance is used up.
    pub fn profile_series(
        &self,
        selection: &ProfileSelection,
    ) -> Result<ProfileCatalog, RecallError> {
        let tail = || TailRows::new(self, selection);
        self.snapshot(&PROFILES, selection.days(), tail, |listing, tail| {
            let days = listing.days(&PROFILES);
            let resolution = selection.chosen(&days);
            let known = Known::new(selection);
            let read = parallel::map(&days, |day| {
                let plan = DayPlan::new(selection, listing, *day, resolution);
                of_day(self, &known, &plan)
            })?;
            let (mut ids, mut left_out) = (HashSet::new(), Vec::new());
            for (of_day, errors) in read {
                ids.extend(of_day);
                left_out.extend(errors);
            }
            let known = ids.iter().filter_map(|id| Some((*id, known.get(*id)?)));
            let mut series: BTreeMap<u64, ProfileSeries> =
                known.map(|(id, series)| (id, (*series).clone())).collect();
            series.extend(tail.into_series());
            let mut series: Vec<ProfileSeries> = series.into_values().collect();
            series.sort_by(|left, right| {
                let key = |series: &ProfileSeries| series.type_id.clone();
                key(left)
                    .cmp(&key(right))
                    .then_with(|| left.labels.iter().cmp(right.labels.iter()))
            });
            Ok(ProfileCatalog { series, left_out })
        })
    }

    /// When the oldest and the newest profile was taken, of all targets; `None` if there is none. Of
    /// captures that have expired the window that they are in counts. Files that cannot be read are
    /// left out.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or the allowance is used up.
    pub fn profile_times(&self) -> Result<Option<(UnixNanos, UnixNanos)>, RecallError> {
        let days = Days::default();
        self.snapshot(&PROFILES, days, TailTimes::default, |listing, tail| {
            let days = listing.days(&PROFILES);
            let mut times = tail.0;
            for day in days.first().into_iter().chain(days.last()) {
                let files = PROFILES.iter().flat_map(|table| listing.of(*table, *day));
                for file in files {
                    match extent(&*self.files, file, "time_nanos") {
                        Ok(None) => {}
                        Ok(Some(of_file)) => times = extended(times, of_file),
                        Err(error) => drop(RecallError::from(error).into_left_out()?),
                    }
                }
            }
            Ok(times.map(|(first, last)| (UnixNanos(first), UnixNanos(last))))
        })
    }
}

/// Times of the first and the last capture in the log.
#[derive(Default)]
struct TailTimes(Option<(i64, i64)>);

impl Tail for TailTimes {
    fn add(&mut self, entry: Entry) -> Result<(), RecallError> {
        if let Record::Profile(record) = &entry.record {
            let time = record.profile.time_nanos;
            self.0 = extended(self.0, (time, time));
        }
        Ok(())
    }
}

fn extended(known: Option<(i64, i64)>, other: (i64, i64)) -> Option<(i64, i64)> {
    let (first, last) = known.unwrap_or(other);
    Some((first.min(other.0), last.max(other.1)))
}

/// The ids of the series that have captures on a day.
fn of_day(
    recall: &Recall,
    known: &Known<'_>,
    plan: &DayPlan,
) -> Result<(HashSet<u64>, Vec<ArchiveError>), RecallError> {
    let (mut ids, mut left_out) = (HashSet::new(), Vec::new());
    for part in &plan.parts {
        for file in &part.profiles {
            match known.runs(recall, file, &part.times) {
                Ok(runs) => ids.extend(runs.iter().map(|run| run.id)),
                Err(error) => left_out.push(error.into_left_out()?),
            }
        }
    }
    Ok((ids, left_out))
}
