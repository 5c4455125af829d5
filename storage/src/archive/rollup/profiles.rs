//! `profiles` and `profile_samples` → their windows, and `function_trend`.
//!
//! Three passes: which window each profile is in; the samples, stack by stack; and, now that
//! their sums are known, the captures.

use super::function_trend::{CaptureCounts, FunctionTrend};
use super::merged_windows::MergedWindows;
use super::output::Output;
use super::plan::{self, Stretch};
use super::profile_headers::HeaderMerger;
use super::profile_index::ProfileIndex;
use super::profile_samples::{SampleFile, SampleMerger};
use super::stack_functions::StackFunctions;
use super::window::Grid;
use super::{RollUp, input};
use crate::Position;
use crate::archive::error::ArchiveError;
use crate::archive::table::{Resolution, Table};

const SAMPLES: [Table; 2] = [Table::ProfileSamples5m, Table::ProfileSamples1h];
const PROFILES: [Table; 2] = [Table::Profiles5m, Table::Profiles1h];

/// Writes the rollups of a stretch.
pub(super) fn roll_up(
    job: &RollUp<'_>,
    stretch: &Stretch,
    output: &mut Output<'_>,
) -> Result<(), ArchiveError> {
    let newest = input::newest(job, stretch)?;
    let grid = |resolution| Grid::new(resolution, stretch.state, newest);
    let grids = [Resolution::FiveMinutes, Resolution::OneHour].map(grid);
    let [minutes, hours] = grids;
    let index = ProfileIndex::read(job, stretch, minutes)?;
    let counts = index.count_captures(hours);
    let windows = merge_samples(job, stretch, &index, (grids, counts), output)?;
    for (table, windows) in PROFILES.into_iter().zip(windows) {
        let mut merger = HeaderMerger::new(&index, windows, output.create(table)?);
        for batch in input::merged(job.root, Table::Profiles, stretch.day, &stretch.raw)? {
            job.pause()?;
            merger.add(&batch?)?;
        }
        output.finish(table, merger.finish()?)?;
    }
    Ok(())
}

/// Writes samples and trend; returns the windows with their totals.
fn merge_samples(
    job: &RollUp<'_>,
    stretch: &Stretch,
    index: &ProfileIndex,
    (grids, counts): ([Grid; 2], CaptureCounts),
    output: &mut Output<'_>,
) -> Result<[MergedWindows; 2], ArchiveError> {
    let stacks = StackFunctions::read(job.root, stretch.day)?;
    let trend = FunctionTrend::new(&stacks, counts, output.create(Table::FunctionTrend)?);
    let [minutes, hours] = grids;
    let file = |table, grid| {
        let windows = MergedWindows::new(grid, stretch);
        Ok::<_, ArchiveError>(SampleFile::new(windows, output.create(table)?))
    };
    let [minutes_table, hours_table] = SAMPLES;
    let outs = [file(minutes_table, minutes)?, file(hours_table, hours)?];
    let mut merger = SampleMerger::new(index, trend, outs);
    // Files of samples are compacted apart from those of profiles, and may hold more of the log:
    // what is of no profile of ours is skipped.
    let names = plan::names(
        job.root,
        Table::ProfileSamples,
        stretch.day,
        stretch.name.writer,
        Position(u64::MAX),
    )?;
    for batch in input::merged(job.root, Table::ProfileSamples, stretch.day, &names)? {
        job.pause()?;
        merger.add(batch?)?;
    }
    let (trend, [minutes, hours]) = merger.finish()?;
    output.finish(Table::FunctionTrend, trend.finish()?)?;
    let (minutes, minutes_file) = minutes.finish()?;
    let (hours, hours_file) = hours.finish()?;
    output.finish(minutes_table, minutes_file)?;
    output.finish(hours_table, hours_file)?;
    Ok([minutes, hours])
}
