//! Rollups of a year, made up, for measuring recall where there is no year of data.

use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;

use arrow_array::TimestampMillisecondArray;
use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use parquet::basic::ZstdLevel;
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::{Labels, Target, UnixMillis};

use super::parallel;
use crate::Position;
use crate::archive::ArchiveError;
use crate::archive::day::Day;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files::{self, TablePath};
use crate::archive::metric_buffer::MetricBuffer;
use crate::archive::metric_rows::{series_columns, series_rows};
use crate::archive::table::Table;
use crate::archive::table_file::TableFile;

const HOURS: i64 = 24;
const HOUR: i64 = 3_600_000;
/// Rows that are written at once.
const ROWS_A_BATCH: usize = 64 * 1024;

/// What is made up: every metric at every target, half of them counters.
#[derive(Clone, Copy, Debug)]
pub struct Rollups {
    /// Metrics, `metric_0000` and so on.
    pub n_names: usize,
    /// Targets, `127.0.0.1:10000` and so on.
    pub n_targets: usize,
    /// Start of the first day. Milliseconds since 1970, a day's beginning.
    pub start: UnixMillis,
    /// Days.
    pub n_days: usize,
}

impl Rollups {
    /// Writes `metric_series` and `metric_rollups_1h` below `root`, a file a day each.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), ArchiveError> {
        let layouts: Vec<Arc<Layout>> = (0..self.n_targets).map(|idx| self.layout(idx)).collect();
        let mut series: Vec<&Series> = layouts.iter().flat_map(|layout| &layout.series).collect();
        series.sort_by_key(|series| {
            let label = |name| series.labels.get(name).unwrap_or("").to_owned();
            (label("__name__"), label("job"), label("instance"))
        });
        let days: Vec<i64> = (0..self.n_days as i64).collect();
        parallel::map(&days, |idx| {
            let start = UnixMillis(self.start.0 + idx * HOURS * HOUR);
            let Some(day) = Day::of(start) else {
                return Ok(());
            };
            write_series(root, day, &layouts, start)?;
            write_windows(root, day, &series, start)
        })?;
        Ok(())
    }

    fn layout(&self, target: usize) -> Arc<Layout> {
        let instance = format!("127.0.0.1:{}", 10_000 + target);
        let labels = Labels::from_pairs([("job", "etcd"), ("instance", &instance)]);
        let of_target = Arc::new(Target {
            labels: labels.clone(),
            scheme: "http".to_owned(),
            address: instance,
        });
        let (mut families, mut series) = (Vec::new(), Vec::new());
        for idx in 0..self.n_names {
            let name = format!("metric_{idx:04}");
            let pairs = labels.iter().chain([("__name__", name.as_str())]);
            let labels = Labels::from_pairs(pairs);
            let kind = if idx % 2 == 0 {
                MetricKind::Gauge
            } else {
                MetricKind::Counter
            };
            series.push(Series {
                id: SeriesId(labels.hash64()),
                labels,
                family_idx: idx as u32,
            });
            families.push(Family {
                name,
                kind,
                help: "Made up.".to_owned(),
                unit: String::new(),
            });
        }
        Arc::new(Layout::new(of_target, families, series))
    }
}

fn create(root: &Path, table: Table, day: Day) -> Result<TableFile, ArchiveError> {
    let name = FileName {
        writer: WriterId(1),
        from: Position(0),
        to: Position(1),
    };
    let file = TablePath { table, day, name };
    files::make_folder(root, &file.folder(root))?;
    TableFile::create(&file, &file.path(root), ZstdLevel::default())
}

fn write_series(
    root: &Path,
    day: Day,
    layouts: &[Arc<Layout>],
    time: UnixMillis,
) -> Result<(), ArchiveError> {
    let mut buffer = MetricBuffer::default();
    for layout in layouts {
        let values = vec![0.0; layout.series.len()];
        buffer.push(&Arc::new(MetricBatch::new(
            Arc::clone(layout),
            time,
            values,
        )));
    }
    let mut file = create(root, Table::MetricSeries, day)?;
    for (_, rows) in buffer.days() {
        let columns = series_columns(&series_rows(rows, rows.series()));
        file.write(columns.map_err(ArchiveError::columns(Table::MetricSeries))?)?;
    }
    file.finish().map(drop)
}

fn write_windows(
    root: &Path,
    day: Day,
    series: &[&Series],
    start: UnixMillis,
) -> Result<(), ArchiveError> {
    let mut file = create(root, Table::MetricRollups1h, day)?;
    for chunk in series.chunks(ROWS_A_BATCH / HOURS as usize) {
        file.write(columns(chunk, start))?;
    }
    file.finish().map(drop)
}

fn columns(series: &[&Series], start: UnixMillis) -> Vec<ArrayRef> {
    let rows = || {
        series
            .iter()
            .flat_map(|series| (0..HOURS).map(move |hour| (*series, hour)))
    };
    let text = |name: &str| -> ArrayRef {
        let texts = rows().map(|(series, _)| series.labels.get(name).unwrap_or(""));
        Arc::new(StringArray::from_iter_values(texts))
    };
    let time = |hour: i64| start.0 + hour * HOUR;
    let is_counter = |series: &Series| series.family_idx % 2 == 1;
    let values = |of: &dyn Fn(f64) -> f64, counter: Option<f64>| -> ArrayRef {
        let value = |(series, hour): (&Series, i64)| {
            if is_counter(series) {
                counter
            } else {
                Some(of(value_at(series.id.0, time(hour))))
            }
        };
        Arc::new(rows().map(value).collect::<Float64Array>())
    };
    let counted = |series: &Series, hour: i64| value_at(series.id.0, time(hour)).abs().floor();
    let increase = rows().map(|(series, hour)| is_counter(series).then(|| counted(series, hour)));
    vec![
        Arc::new(Int64Array::from_iter_values(
            rows().map(|(series, _)| series.id.0.cast_signed()),
        )),
        text("__name__"),
        text("job"),
        text("instance"),
        Arc::new(
            TimestampMillisecondArray::from_iter_values(rows().map(|(_, hour)| time(hour)))
                .with_timezone("UTC"),
        ),
        Arc::new(Int64Array::from_iter_values(rows().map(|_| 240))),
        values(&|value| value, Some(1.0)),
        values(&|value| value + 0.25, Some(2.0)),
        values(&|value| value - 3.0, None),
        values(&|value| value + 4.0, None),
        values(&|value| value * 240.0, None),
        values(&|value| value, None),
        values(&|value| value + 2.0, None),
        values(&|value| value + 3.5, None),
        Arc::new(increase.collect::<Float64Array>()),
        Arc::new(
            rows()
                .map(|(series, _)| is_counter(series).then_some(0))
                .collect::<Int32Array>(),
        ),
    ]
}

/// A value with a season of a day, one of a week, and noise that is the same each time.
fn value_at(id: u64, time: i64) -> f64 {
    let mut state = id ^ time.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let noise = (state >> 40) as f64 / (1u64 << 24) as f64;
    let phase = |hours: i64| TAU * (time.rem_euclid(hours * HOUR)) as f64 / (hours * HOUR) as f64;
    let value = 100.0 + 30.0 * phase(24).sin() + 10.0 * phase(168).sin() + 5.0 * noise;
    (value * 100.0).round() / 100.0
}
