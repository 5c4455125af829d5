//! `metric_points` → `metric_rollups_5m` and `metric_rollups_1h`, in one pass.

use arrow_array::RecordBatch;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};

use super::last_values::LastValues;
use super::output::Output;
use super::plan::Stretch;
use super::point_windows::PointWindows;
use super::rollup_rows::RollupRows;
use super::series_table::{Kind, Place, SeriesTable};
use super::spill::Spill;
use super::window::Grid;
use super::{RollUp, input};
use crate::archive::error::ArchiveError;
use crate::archive::table::{Resolution, Table};

/// Writes the rollups of a stretch.
pub(super) fn roll_up(
    job: &RollUp<'_>,
    stretch: &Stretch,
    output: &mut Output<'_>,
) -> Result<(), ArchiveError> {
    let newest = input::newest(job, stretch)?;
    let grid = |resolution| Grid::new(resolution, stretch.state, newest);
    let mut pass = Pass {
        before: LastValues::before(job, stretch)?,
        series: SeriesTable::read(job.root, stretch.day)?,
        windows: PointWindows::new(grid(Resolution::FiveMinutes), grid(Resolution::OneHour)),
        spill: Spill::create(job.work)?,
        current: None,
    };
    for batch in input::merged(job.root, Table::MetricPoints, stretch.day, &stretch.raw)? {
        job.pause()?;
        pass.add(&batch?)?;
    }
    pass.end_series()?;
    write(job, pass.spill, &pass.series, output)
}

/// The pass over the samples.
struct Pass {
    before: LastValues,
    series: SeriesTable,
    windows: PointWindows,
    spill: Spill,
    current: Option<(u64, Place, Kind)>,
}

impl Pass {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), ArchiveError> {
        let table = Table::MetricPoints;
        let mut ids: &[i64] = input::numbers::<Int64Type>(batch, table, "series_id")?.values();
        let times = input::numbers::<TimestampMillisecondType>(batch, table, "time")?;
        let values = input::numbers::<Float64Type>(batch, table, "value")?;
        let (mut times, mut values): (&[i64], &[f64]) = (times.values(), values.values());
        while let Some(&id) = ids.first() {
            let n_same = ids.iter().position(|other| *other != id);
            let n_same = n_same
                .unwrap_or(ids.len())
                .min(times.len())
                .min(values.len());
            self.begin_series(id.cast_unsigned())?;
            let (times_here, times_behind) = times.split_at(n_same);
            let (values_here, values_behind) = values.split_at(n_same);
            self.windows.push(times_here, values_here);
            (times, values) = (times_behind, values_behind);
            ids = ids.get(n_same..).unwrap_or_default();
        }
        Ok(())
    }

    /// Goes on with a series, or ends the one before and begins with it.
    fn begin_series(&mut self, id: u64) -> Result<(), ArchiveError> {
        if self.current.is_some_and(|(current, ..)| current == id) {
            return Ok(());
        }
        self.end_series()?;
        let (place, kind) = self.series.find(id);
        self.windows.begin(kind, self.before.take(id));
        self.current = Some((id, place, kind));
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), ArchiveError> {
        let Some((id, place, kind)) = self.current.take() else {
            return Ok(());
        };
        let rows = self.windows.end();
        if rows.iter().all(|rows| rows.is_empty()) {
            return Ok(());
        }
        self.spill.push(place, kind, id, rows)
    }
}

fn write(
    job: &RollUp<'_>,
    spill: Spill,
    series: &SeriesTable,
    output: &mut Output<'_>,
) -> Result<(), ArchiveError> {
    let tables = [Table::MetricRollups5m, Table::MetricRollups1h];
    let [minutes, hours] = tables.map(|table| Ok(RollupRows::new(output.create(table)?)));
    let mut outs: [RollupRows; 2] = [minutes?, hours?];
    for block in spill.into_sorted()? {
        job.pause()?;
        let block = block?;
        let texts = series.texts(block.place);
        for (out, rows) in outs.iter_mut().zip(&block.rows) {
            out.push(block.id, texts, block.kind, rows)?;
        }
    }
    for (table, out) in tables.into_iter().zip(outs) {
        output.finish(table, out.finish()?)?;
    }
    Ok(())
}
