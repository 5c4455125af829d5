//! Scrapes → rows of `metric_series` and `metric_points`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, TimestampMillisecondArray};
use arrow_schema::ArrowError;
use proto::UnixMillis;
use proto::metrics::{Family, Series};

use super::columns::{LabelsColumn, millis_builder};
use super::error::ArchiveError;
use super::last_times::LastTimes;
use super::metric_day::{MetricDay, SeriesSamples};
use super::seen::SeenInOrder;
use super::table_file::TableFile;

/// Rows that are turned into Arrow arrays at once. Bounds the memory of a flush.
const ROWS_A_BATCH: usize = 64 * 1024;

/// Writes every float sample of a day; tells the series that have one and are not in `seen`.
pub(super) fn write_points<'a>(
    day: &'a MetricDay,
    file: &mut TableFile,
    mut seen: SeenInOrder<'_>,
    last_times: &mut LastTimes,
) -> Result<Vec<(&'a Series, &'a Family)>, ArchiveError> {
    let mut new = Vec::new();
    let mut points = Points::default();
    day.for_each_series(|mut of| {
        if of.has_own_times {
            of.samples = last_times.unwritten(of.id, of.samples);
        }
        if !seen.contains(of.id.0) {
            new.extend(of.series());
        }
        points.push(&of);
        if points.ids.len() >= ROWS_A_BATCH {
            file.write(points.take())
        } else {
            Ok(())
        }
    })?;
    if !points.ids.is_empty() {
        file.write(points.take())?;
    }
    Ok(new)
}

#[derive(Default)]
struct Points {
    ids: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Points {
    fn push(&mut self, series: &SeriesSamples<'_, '_>) {
        let id = series.id.0.cast_signed();
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
    pub(super) series: &'a Series,
    family: &'a Family,
    created: Option<UnixMillis>,
    /// Numbers of its [`sort_texts`].
    texts: [u32; 3],
}

/// Rows for some series of a day, each once, sorted by name, job, instance.
pub(super) fn series_rows<'a>(
    day: &'a MetricDay,
    series: impl IntoIterator<Item = (&'a Series, &'a Family)>,
) -> Vec<SeriesRow<'a>> {
    let created = day.created();
    let mut numbers = HashMap::new();
    let mut number = |text| {
        let next = numbers.len() as u32;
        *numbers.entry(text).or_insert(next)
    };
    let mut rows: Vec<SeriesRow<'a>> = series
        .into_iter()
        .map(|(series, family)| SeriesRow {
            series,
            family,
            created: created.get(&series.id).copied(),
            texts: sort_texts(series).map(&mut number),
        })
        .collect();
    let ranks = ranks(numbers);
    let rank = |number: u32| ranks[number as usize];
    rows.sort_by_cached_key(|row| (row.texts.map(rank), row.series.id));
    rows.dedup_by_key(|row| row.series.id);
    rows
}

/// What rows are sorted by, apart from the id.
fn sort_texts(series: &Series) -> [&str; 3] {
    let label = |name| series.labels.get(name).unwrap_or("");
    [series.labels.metric_name(), label("job"), label("instance")]
}

/// Of numbered texts the place of each in their order, by its number. Many rows have few different
/// ones, and numbers take less room than texts and are compared at once.
fn ranks(numbers: HashMap<&str, u32>) -> Vec<u32> {
    let mut sorted: Vec<(&str, u32)> = numbers.into_iter().collect();
    sorted.sort_unstable();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in (0..).zip(sorted) {
        ranks[number as usize] = rank;
    }
    ranks
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
            ..
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
