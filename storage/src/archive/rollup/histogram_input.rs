//! Rows of `metric_histograms` ⇄ histograms to reckon with.

use std::path::Path;

use arrow_array::{
    Array as _, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StructArray, TimestampMillisecondArray,
};
use proto::metrics::{BucketSpan, NativeHistogram};

use super::histogram::{Buckets, Histogram};
use crate::archive::error::ArchiveError;
use crate::archive::reading::Columns;
use crate::archive::table::Table;

/// A row: series, time in milliseconds, histogram.
pub(super) type Row = (u64, i64, Histogram);

/// The rows of a batch.
pub(super) fn rows(batch: RecordBatch) -> Result<Vec<Row>, ArchiveError> {
    let batch = StructArray::from(batch);
    let columns = Columns::new(&batch, Path::new(Table::MetricHistograms.name()));
    let ids: &Int64Array = columns.get("series_id")?;
    let times: &TimestampMillisecondArray = columns.get("time")?;
    let rows = (0..columns.len()).map(|row| {
        let id = ids.value(row).cast_unsigned();
        Ok((id, times.value(row), histogram(&columns, row)?))
    });
    rows.collect()
}

fn histogram(columns: &Columns<'_>, row: usize) -> Result<Histogram, ArchiveError> {
    let number = |name| Ok::<_, ArchiveError>(columns.get::<Float64Array>(name)?.value(row));
    let flag = |name| Ok::<_, ArchiveError>(columns.get::<BooleanArray>(name)?.value(row));
    Ok(Histogram {
        schema: columns.get::<Int32Array>("schema")?.value(row),
        zero_threshold: number("zero_threshold")?,
        zero_count: number("zero_count")?,
        count: number("count")?,
        sum: number("sum")?,
        is_float: flag("is_float")?,
        is_gauge: flag("is_gauge")?,
        positive: buckets(columns, "positive_spans", "positive_counts", row)?,
        negative: buckets(columns, "negative_spans", "negative_counts", row)?,
        custom_bounds: numbers(columns, "custom_bounds", row)?,
    })
}

fn numbers(columns: &Columns<'_>, name: &str, row: usize) -> Result<Vec<f64>, ArchiveError> {
    let items = columns.get::<ListArray>(name)?.value(row);
    let items: Option<&Float64Array> = items.as_any().downcast_ref();
    let items = items.ok_or_else(|| columns.wrong(name))?;
    Ok(items.values().to_vec())
}

fn buckets(
    columns: &Columns<'_>,
    spans: &str,
    counts: &str,
    row: usize,
) -> Result<Buckets, ArchiveError> {
    let counts = numbers(columns, counts, row)?;
    let items = columns.get::<ListArray>(spans)?.value(row);
    let items: Option<&StructArray> = items.as_any().downcast_ref();
    let items = columns.of(items.ok_or_else(|| columns.wrong(spans))?);
    let (offsets, lengths) = (
        items.get::<Int32Array>("offset")?.values(),
        items.get::<Int32Array>("length")?.values(),
    );
    let mut buckets = Buckets::with_capacity(counts.len());
    let mut counts = counts.into_iter();
    let mut idx = 0_i32;
    for (offset, length) in offsets.iter().zip(lengths) {
        idx = idx.saturating_add(*offset);
        for count in counts.by_ref().take((*length).max(0) as usize) {
            if count != 0.0 {
                buckets.push((idx, count));
            }
            idx = idx.saturating_add(1);
        }
    }
    Ok(buckets)
}

/// As it is written.
pub(super) fn native(histogram: &Histogram) -> NativeHistogram {
    let (positive_spans, positive_counts) = spans(&histogram.positive);
    let (negative_spans, negative_counts) = spans(&histogram.negative);
    NativeHistogram {
        series_idx: 0,
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count,
        count: histogram.count,
        sum: histogram.sum,
        is_float: histogram.is_float,
        is_gauge: histogram.is_gauge,
        positive_spans,
        positive_counts,
        negative_spans,
        negative_counts,
        custom_bounds: histogram.custom_bounds.clone(),
    }
}

fn spans(buckets: &Buckets) -> (Vec<BucketSpan>, Vec<f64>) {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for (idx, _) in buckets {
        match spans.last_mut() {
            Some(span) if *idx == next => span.length += 1,
            _ => spans.push(BucketSpan {
                offset: idx.saturating_sub(next),
                length: 1,
            }),
        }
        next = idx.saturating_add(1);
    }
    (spans, buckets.iter().map(|(_, count)| *count).collect())
}
