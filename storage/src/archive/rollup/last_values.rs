//! What each counter stood at when the day before ended.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use arrow_array::TimestampMillisecondArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array as _, Float64Array, Int64Array, StructArray};

use super::plan::{self, Start, Stretch};
use super::series_table::{Kind, SeriesTable};
use super::{RollUp, input};
use crate::Position;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::FileName;
use crate::archive::files::TablePath;
use crate::archive::reading::{self, Columns};
use crate::archive::seen::IdHasher;
use crate::archive::table::Table;

/// Values by series. About 30 bytes a counter.
#[derive(Default)]
pub(super) struct LastValues(HashMap<u64, (i64, f64), BuildHasherDefault<IdHasher>>);

impl LastValues {
    /// The last values of the day before a stretch: from its rollups, or from its raw rows if it
    /// has none that are up to date. A series without a sample on that day begins anew.
    pub(super) fn before(job: &RollUp<'_>, stretch: &Stretch) -> Result<Self, ArchiveError> {
        let mut values = Self::default();
        let Some(day) = stretch.day.before() else {
            return Ok(values);
        };
        if stretch.start == Start::Beside {
            return Ok(values);
        }
        let names = |table| {
            let writer = stretch.name.writer;
            plan::names(job.root, table, day, writer, Position(u64::MAX))
        };
        let (raw, rolled) = (names(Table::MetricPoints)?, names(Table::MetricRollups5m)?);
        let end = |names: &[FileName]| names.iter().map(|name| name.to).max();
        if end(&rolled) >= end(&raw) {
            for name in rolled {
                values.add_rollups(job, day, name)?;
            }
        } else {
            values.add_points(job, day, &raw)?;
        }
        Ok(values)
    }

    /// The last value of a series, forgotten with that.
    pub(super) fn take(&mut self, id: u64) -> Option<f64> {
        self.0.remove(&id).map(|(_, value)| value)
    }

    fn add_rollups(
        &mut self,
        job: &RollUp<'_>,
        day: Day,
        name: FileName,
    ) -> Result<(), ArchiveError> {
        let table = Table::MetricRollups5m;
        let path = TablePath { table, day, name }.path(job.root);
        for batch in reading::open(&path, &["series_id", "time", "last", "increase"])? {
            job.pause()?;
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let ids: &Int64Array = columns.get("series_id")?;
            let times: &TimestampMillisecondArray = columns.get("time")?;
            let lasts: &Float64Array = columns.get("last")?;
            let increases: &Float64Array = columns.get("increase")?;
            for (row, id) in ids.values().iter().enumerate() {
                if increases.is_valid(row) {
                    self.add(*id, times.value(row), lasts.value(row));
                }
            }
        }
        Ok(())
    }

    fn add_points(
        &mut self,
        job: &RollUp<'_>,
        day: Day,
        names: &[FileName],
    ) -> Result<(), ArchiveError> {
        let table = Table::MetricPoints;
        let series = SeriesTable::read(job.root, day)?;
        for batch in input::merged(job.root, table, day, names)? {
            job.pause()?;
            let batch = batch?;
            let ids = input::numbers::<Int64Type>(&batch, table, "series_id")?.values();
            let times = input::numbers::<TimestampMillisecondType>(&batch, table, "time")?.values();
            let values = input::numbers::<Float64Type>(&batch, table, "value")?.values();
            let mut is_counter = (0, false);
            for (id, (time, value)) in ids.iter().zip(times.iter().zip(values)) {
                if is_counter.0 != *id {
                    is_counter = (*id, series.find(id.cast_unsigned()).1 == Kind::Counter);
                }
                if is_counter.1 {
                    self.add(*id, *time, *value);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, id: i64, time: i64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let last = self.0.entry(id.cast_unsigned()).or_insert((time, value));
        if last.0 <= time {
            *last = (time, value);
        }
    }
}
