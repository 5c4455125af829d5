//! Scrapes → rows of `metric_series` and `metric_points`.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, TimestampMillisecondArray};
use arrow_schema::ArrowError;
use proto::UnixMillis;
use proto::metrics::{Family, Series, SeriesId};

use super::columns::{LabelsColumn, millis_builder};
use super::error::ArchiveError;
use super::last_times::LastTimes;
use super::metric_buffer::{MetricDay, SeriesSamples};
use super::table_file::TableFile;

/// Rows that are turned into Arrow arrays at once. Bounds the memory of a flush.
const ROWS_A_BATCH: usize = 64 * 1024;

/// Writes every float sample of a day; tells the series that have one.
pub(super) fn write_points(
    day: &MetricDay<'_>,
    file: &mut TableFile,
    written: &mut HashSet<SeriesId>,
    last_times: &mut LastTimes,
) -> Result<(), ArchiveError> {
    let mut points = Points::default();
    day.for_each_series(|mut series| {
        if series.has_own_times {
            series.samples = last_times.unwritten(series.series.id, series.samples);
        }
        written.insert(series.series.id);
        points.push(&series);
        if points.ids.len() >= ROWS_A_BATCH {
            file.write(points.take())
        } else {
            Ok(())
        }
    })?;
    if points.ids.is_empty() {
        Ok(())
    } else {
        file.write(points.take())
    }
}

#[derive(Default)]
struct Points {
    ids: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Points {
    fn push(&mut self, series: &SeriesSamples<'_, '_>) {
        let id = series.series.id.0.cast_signed();
        self.ids
            .extend(std::iter::repeat_n(id, series.samples.len()));
        self.times
            .extend(series.samples.iter().map(|(time, _)| time.0));
        self.values
            .extend(series.samples.iter().map(|(_, value)| *value));
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        let Self { ids, times, values } = std::mem::take(self);
        let times = TimestampMillisecondArray::from(times).with_timezone("UTC");
        vec![
            Arc::new(Int64Array::from(ids)),
            Arc::new(times),
            Arc::new(Float64Array::from(values)),
        ]
    }
}

/// A row of `metric_series`.
pub(super) struct SeriesRow<'a> {
    series: &'a Series,
    family: &'a Family,
    created: Option<UnixMillis>,
}

/// Rows for those series of a day that `is_new` picks, each once, sorted by name, job, instance.
pub(super) fn series_rows<'a>(
    day: &MetricDay<'a>,
    mut is_new: impl FnMut(SeriesId) -> bool,
) -> Vec<SeriesRow<'a>> {
    let created = day.created();
    let rows = day.series().filter(|(series, _)| is_new(series.id));
    let mut rows: Vec<SeriesRow<'a>> = rows
        .map(|(series, family)| SeriesRow {
            series,
            family,
            created: created.get(&series.id).copied(),
        })
        .collect();
    rows.sort_by_cached_key(|row| sort_key(row.series));
    rows.dedup_by_key(|row| row.series.id);
    rows
}

fn sort_key(series: &Series) -> (&str, &str, &str, SeriesId) {
    let label = |name| series.labels.get(name).unwrap_or("");
    (
        series.labels.metric_name(),
        label("job"),
        label("instance"),
        series.id,
    )
}

/// The columns of some rows.
pub(super) fn series_columns(rows: &[SeriesRow<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut columns = SeriesColumns::new();
    for row in rows {
        columns.push(row);
    }
    columns.finish()
}

struct SeriesColumns {
    id: Int64Builder,
    /// name, kind, unit, help, job, instance
    texts: [StringBuilder; 6],
    labels: LabelsColumn,
    created: TimestampMillisecondBuilder,
}

impl SeriesColumns {
    fn new() -> Self {
        Self {
            id: Int64Builder::new(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            labels: LabelsColumn::default(),
            created: millis_builder(),
        }
    }

    fn push(&mut self, row: &SeriesRow<'_>) {
        let SeriesRow {
            series,
            family,
            created,
        } = row;
        let label = |name| series.labels.get(name).unwrap_or("");
        let texts = [
            series.labels.metric_name(),
            family.kind.name(),
            &family.unit,
            &family.help,
            label("job"),
            label("instance"),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_value(text);
        }
        self.id.append_value(series.id.0.cast_signed());
        self.labels.push(&series.labels);
        self.created.append_option(created.map(|time| time.0));
    }

    fn finish(mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.id.finish())];
        columns.extend(
            self.texts
                .map(|mut text| Arc::new(text.finish()) as ArrayRef),
        );
        columns.push(self.labels.finish()?);
        columns.push(Arc::new(self.created.finish()));
        Ok(columns)
    }
}
