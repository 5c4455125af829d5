//! Native histograms and exemplars out of their messages.

use super::super::columns::RawExemplar;
use super::super::number::canonical;
use super::walk::{bucket_of, timestamp};
use crate::Labels;
use crate::metrics::{BucketSpan, NativeHistogram};
use crate::protobuf::{Fields, Problem, Value, take_fixed64, take_varint, zigzag};

/// Most buckets of one histogram that are believed; a client never sends nearly as many.
const MAX_BUCKETS: usize = 100_000;

/// Reads a Histogram with a schema.
pub(super) fn histogram(message: &[u8], is_gauge: bool) -> Result<NativeHistogram, Problem> {
    let mut raw = Raw::default();
    for field in Fields::of(message) {
        let (field, value) = field?;
        raw.take(field, value)?;
    }
    let is_float = raw.count_float > 0.0 || raw.zero_count_float > 0.0;
    let positive_counts = raw.positive.counts(is_float)?;
    let negative_counts = raw.negative.counts(is_float)?;
    Ok(NativeHistogram {
        series_idx: 0,
        schema: raw.schema,
        zero_threshold: raw.zero_threshold,
        zero_count: if is_float {
            raw.zero_count_float
        } else {
            raw.zero_count as f64
        },
        count: if is_float {
            raw.count_float
        } else {
            raw.count as f64
        },
        sum: canonical(raw.sum),
        is_float,
        is_gauge,
        positive_spans: raw.positive.spans,
        positive_counts,
        negative_spans: raw.negative.spans,
        negative_counts,
        custom_bounds: Vec::new(),
    })
}

/// The fields of a Histogram message.
#[derive(Default)]
struct Raw {
    count: u64,
    count_float: f64,
    sum: f64,
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: RawBuckets,
    positive: RawBuckets,
}

impl Raw {
    fn take(&mut self, field: u64, value: Value<'_>) -> Result<(), Problem> {
        match field {
            1 => self.count = value.number(),
            2 => self.sum = value.double(),
            4 => self.count_float = value.double(),
            5 => self.schema = i32::try_from(value.zigzag()).map_err(|_| "bad schema")?,
            6 => self.zero_threshold = value.double(),
            7 => self.zero_count = value.number(),
            8 => self.zero_count_float = value.double(),
            9 => self.negative.spans.push(span(value.bytes())?),
            10 => self.negative.push_deltas(value)?,
            11 => self.negative.push_floats(value)?,
            12 => self.positive.spans.push(span(value.bytes())?),
            13 => self.positive.push_deltas(value)?,
            14 => self.positive.push_floats(value)?,
            _ => {}
        }
        Ok(())
    }
}

/// Buckets of one sign.
#[derive(Default)]
struct RawBuckets {
    spans: Vec<BucketSpan>,
    /// Each the difference to the bucket before.
    deltas: Vec<i64>,
    floats: Vec<f64>,
}

impl RawBuckets {
    fn push_deltas(&mut self, value: Value<'_>) -> Result<(), Problem> {
        match value {
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    self.deltas.push(zigzag(take_varint(&mut packed)?));
                }
            }
            one => self.deltas.push(one.zigzag()),
        }
        Ok(())
    }

    fn push_floats(&mut self, value: Value<'_>) -> Result<(), Problem> {
        match value {
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    self.floats.push(f64::from_bits(take_fixed64(&mut packed)?));
                }
            }
            one => self.floats.push(one.double()),
        }
        Ok(())
    }

    /// Absolute counts; as many as the spans have buckets.
    fn counts(&self, is_float: bool) -> Result<Vec<f64>, Problem> {
        let counts: Vec<f64> = if is_float {
            self.floats.clone()
        } else {
            let mut count = 0i64;
            let absolute = self.deltas.iter().map(|delta| {
                count = count.saturating_add(*delta);
                count as f64
            });
            absolute.collect()
        };
        let n_buckets: u64 = self.spans.iter().map(|span| u64::from(span.length)).sum();
        if n_buckets != counts.len() as u64 || counts.len() > MAX_BUCKETS {
            return Err("spans and buckets of a histogram do not agree");
        }
        if counts.iter().any(|count| count.is_nan() || *count < 0.0) {
            return Err("a bucket of a histogram has a negative count");
        }
        Ok(counts)
    }
}

fn span(message: &[u8]) -> Result<BucketSpan, Problem> {
    let mut span = BucketSpan {
        offset: 0,
        length: 0,
    };
    for field in Fields::of(message) {
        match field? {
            (1, value) => span.offset = i32::try_from(value.zigzag()).map_err(|_| "bad span")?,
            (2, value) => span.length = u32::try_from(value.number()).map_err(|_| "bad span")?,
            _ => {}
        }
    }
    Ok(span)
}

/// The exemplars of a native histogram: its own, otherwise those of its classic buckets. Without
/// a time of its own an exemplar of a native histogram is of no use, and is left out.
pub(super) fn exemplars(message: &[u8]) -> Result<Vec<RawExemplar>, Problem> {
    let (mut own, mut of_buckets) = (Vec::new(), Vec::new());
    for field in Fields::of(message) {
        match field? {
            (3, bucket) => of_buckets.extend(bucket_of(bucket.bytes())?.exemplar),
            (16, value) => own.push(value.bytes()),
            _ => {}
        }
    }
    let messages = if own.is_empty() { of_buckets } else { own };
    let mut exemplars = Vec::with_capacity(messages.len());
    for message in messages {
        exemplars.push(exemplar(message)?);
    }
    exemplars.retain(|exemplar| exemplar.time.is_some());
    Ok(exemplars)
}

/// Reads an Exemplar.
pub(super) fn exemplar(message: &[u8]) -> Result<RawExemplar, Problem> {
    let mut labels = Vec::new();
    let (mut value, mut time) = (0.0, None);
    for field in Fields::of(message) {
        match field? {
            (1, pair) => labels.push(label_pair(pair.bytes())?),
            (2, found) => value = canonical(found.double()),
            (3, found) => time = Some(timestamp(found.bytes())?),
            _ => {}
        }
    }
    Ok(RawExemplar {
        labels: Labels::from_pairs(labels),
        value,
        time,
    })
}

/// Reads a LabelPair.
pub(super) fn label_pair(message: &[u8]) -> Result<(&str, &str), Problem> {
    let (mut name, mut value) = ("", "");
    for field in Fields::of(message) {
        match field? {
            (1, found) => name = found.text()?,
            (2, found) => value = found.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}
