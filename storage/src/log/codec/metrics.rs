//! One scrape: a column of values, and what only some samples have.
//!
//! Times are written as differences to the scrape's, so an explicit timestamp costs a byte or
//! three. Differences wrap: any `i64` comes back as it was.

use std::sync::Arc;

use proto::UnixMillis;
use proto::metrics::{BucketSpan, Exemplar, Layout, MetricBatch, NativeHistogram};

use super::{LayoutRef, take_labels};
use crate::log::wire::{DecodeError, Input, put_bytes, put_f64, put_f64s, put_signed, put_varint};

const FLAG_FLOAT: u8 = 1;
const FLAG_GAUGE: u8 = 2;
const HAS_TIME: u8 = 1;

pub(super) fn encode(out: &mut Vec<u8>, batch: &MetricBatch, layout: LayoutRef) {
    let time = batch.time;
    put_varint(out, layout.0);
    put_signed(out, time.0);
    put_varint(out, batch.values.len() as u64);
    put_f64s(out, &batch.values);
    put_varint(out, batch.timestamps.len() as u64);
    for stamp in &batch.timestamps {
        put_time(out, *stamp, time);
    }
    put_varint(out, batch.created.len() as u64);
    for (series_idx, created) in &batch.created {
        put_varint(out, u64::from(*series_idx));
        put_time(out, *created, time);
    }
    put_varint(out, batch.histograms.len() as u64);
    for histogram in &batch.histograms {
        put_histogram(out, histogram);
    }
    put_varint(out, batch.exemplars.len() as u64);
    for exemplar in &batch.exemplars {
        put_exemplar(out, exemplar, time);
    }
}

pub(super) fn decode<E: From<DecodeError>>(
    payload: &[u8],
    resolve: impl FnOnce(LayoutRef) -> Result<Arc<Layout>, E>,
) -> Result<MetricBatch, E> {
    let mut input = Input::new(payload);
    let layout = resolve(LayoutRef(input.varint()?))?;
    Ok(decode_over(input, layout)?)
}

fn decode_over(mut input: Input<'_>, layout: Arc<Layout>) -> Result<MetricBatch, DecodeError> {
    let n_series = layout.series.len();
    let time = UnixMillis(input.signed()?);
    let n_values = input.count(8)?;
    if n_values != n_series {
        return Err(DecodeError::OutOfRange {
            what: "number of values",
        });
    }
    let values = input.f64s(n_values)?;
    let timestamps = input.list(1, |input| take_time(input, time))?;
    if !timestamps.is_empty() && timestamps.len() != n_series {
        return Err(DecodeError::OutOfRange {
            what: "number of timestamps",
        });
    }
    let created = input.list(2, |input| {
        Ok((take_series_idx(input, n_series)?, take_time(input, time)?))
    })?;
    let histograms = input.list(HISTOGRAM_MIN_BYTES, |input| take_histogram(input, n_series))?;
    let exemplars = input.list(11, |input| take_exemplar(input, n_series, time))?;
    input.finish()?;
    Ok(MetricBatch {
        layout,
        time,
        values,
        timestamps,
        created,
        histograms,
        exemplars,
    })
}

fn put_time(out: &mut Vec<u8>, time: UnixMillis, scrape: UnixMillis) {
    put_signed(out, time.0.wrapping_sub(scrape.0));
}

fn take_time(input: &mut Input<'_>, scrape: UnixMillis) -> Result<UnixMillis, DecodeError> {
    Ok(UnixMillis(scrape.0.wrapping_add(input.signed()?)))
}

fn take_series_idx(input: &mut Input<'_>, n_series: usize) -> Result<u32, DecodeError> {
    let series_idx = input.varint_u32("series index")?;
    if (series_idx as usize) < n_series {
        Ok(series_idx)
    } else {
        Err(DecodeError::OutOfRange {
            what: "series index",
        })
    }
}

