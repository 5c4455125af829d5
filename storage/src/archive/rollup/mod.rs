//! Rollups: what a day's raw files say in windows of five minutes and of an hour.
//!
//! A rollup is a function of the raw files of a day (and of how the day before ended), so it can be
//! made again whenever more rows came: [`plan`] tells from the names of files alone which days are
//! stale. [`RollUp::run`] writes the new files into a folder of the caller's; putting them into
//! their tables, in the place of those they supersede, is the caller's business, and so is when.
//!
//! Memory is bounded by the series, the profiles and the stacks of a day, not by its samples.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod function_trend;
mod histogram;
mod histogram_input;
mod histograms;
mod input;
mod last_values;
mod merged_windows;
mod output;
pub(in crate::archive) mod plan;
mod point_windows;
mod points;
mod profile_headers;
mod profile_index;
mod profile_samples;
mod profiles;
mod rollup_rows;
mod series_table;
mod spill;
mod stack_functions;
#[cfg(test)]
mod tests;
mod window;

use std::path::Path;

use parquet::basic::ZstdLevel;

use self::output::Output;
pub(in crate::archive) use self::output::Staged;
use self::plan::{Group, Stretch};
use super::error::ArchiveError;

/// How rollups are made.
pub(in crate::archive) struct RollUp<'a> {
    /// The archive's folder.
    pub(in crate::archive) root: &'a Path,
    /// A folder of the same file system for the new files, empty at first.
    pub(in crate::archive) work: &'a Path,
    pub(in crate::archive) level: ZstdLevel,
    /// Called every some thousand rows; an error ends the work.
    pub(in crate::archive) pause: &'a dyn Fn() -> Result<(), ArchiveError>,
}

impl RollUp<'_> {
    /// Writes the rollups of a stretch: the files, in the order in which they are to appear. The
    /// last one is the one that [`plan`] goes by. None if all windows are still open.
    ///
    /// # Errors
    /// When a file cannot be read or written, or with what `pause` says. What was written
    /// until then is in the folder, and of no use.
    pub(in crate::archive) fn run(&self, stretch: &Stretch) -> Result<Vec<Staged>, ArchiveError> {
        let mut output = Output::new(self, stretch);
        match stretch.group {
            Group::Points => points::roll_up(self, stretch, &mut output)?,
            Group::Histograms => histograms::roll_up(self, stretch, &mut output)?,
            Group::Profiles => profiles::roll_up(self, stretch, &mut output)?,
        }
        Ok(output.into_staged(stretch.group.rolled()))
    }

    /// Rests, or ends the work.
    fn pause(&self) -> Result<(), ArchiveError> {
        (self.pause)()
    }
}
