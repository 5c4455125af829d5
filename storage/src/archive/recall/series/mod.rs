//! Series by matchers and time range.
//!
//! A day at a time, on all cores: which series match is read from `metric_series` (the labels of a
//! series once, however many days it is on), then their rows, from the finest table that the asked
//! resolution needs and that the day has. Windows that no file holds yet are made of raw rows.

mod day;
mod known;
mod plan;
mod rows;
mod tail;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use proto::selector::Selector;
use proto::{Labels, UnixMillis};

use self::day::{DayPoints, DayReader};
use self::known::Known;
use self::plan::DayPlan;
use self::tail::MetricTail;
use self::window::Shape;
use super::snapshot::{Days, Listing};
use super::{Recall, RecallError, parallel};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::table::{Resolution, Table};

pub(in crate::archive::recall) use self::window::millis as window_millis;
pub use self::window::{Window, WindowValues};

/// Which series to read, and how.
#[derive(Clone, Debug, Default)]
pub struct SeriesQuery {
    /// What their labels must be.
    pub selector: Selector,
    /// Samples from this time on, and windows that start then or later.
    pub from: Option<UnixMillis>,
    /// Samples before this time, and windows that start before it.
    pub to: Option<UnixMillis>,
    /// How fine.
    pub resolution: Asked,
    /// How much at most.
    pub limits: SeriesLimits,
}

/// A resolution, or the one that suits the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Raw up to six hours, windows of five minutes up to ten days, else of an hour.
    #[default]
    Auto,
    /// This one. On a day that has no rows of it any more, the next finest that it has.
    Exactly(Resolution),
}

/// How large an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimits {
    /// Series.
    pub n_series: usize,
    /// Samples and windows of all series together. About 100 bytes of memory each at most.
    pub n_points: usize,
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self {
            n_series: 100_000,
            n_points: 2_000_000,
        }
    }
}

/// A raw sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it was measured.
    pub time: UnixMillis,
    /// Its value.
    pub value: f64,
}

/// A series with its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// All labels, `__name__` included.
    pub labels: Labels,
    /// OpenMetrics' name of its type: `counter`, `gauge`, …
    pub kind: Arc<str>,
    /// Its unit, or the empty text.
    pub unit: Arc<str>,
    /// Its help text.
    pub help: Arc<str>,
    /// Raw samples, in order of time, one at a time.
    pub samples: Vec<Sample>,
    /// Windows, in order of time.
    pub windows: Vec<Window>,
}

impl Series {
    /// Whether its values only count up, or begin anew: those of counters, and of the buckets, counts
    /// and sums of histograms and summaries.
    pub fn counts_up(&self) -> bool {
        Shape::of(&self.kind, self.labels.metric_name()) == Shape::Counter
    }

    /// Whether it is a native histogram: the series of classic ones end in `_bucket`, `_count` or `_sum`.
    pub fn is_native_histogram(&self) -> bool {
        let is_histogram = matches!(&*self.kind, "histogram" | "gaugehistogram");
        let name = self.labels.metric_name();
        let is_part = ["_bucket", "_count", "_sum", "_gcount", "_gsum"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
        is_histogram && !is_part
    }
}

/// The series that match.
#[derive(Debug, Default)]
pub struct SeriesAnswer {
    /// Those that have points in the range, by labels.
    pub series: Vec<Series>,
    /// The resolution that was asked for, or chosen.
    pub resolution: Option<Resolution>,
    /// Native histograms that match, and have no points in an answer: they have tables of their own.
    pub n_native_histograms: usize,
    /// Files that could not be read. What they hold is missing.
    pub left_out: Vec<ArchiveError>,
}

const SIX_HOURS: i64 = 6 * 3_600_000;
const TEN_DAYS: i64 = 10 * 86_400_000;

const TABLES: [Table; 4] = [
    Table::MetricSeries,
    Table::MetricPoints,
    Table::MetricRollups5m,
    Table::MetricRollups1h,
];

impl Recall {
    /// The series of a query with their points.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or the answer would be larger than the limits.
    pub fn series(&self, query: &SeriesQuery) -> Result<SeriesAnswer, RecallError> {
        let tail = || MetricTail::new(query);
        self.snapshot(&TABLES, query.days(), tail, |listing, tail| {
            answer(self, query, listing, &tail)
        })
    }