fn put_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar, scrape: UnixMillis) {
    put_varint(out, u64::from(exemplar.series_idx));
    put_bytes(out, exemplar.labels.as_packed());
    put_f64(out, exemplar.value);
    match exemplar.time {
        Some(time) => {
            out.push(HAS_TIME);
            put_time(out, time, scrape);
        }
        None => out.push(0),
    }
}

fn take_exemplar(
    input: &mut Input<'_>,
    n_series: usize,
    scrape: UnixMillis,
) -> Result<Exemplar, DecodeError> {
    let series_idx = take_series_idx(input, n_series)?;
    let labels = take_labels(input)?;
    let value = input.f64()?;
    let time = match input.u8()? {
        0 => None,
        HAS_TIME => Some(take_time(input, scrape)?),
        value => {
            return Err(DecodeError::Tag {
                what: "exemplar flag",
                value,
            });
        }
    };
    Ok(Exemplar {
        series_idx,
        labels,
        value,
        time,
    })
}

/// Index, schema, flags, four numbers and five empty lists.
const HISTOGRAM_MIN_BYTES: usize = 3 + 4 * 8 + 5;

fn put_histogram(out: &mut Vec<u8>, histogram: &NativeHistogram) {
    put_varint(out, u64::from(histogram.series_idx));
    put_signed(out, i64::from(histogram.schema));
    let float = if histogram.is_float { FLAG_FLOAT } else { 0 };
    let gauge = if histogram.is_gauge { FLAG_GAUGE } else { 0 };
    out.push(float | gauge);
    put_f64(out, histogram.zero_threshold);
    put_f64(out, histogram.zero_count);
    put_f64(out, histogram.count);
    put_f64(out, histogram.sum);
    put_spans(out, &histogram.positive_spans);
    put_column(out, &histogram.positive_counts);
    put_spans(out, &histogram.negative_spans);
    put_column(out, &histogram.negative_counts);
    put_column(out, &histogram.custom_bounds);
}

fn take_histogram(input: &mut Input<'_>, n_series: usize) -> Result<NativeHistogram, DecodeError> {
    let series_idx = take_series_idx(input, n_series)?;
    let schema = take_i32(input)?;
    let flags = input.u8()?;
    if flags & !(FLAG_FLOAT | FLAG_GAUGE) != 0 {
        return Err(DecodeError::Tag {
            what: "histogram flags",
            value: flags,
        });
    }
    Ok(NativeHistogram {
        series_idx,
        schema,
        is_float: flags & FLAG_FLOAT != 0,
        is_gauge: flags & FLAG_GAUGE != 0,
        zero_threshold: input.f64()?,
        zero_count: input.f64()?,
        count: input.f64()?,
        sum: input.f64()?,
        positive_spans: input.list(2, take_span)?,
        positive_counts: take_column(input)?,
        negative_spans: input.list(2, take_span)?,
        negative_counts: take_column(input)?,
        custom_bounds: take_column(input)?,
    })
}

fn put_spans(out: &mut Vec<u8>, spans: &[BucketSpan]) {
    put_varint(out, spans.len() as u64);
    for span in spans {
        put_signed(out, i64::from(span.offset));
        put_varint(out, u64::from(span.length));
    }
}

fn take_span(input: &mut Input<'_>) -> Result<BucketSpan, DecodeError> {
    Ok(BucketSpan {
        offset: take_i32(input)?,
        length: input.varint_u32("span length")?,
    })
}

fn take_i32(input: &mut Input<'_>) -> Result<i32, DecodeError> {
    i32::try_from(input.signed()?).map_err(|_| DecodeError::OutOfRange { what: "number" })
}

fn put_column(out: &mut Vec<u8>, values: &[f64]) {
    put_varint(out, values.len() as u64);
    put_f64s(out, values);
}

fn take_column(input: &mut Input<'_>) -> Result<Vec<f64>, DecodeError> {
    let n_values = input.count(8)?;
    input.f64s(n_values)
}
