//! Scrapes → rows of `metric_histograms` (native histograms).

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, TimestampMillisecondBuilder,
};
use arrow_schema::ArrowError;
use proto::UnixMillis;
use proto::metrics::{BucketSpan, Family, NativeHistogram, Series, SeriesId, is_stale};

use super::columns::{ListLengths, millis_builder};
use super::metric_day::MetricDay;
use super::schema;

/// A native histogram of a day.
pub(super) struct HistogramRow<'a> {
    pub(super) id: SeriesId,
    /// The series and its family; not of a window.
    pub(super) of: Option<(&'a Series, &'a Family)>,
    pub(super) time: UnixMillis,
    pub(super) histogram: &'a NativeHistogram,
}

/// The native histograms of a day, sorted by series and time, one a time.
pub(super) fn histogram_rows<'a>(day: &'a MetricDay) -> Vec<HistogramRow<'a>> {
    let mut rows = Vec::new();
    for batch in day.batches() {
        for histogram in &batch.histograms {
            let idx = histogram.series_idx as usize;
            let Some(series) = batch.layout.series.get(idx) else {
                continue;
            };
            let time = batch.time_of(idx);
            if day.contains(time) && !is_stale(histogram.sum) {
                let family = batch.layout.family(series);
                rows.push(HistogramRow {
                    id: series.id,
                    of: family.map(|family| (series, family)),
                    time,
                    histogram,
                });
            }
        }
    }
    rows.sort_by_key(|row| (row.id, row.time));
    rows.dedup_by_key(|row| (row.id, row.time));
    rows
}

/// The columns of the rows.
pub(super) fn histogram_columns(rows: &[HistogramRow<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut columns = HistogramColumns::new();
    for row in rows {
        columns.push(row);
    }
    columns.finish()
}

struct HistogramColumns {
    id: Int64Builder,
    time: TimestampMillisecondBuilder,
    schema: Int32Builder,
    /// zero_threshold, zero_count, count, sum
    numbers: [Float64Builder; 4],
    /// is_float, is_gauge
    flags: [BooleanBuilder; 2],
    positive: Side,
    negative: Side,
    bounds: NumberLists,
}

impl HistogramColumns {
    fn new() -> Self {
        Self {
            id: Int64Builder::new(),
            time: millis_builder(),
            schema: Int32Builder::new(),
            numbers: std::array::from_fn(|_| Float64Builder::new()),
            flags: std::array::from_fn(|_| BooleanBuilder::new()),
            positive: Side::default(),
            negative: Side::default(),
            bounds: NumberLists::default(),
        }
    }

    fn push(&mut self, row: &HistogramRow<'_>) {
        let h = row.histogram;
        self.id.append_value(row.id.0.cast_signed());
        self.time.append_value(row.time.0);
        self.schema.append_value(h.schema);
        let numbers = [h.zero_threshold, h.zero_count, h.count, h.sum];
        for (builder, number) in self.numbers.iter_mut().zip(numbers) {
            builder.append_value(number);
        }
        for (builder, flag) in self.flags.iter_mut().zip([h.is_float, h.is_gauge]) {
            builder.append_value(flag);
        }
        self.positive.push(&h.positive_spans, &h.positive_counts);
        self.negative.push(&h.negative_spans, &h.negative_counts);
        self.bounds.push(&h.custom_bounds);
    }

    fn finish(mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.schema.finish()),
        ];
        columns.extend(
            self.numbers
                .map(|mut number| Arc::new(number.finish()) as ArrayRef),
        );
        columns.extend(
            self.flags
                .map(|mut flag| Arc::new(flag.finish()) as ArrayRef),
        );
        columns.extend(self.positive.finish()?);
        columns.extend(self.negative.finish()?);
        columns.push(self.bounds.finish()?);
        Ok(columns)
    }
}

/// Spans and counts of the positive or the negative buckets.
#[derive(Default)]
struct Side {
    offsets: Int32Builder,
    lengths: Int32Builder,
    spans: ListLengths,
    counts: NumberLists,
}

impl Side {
    fn push(&mut self, spans: &[BucketSpan], counts: &[f64]) {
        for span in spans {
            self.offsets.append_value(span.offset);
            self.lengths.append_value(span.length.cast_signed());
        }
        self.spans.push(spans.len());
        self.counts.push(counts);
    }

    fn finish(mut self) -> Result<[ArrayRef; 2], ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.offsets.finish()),
            Arc::new(self.lengths.finish()),
        ];
        Ok([
            self.spans.finish_structs(schema::span_fields(), columns)?,
            self.counts.finish()?,
        ])
    }
}

#[derive(Default)]
struct NumberLists {
    numbers: Float64Builder,
    lengths: ListLengths,
}

impl NumberLists {
    fn push(&mut self, numbers: &[f64]) {
        self.numbers.append_slice(numbers);
        self.lengths.push(numbers.len());
    }

    fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        self.lengths.finish(Arc::new(self.numbers.finish()))
    }
}
