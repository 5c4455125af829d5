//! Rows of the tables of points.

use std::path::Path;

use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array as _, Float64Array, Int32Array, Int64Array, PrimitiveArray, RecordBatch, StructArray,
};
use proto::UnixMillis;

use super::Sample;
use super::window::{Window, WindowValues};
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::Columns;
use crate::archive::recall::Recall;
use crate::archive::recall::scan::{Ids, Scan};
use crate::archive::table::{Resolution, Table};

type Times = PrimitiveArray<TimestampMillisecondType>;

/// Columns of `metric_points`.
pub(super) const POINTS: [&str; 3] = ["series_id", "time", "value"];

/// Calls `each` with every row of `metric_points`.
pub(super) fn samples(
    batch: RecordBatch,
    path: &Path,
    mut each: impl FnMut(u64, Sample) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let batch = StructArray::from(batch);
    let columns = Columns::new(&batch, path);
    let ids: &Int64Array = columns.get("series_id")?;
    let times: &Times = columns.get("time")?;
    let values: &Float64Array = columns.get("value")?;
    let rows = ids.values().iter().zip(times.values()).zip(values.values());
    for ((id, time), value) in rows {
        let time = UnixMillis(*time);
        each(
            id.cast_unsigned(),
            Sample {
                time,
                value: *value,
            },
        )?;
    }
    Ok(())
}

/// Calls `each` with the windows of some series in a file. `name` is that of their metric, if all
/// have one.
pub(super) fn windows(
    recall: &Recall,
    file: &TablePath,
    name: Option<&str>,
    ids: &Ids,
    mut each: impl FnMut(u64, Window),
) -> Result<(), ArchiveError> {
    let scan = Scan {
        columns: &[
            "series_id",
            "time",
            "count",
            "first",
            "last",
            "min",
            "max",
            "sum",
            "p50",
            "p90",
            "p99",
            "increase",
            "resets",
        ],
        text: name.map(|name| ("name", name)),
        ids: Some(("series_id", ids)),
    };
    let resolution = match file.table {
        Table::MetricRollups5m => Resolution::FiveMinutes,
        _ => Resolution::OneHour,
    };
    let path = recall.files.describe(file);
    for batch in scan.open(&*recall.files, file)? {
        let batch = StructArray::from(batch?);
        let rows = WindowRows::new(&Columns::new(&batch, &path))?;
        for (row, id) in rows.ids.values().iter().enumerate() {
            each(id.cast_unsigned(), rows.window(row, resolution));
        }
    }
    Ok(())
}

struct WindowRows<'a> {
    ids: &'a Int64Array,
    times: &'a Times,
    counts: &'a Int64Array,
    /// first, last, min, max, sum, p50, p90, p99
    values: [&'a Float64Array; 8],
    increase: &'a Float64Array,
    resets: &'a Int32Array,
}

impl<'a> WindowRows<'a> {
    fn new(columns: &Columns<'a>) -> Result<Self, ArchiveError> {
        let value = |name| columns.get::<Float64Array>(name);
        Ok(Self {
            ids: columns.get("series_id")?,
            times: columns.get("time")?,
            counts: columns.get("count")?,
            values: [
                value("first")?,
                value("last")?,
                value("min")?,
                value("max")?,
                value("sum")?,
                value("p50")?,
                value("p90")?,
                value("p99")?,
            ],
            increase: value("increase")?,
            resets: columns.get("resets")?,
        })
    }

    fn window(&self, row: usize, resolution: Resolution) -> Window {
        let known = |column: &Float64Array| {
            if column.is_valid(row) {
                column.value(row)
            } else {
                f64::NAN
            }
        };
        let [first, last, min, max, sum, p50, p90, p99] = self.values.map(known);
        let values = if self.increase.is_valid(row) {
            let resets = if self.resets.is_valid(row) {
                self.resets.value(row)
            } else {
                0
            };
            WindowValues::Counter {
                increase: self.increase.value(row),
                resets: resets.cast_unsigned(),
            }
        } else {
            WindowValues::Gauge {
                min,
                max,
                sum,
                p50,
                p90,
                p99,
            }
        };
        Window {
            time: UnixMillis(self.times.value(row)),
            resolution,
            count: self.counts.value(row).cast_unsigned(),
            first,
            last,
            values,
        }
    }
}
