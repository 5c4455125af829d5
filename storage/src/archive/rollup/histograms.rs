//! `metric_histograms` → `metric_histograms_5m` and `metric_histograms_1h`, in one pass.

use std::collections::HashMap;

use proto::UnixMillis;
use proto::metrics::{NativeHistogram, SeriesId};

use super::histogram::Histogram;
use super::histogram_input::{self, native};
use super::output::Output;
use super::plan::{self, Start, Stretch};
use super::window::Grid;
use super::{RollUp, input};
use crate::Position;
use crate::archive::error::ArchiveError;
use crate::archive::histogram_rows::{HistogramRow, histogram_columns};
use crate::archive::table::{Resolution, Table};
use crate::archive::table_file::TableFile;

const TABLE: Table = Table::MetricHistograms;
/// Rows that are turned into Arrow arrays at once.
const ROWS_A_BATCH: usize = 1024;

/// Writes the rollups of a stretch.
pub(super) fn roll_up(
    job: &RollUp<'_>,
    stretch: &Stretch,
    output: &mut Output<'_>,
) -> Result<(), ArchiveError> {
    let newest = input::newest(job, stretch)?;
    let mut last = before(job, stretch)?;
    let [minutes, hours] = [
        (Table::MetricHistograms5m, Resolution::FiveMinutes),
        (Table::MetricHistograms1h, Resolution::OneHour),
    ]
    .map(|(table, resolution)| {
        let grid = Grid::new(resolution, stretch.state, newest);
        Ok::<_, ArchiveError>((table, Windows::new(grid, output.create(table)?)))
    });
    let mut windows = [minutes?, hours?];
    for batch in input::merged(job.root, TABLE, stretch.day, &stretch.raw)? {
        job.pause()?;
        for (id, time, histogram) in histogram_input::rows(batch?)? {
            let counted = match last.get(&id) {
                _ if histogram.is_gauge => histogram.clone(),
                Some(last) => histogram.since(last),
                None => histogram.emptied(),
            };
            for (_, windows) in &mut windows {
                windows.add(id, time, &counted)?;
            }
            last.insert(id, histogram);
        }
    }
    for (table, windows) in windows {
        output.finish(table, windows.finish()?)?;
    }
    Ok(())
}

/// The last histogram of each series on the day before, from its raw rows: rollups hold only
/// what was counted.
fn before(job: &RollUp<'_>, stretch: &Stretch) -> Result<HashMap<u64, Histogram>, ArchiveError> {
    let mut last = HashMap::new();
    let day = stretch.day.before();
    let Some(day) = day.filter(|_| stretch.start == Start::DayBefore) else {
        return Ok(last);
    };
    let writer = stretch.name.writer;
    let names = plan::names(job.root, TABLE, day, writer, Position(u64::MAX))?;
    for batch in input::merged(job.root, TABLE, day, &names)? {
        job.pause()?;
        for (id, _, histogram) in histogram_input::rows(batch?)? {
            last.insert(id, histogram);
        }
    }
    Ok(last)
}

/// The windows of one length, written series by series.
struct Windows {
    grid: Grid,
    file: TableFile,
    /// Series and start of the open window, and what was counted in it: one histogram, or several
    /// that have other bounds.
    open: Option<(u64, i64)>,
    parts: Vec<Histogram>,
    rows: Vec<(u64, i64, NativeHistogram)>,
}

impl Windows {
    fn new(grid: Grid, file: TableFile) -> Self {
        Self {
            grid,
            file,
            open: None,
            parts: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn add(&mut self, id: u64, time: i64, counted: &Histogram) -> Result<(), ArchiveError> {
        let window = Some((id, self.grid.start(time)));
        if self.open != window {
            self.close()?;
            self.open = window;
        }
        if counted.is_gauge {
            // Of gauges the last one stays.
            self.parts.retain(|part| !part.is_gauge);
        }
        let mut parts = self.parts.iter_mut();
        match parts.find(|part| part.has_bounds_of(counted)) {
            Some(part) => part.add(counted.clone()),
            None => self.parts.push(counted.clone()),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), ArchiveError> {
        let parts = std::mem::take(&mut self.parts);
        let Some((id, start)) = self.open.take() else {
            return Ok(());
        };
        if self.grid.is_complete(start) {
            let rows = parts.iter().map(|part| (id, start, native(part)));
            self.rows.extend(rows);
        }
        if self.rows.len() < ROWS_A_BATCH {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), ArchiveError> {
        let rows = std::mem::take(&mut self.rows);
        let rows: Vec<HistogramRow<'_>> = rows
            .iter()
            .map(|(id, time, histogram)| HistogramRow {
                of: None,
                id: SeriesId(*id),
                time: UnixMillis(*time),
                histogram,
            })
            .collect();
        let columns = histogram_columns(&rows).map_err(ArchiveError::columns(TABLE))?;
        self.file.write(columns)
    }

    fn finish(mut self) -> Result<TableFile, ArchiveError> {
        self.close()?;
        if !self.rows.is_empty() {
            self.write()?;
        }
        Ok(self.file)
    }
}
