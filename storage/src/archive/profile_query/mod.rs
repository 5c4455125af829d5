//! Reading profiles back from the archive, as they were.
//!
//! A day at a time: which captures match is read from `profiles`, then their samples, then the
//! stacks these name. Memory is bounded by the matching captures of one day.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub(super) mod assemble;
pub(super) mod captures;
mod day_profiles;
pub(super) mod samples;
pub(super) mod stacks;

use std::path::PathBuf;

use proto::{Labels, ProfileRecord, UnixNanos};

use self::day_profiles::DayProfiles;
pub(super) use self::stacks::Stacks;
use super::ArchiveError;
use super::day::Day;
use super::files;
use super::table::{Resolution, Table};

/// Which profiles to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileQuery {
    /// The archive's folder.
    pub path: PathBuf,
    /// Labels of the target (`job` and `instance` are two of them) and the value each must
    /// have; the empty value matches targets without the label.
    pub matchers: Vec<(String, String)>,
    /// Captures as they were taken, or those of windows merged (`time` is then the start of the
    /// window).
    pub resolution: Resolution,
    /// The kind of profile (`process_cpu`, `memory`, …); any if `None`.
    pub kind: Option<String>,
    /// Captures from this time on.
    pub from: Option<UnixNanos>,
    /// Captures before this time.
    pub to: Option<UnixNanos>,
}

impl ProfileQuery {
    /// The matching profiles in order of time, one for each capture with all its sample types.
    /// Samples with equal stacks and labels come as one. An error concerns one capture or one
    /// day: the iterator goes on behind it.
    ///
    /// The archive may be written at the same time; what is not flushed yet is not seen.
    ///
    /// # Errors
    /// When the archive's folder cannot be read.
    pub fn profiles(
        &self,
    ) -> Result<impl Iterator<Item = Result<ProfileRecord, ArchiveError>> + use<>, ArchiveError>
    {
        let first = self.from.and_then(Day::of_nanos);
        let last = self.to.and_then(Day::of_nanos);
        let days = files::days(&self.path, self.tables().0)?.into_iter();
        let days = days.filter(move |day| {
            first.is_none_or(|first| *day >= first) && last.is_none_or(|last| *day <= last)
        });
        let query = self.clone();
        Ok(days.flat_map(move |day| DayProfiles::read(&query, day)))
    }

    /// The tables of captures and of their samples.
    fn tables(&self) -> (Table, Table) {
        match self.resolution {
            Resolution::Raw => (Table::Profiles, Table::ProfileSamples),
            Resolution::FiveMinutes => (Table::Profiles5m, Table::ProfileSamples5m),
            Resolution::OneHour => (Table::Profiles1h, Table::ProfileSamples1h),
        }
    }

    /// Whether captures of this target at this time are asked for.
    fn matches(&self, labels: &Labels, kind: &str, time: UnixNanos) -> bool {
        let matches_label =
            |(name, value): &(String, String)| labels.get(name).unwrap_or("") == value;
        self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && self.from.is_none_or(|from| time >= from)
            && self.to.is_none_or(|to| time < to)
            && self.matchers.iter().all(matches_label)
    }
}
