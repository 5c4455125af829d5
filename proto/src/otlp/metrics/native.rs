//! Native histograms: exponential ones and those with custom bounds.

use super::super::wire::ReverseWriter;
use super::exemplar::put_exemplars;
use super::plan::{PointPlan, Shape};
use super::point::{NO_RECORDED_VALUE, Scrape, count, put_bounds, put_counts};
use super::start::Start;
use crate::metrics::{BucketSpan, MetricBatch, NativeHistogram, is_stale};

/// Schemas of exponential histograms (Prometheus, model/histogram).
const EXPONENTIAL_SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;
/// The schema of histograms with custom bounds.
const CUSTOM_SCHEMA: i32 = -53;
/// Longest run of buckets that is written out; gaps between spans may be wide.
const MAX_BUCKETS: usize = 1 << 16;

/// Which OTLP type a native histogram becomes; `None` if there is none: gauge histograms, and
/// float counts, which OTLP cannot say.
pub(super) fn shape_of(histogram: &NativeHistogram) -> Option<Shape> {
    if histogram.is_gauge || histogram.is_float {
        return None;
    }
    match histogram.schema {
        CUSTOM_SCHEMA => Some(Shape::CustomHistogram),
        schema if EXPONENTIAL_SCHEMAS.contains(&schema) => Some(Shape::ExponentialHistogram),
        _ => None,
    }
}

fn find<'a>(
    batch: &'a MetricBatch,
    point: &PointPlan,
    shape: Shape,
) -> Option<&'a NativeHistogram> {
    let found = batch
        .histograms
        .binary_search_by_key(&point.series_idx, |h| h.series_idx);
    let histogram = batch.histograms.get(found.ok()?)?;
    (shape_of(histogram) == Some(shape)).then_some(histogram)
}

/// `ExponentialHistogramDataPoint`. It also says the stale marker of every native histogram.
pub(super) fn put_exponential(
    writer: &mut ReverseWriter,
    scrape: &Scrape<'_>,
    point: &PointPlan,
    start: Option<&mut Start>,
) {
    let Some(value) = scrape.value(point.series_idx) else {
        return;
    };
    if is_stale(value) {
        writer.uint(10, NO_RECORDED_VALUE);
        scrape.put_times(writer, point, value, start);
        writer.raw(scrape.plan.attributes_of(point));
        return;
    }
    let Some(histogram) = find(scrape.batch, point, Shape::ExponentialHistogram) else {
        return;
    };
    writer.double(14, histogram.zero_threshold);
    put_exemplars(writer, 11, scrape.batch, [point.series_idx]);
    put_buckets(
        writer,
        9,
        &histogram.negative_spans,
        &histogram.negative_counts,
    );
    put_buckets(
        writer,
        8,
        &histogram.positive_spans,
        &histogram.positive_counts,
    );
    writer.fixed64(7, count(histogram.zero_count));
    writer.sint32(6, histogram.schema);
    writer.double(5, histogram.sum);
    writer.fixed64(4, count(histogram.count));
    scrape.put_times(writer, point, histogram.count, start);
    writer.raw(scrape.plan.attributes_of(point));
}

/// Buckets of one sign. Prometheus counts its buckets by their upper bound, OTLP by their lower
/// one: the offset is one less.
fn put_buckets(writer: &mut ReverseWriter, field: u32, spans: &[BucketSpan], counts: &[f64]) {
    let Some(first) = spans.first() else { return };
    let mark = writer.len();
    let packed = writer.len();
    dense(spans, counts)
        .into_iter()
        .rev()
        .for_each(|count| writer.varint(count));
    writer.message(2, packed);
    writer.sint32(1, first.offset.saturating_sub(1));
    writer.message(field, mark);
}

/// Counts without gaps, from the first span's first bucket on.
fn dense(spans: &[BucketSpan], counts: &[f64]) -> Vec<u64> {
    let mut dense = Vec::with_capacity(counts.len());
    let mut counts = counts.iter();
    for (idx, span) in spans.iter().enumerate() {
        let gap = if idx == 0 {
            0
        } else {
            usize::try_from(span.offset).unwrap_or(0)
        };
        if dense
            .len()
            .saturating_add(gap)
            .saturating_add(span.length as usize)
            > MAX_BUCKETS
        {
            break;
        }
        dense.resize(dense.len() + gap, 0);
        dense.extend(
            counts
                .by_ref()
                .take(span.length as usize)
                .map(|value| count(*value)),
        );
    }
    dense
}

/// `HistogramDataPoint` of a native histogram with custom bounds.
pub(super) fn put_custom(
    writer: &mut ReverseWriter,
    scrape: &Scrape<'_>,
    point: &PointPlan,
    start: Option<&mut Start>,
) {
    let Some(histogram) = find(scrape.batch, point, Shape::CustomHistogram) else {
        return;
    };
    let bounds: Vec<f64> = histogram
        .custom_bounds
        .iter()
        .copied()
        .filter(|b| b.is_finite())
        .collect();
    let offset = histogram
        .positive_spans
        .first()
        .map_or(0, |span| span.offset);
    let mut counts = vec![0; usize::try_from(offset).unwrap_or(0).min(bounds.len())];
    counts.extend(dense(&histogram.positive_spans, &histogram.positive_counts));
    counts.resize(bounds.len() + 1, 0);
    writer.raw(scrape.plan.attributes_of(point));
    put_exemplars(writer, 8, scrape.batch, [point.series_idx]);
    put_bounds(writer, bounds.into_iter());
    put_counts(writer, counts.into_iter());
    writer.double(5, histogram.sum);
    writer.fixed64(4, count(histogram.count));
    scrape.put_times(writer, point, histogram.count, start);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_spans_are_empty_buckets() {
        let spans = [
            BucketSpan {
                offset: -2,
                length: 2,
            },
            BucketSpan {
                offset: 2,
                length: 1,
            },
        ];
        assert_eq!(dense(&spans, &[1.0, 2.0, 3.0]), [1, 2, 0, 0, 3]);
    }

    #[test]
    fn a_gap_too_wide_to_write_out_ends_the_run() {
        let spans = [
            BucketSpan {
                offset: 0,
                length: 1,
            },
            BucketSpan {
                offset: i32::MAX,
                length: 1,
            },
        ];
        assert_eq!(dense(&spans, &[1.0, 2.0]), [1]);
    }
}