    /// The series of a query without points: all that were described on one of its days.
    ///
    /// # Errors
    /// As [`Recall::series`].
    pub fn series_names(&self, query: &SeriesQuery) -> Result<SeriesAnswer, RecallError> {
        let tail = || MetricTail::new(query);
        self.snapshot(&TABLES[..1], query.days(), tail, |listing, tail| {
            let known = Known::new(query);
            let days = listing.days(&TABLES);
            let left_out = parallel::map(&days, |day| {
                let mut left_out = Vec::new();
                known.of_day(self, listing.of(Table::MetricSeries, *day), &mut left_out)?;
                Ok::<_, RecallError>(left_out)
            })?;
            tail.series().for_each(|(id, series)| known.add(id, series));
            let series = known.into_series().into_values();
            Ok(sorted(SeriesAnswer {
                series: series.map(|series| (*series).clone()).collect(),
                resolution: None,
                n_native_histograms: 0,
                left_out: left_out.into_iter().flatten().collect(),
            }))
        })
    }
}

impl SeriesQuery {
    fn days(&self) -> Days {
        Days {
            first: self.from.and_then(Day::of),
            last: self.to.and_then(|to| Day::of(UnixMillis(to.0 - 1))),
        }
    }

    fn contains(&self, time: UnixMillis) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }

    /// The resolution to read, given the days there are.
    fn chosen(&self, days: &[Day]) -> Resolution {
        if let Asked::Exactly(resolution) = self.resolution {
            return resolution;
        }
        let first = self.from.or(days.first().map(|day| day.start()));
        let last = self.to.or(days.last().map(|day| day.end()));
        let range = first
            .zip(last)
            .map_or(0, |(first, last)| last.0.saturating_sub(first.0));
        if range <= SIX_HOURS {
            Resolution::Raw
        } else if range <= TEN_DAYS {
            Resolution::FiveMinutes
        } else {
            Resolution::OneHour
        }
    }
}

fn answer(
    recall: &Recall,
    query: &SeriesQuery,
    listing: &Listing,
    tail: &MetricTail<'_>,
) -> Result<SeriesAnswer, RecallError> {
    let mut days = listing.days(&TABLES);
    days.extend(tail.days());
    days.sort_unstable();
    days.dedup();
    let resolution = query.chosen(&days);
    let known = Known::new(query);
    tail.series().for_each(|(id, series)| known.add(id, series));
    let n_points = AtomicUsize::new(0);
    let read = parallel::map(&days, |day| {
        let reader = DayReader {
            recall,
            query,
            known: &known,
            tail,
            n_points: &n_points,
            plan: DayPlan::new(listing, *day, resolution, tail.has_samples(*day)),
        };
        reader.read()
    })?;
    let mut answer = put_together(read, &known, resolution);
    let all = known.into_series().into_values();
    answer.n_native_histograms = all.filter(|series| series.is_native_histogram()).count();
    Ok(sorted(answer))
}

/// The days' points, one behind the other.
fn put_together(read: Vec<DayPoints>, known: &Known<'_>, resolution: Resolution) -> SeriesAnswer {
    let mut all: HashMap<u64, Series> = HashMap::new();
    let mut left_out = Vec::new();
    for day in read {
        left_out.extend(day.left_out);
        for (id, mut points) in day.points {
            let Some(series) = known.get(id) else {
                continue;
            };
            let series = all.entry(id).or_insert_with(|| (*series).clone());
            if let (true, Some(before), Some(first)) = (
                points.counts_from_within,
                series.windows.last(),
                points.windows.first_mut(),
            ) && is_the_day_before(before, first)
            {
                first.count_from(before.last);
            }
            series.samples.extend(points.samples);
            series.windows.extend(points.windows);
        }
    }
    SeriesAnswer {
        series: all.into_values().collect(),
        resolution: Some(resolution),
        n_native_histograms: 0,
        left_out,
    }
}

/// A series without a sample on the day before begins anew, as in rollups.
fn is_the_day_before(before: &Window, first: &Window) -> bool {
    let day = Day::of(first.time).map(|day| day.start().0 - 1);
    day.and_then(|millis| Day::of(UnixMillis(millis))) == Day::of(before.time)
}

fn sorted(mut answer: SeriesAnswer) -> SeriesAnswer {
    answer
        .series
        .sort_by(|left, right| left.labels.iter().cmp(right.labels.iter()));
    answer
}
