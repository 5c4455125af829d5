//! Goes through a page of `MetricFamily` messages, sample by sample, in the order in which
//! Prometheus expands them. Field numbers are those of client_model's metrics.proto.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::UnixMillis;
use crate::metrics::MetricKind;
use crate::protobuf::{Fields, Problem, Value, take_delimited};

/// What a family says before its metrics.
#[derive(Default)]
pub(super) struct FamilyHead<'a> {
    pub(super) name: &'a [u8],
    pub(super) help: &'a [u8],
    pub(super) unit: &'a [u8],
    pub(super) kind: MetricKind,
}

/// One metric of a family.
pub(super) struct Metric<'a> {
    /// Its labels, as they are in the message.
    pub(super) labels: &'a [u8],
    pub(super) timestamp: Option<UnixMillis>,
    /// The message with its value: Counter, Gauge, Histogram, …
    value: &'a [u8],
    hash: u64,
}

/// Which sample of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part<'a> {
    /// The only one.
    Whole,
    /// A native histogram, with its message.
    Native(&'a [u8]),
    Count,
    Sum,
    /// With its upper bound.
    Bucket(f64),
    Quantile(f64),
}

/// One sample.
pub(super) struct Sample<'a, 'm> {
    pub(super) metric: &'m Metric<'a>,
    pub(super) part: Part<'a>,
    pub(super) value: f64,
    pub(super) exemplar: Option<&'a [u8]>,
    pub(super) created: Option<UnixMillis>,
}

impl Sample<'_, '_> {
    /// Identity of the series in the page.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        let bits = match self.part {
            Part::Whole => return self.metric.hash,
            Part::Native(_) => 1,
            Part::Count => 2,
            Part::Sum => 3,
            // No float of interest has the bits of these small numbers.
            Part::Bucket(bound) | Part::Quantile(bound) => bound.to_bits(),
        };
        xxh3_64_with_seed(&bits.to_le_bytes(), self.metric.hash)
    }
}

/// Takes the pieces of a page. Any error ends the walk.
pub(super) trait Visitor {
    type Stop: From<Problem>;

    fn family(&mut self, head: &FamilyHead<'_>, hash: u64) -> Result<(), Self::Stop>;

    fn sample(&mut self, sample: Sample<'_, '_>) -> Result<(), Self::Stop>;
}

/// Goes through a page.
pub(super) fn walk<V: Visitor>(body: &[u8], visitor: &mut V) -> Result<(), V::Stop> {
    let mut rest = body;
    while !rest.is_empty() {
        let message = take_delimited(&mut rest)?;
        let head = head(message)?;
        let hash = hash_head(&head);
        visitor.family(&head, hash)?;
        for field in Fields::of(message) {
            if let (4, value) = field? {
                let metric = metric(value.bytes(), head.kind, hash)?;
                visit_metric(&metric, head.kind, visitor)?;
            }
        }
    }
    Ok(())
}

fn head(message: &[u8]) -> Result<FamilyHead<'_>, Problem> {
    let mut head = FamilyHead {
        kind: MetricKind::Counter,
        ..FamilyHead::default()
    };
    for field in Fields::of(message) {
        match field? {
            (1, value) => head.name = value.bytes(),
            (2, value) => head.help = value.bytes(),
            (3, value) => head.kind = kind(value.number()).ok_or("unknown metric type")?,
            (5, value) => head.unit = value.bytes(),
            _ => {}
        }
    }
    Ok(head)
}

fn kind(number: u64) -> Option<MetricKind> {
    Some(match number {
        0 => MetricKind::Counter,
        1 => MetricKind::Gauge,
        2 => MetricKind::Summary,
        3 => MetricKind::Unknown,
        4 => MetricKind::Histogram,
        5 => MetricKind::GaugeHistogram,
        _ => return None,
    })
}

fn hash_head(head: &FamilyHead<'_>) -> u64 {
    let seed = xxh3_64_with_seed(head.name, head.kind as u64);
    xxh3_64_with_seed(head.unit, seed ^ xxh3_64(head.help))
}

/// Number of the field that holds the value of a metric.
fn value_field(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Gauge => 2,
        MetricKind::Counter => 3,
        MetricKind::Summary => 4,
        MetricKind::Histogram | MetricKind::GaugeHistogram => 7,
        MetricKind::Unknown | MetricKind::Info | MetricKind::StateSet => 5,
    }
}

fn metric(message: &[u8], kind: MetricKind, seed: u64) -> Result<Metric<'_>, Problem> {
    let value_field = value_field(kind);
    let mut metric = Metric {
        labels: &[],
        timestamp: None,
        value: &[],
        hash: 0,
    };
    let mut fields = Fields::of(message);
    let mut labels_end = 0;
    let mut field_start = 0;
    while let Some(field) = fields.next() {
        match field? {
            (1, _) if labels_end == field_start => labels_end = message.len() - fields.n_left(),
            (1, _) => return Err("labels are not in one run"),
            // No timestamp and 0 are the same, as for Prometheus.
            (6, Value::Varint(time)) if time != 0 => {
                metric.timestamp = Some(UnixMillis(time as i64));
            }
            (field, value) if field == value_field => metric.value = value.bytes(),
            _ => {}
        }
        field_start = message.len() - fields.n_left();
    }
    metric.labels = message.get(..labels_end).unwrap_or_default();
    metric.hash = xxh3_64_with_seed(metric.labels, seed);
    Ok(metric)
}

fn visit_metric<V: Visitor>(
    metric: &Metric<'_>,
    kind: MetricKind,
    visitor: &mut V,
) -> Result<(), V::Stop> {
    match kind {
        MetricKind::Histogram | MetricKind::GaugeHistogram => visit_histogram(metric, visitor),
        MetricKind::Summary => visit_summary(metric, visitor),
        _ => visit_single(metric, visitor),
    }
}

/// Counter, Gauge and Untyped agree in their field 1.
fn visit_single<V: Visitor>(metric: &Metric<'_>, visitor: &mut V) -> Result<(), V::Stop> {
    let mut sample = Sample {
        metric,
        part: Part::Whole,
        value: 0.0,
        exemplar: None,
        created: None,
    };
    for field in Fields::of(metric.value) {
        match field? {
            (1, value) => sample.value = value.double(),
            (2, value) => sample.exemplar = Some(value.bytes()),
            (3, value) => sample.created = Some(timestamp(value.bytes())?),
            _ => {}
        }
    }
    visitor.sample(sample)
}

fn visit_summary<V: Visitor>(metric: &Metric<'_>, visitor: &mut V) -> Result<(), V::Stop> {
    let (mut count, mut sum, mut created) = (0, 0.0, None);
    for field in Fields::of(metric.value) {
        match field? {
            (1, value) => count = value.number(),
            (2, value) => sum = value.double(),
            (4, value) => created = Some(timestamp(value.bytes())?),
            _ => {}
        }
    }
    let plain = |part, value, created| Sample {
        metric,
        part,
        value,
        exemplar: None,
        created,
    };
    visitor.sample(plain(Part::Count, count as f64, created))?;
    visitor.sample(plain(Part::Sum, sum, None))?;
    for field in Fields::of(metric.value) {
        if let (3, quantile) = field? {
            let (mut rank, mut value) = (0.0, 0.0);
            for field in Fields::of(quantile.bytes()) {
                match field? {
                    (1, found) => rank = found.double(),
                    (2, found) => value = found.double(),
                    _ => {}
                }
            }
            visitor.sample(plain(Part::Quantile(rank), value, None))?;
        }
    }
    Ok(())
}

/// The fields of a Histogram that decide how it is expanded.
#[derive(Default)]
struct HistogramHead {
    count: f64,
    count_float: f64,
    sum: f64,
    is_native: bool,
    created: Option<UnixMillis>,
}

fn histogram_head(message: &[u8]) -> Result<HistogramHead, Problem> {
    let mut head = HistogramHead::default();
    for field in Fields::of(message) {
        match field? {
            (1, value) => head.count = value.number() as f64,
            (2, value) => head.sum = value.double(),
            (4, value) => head.count_float = value.double(),
            (6, value) => head.is_native |= value.double() > 0.0,
            (7, value) => head.is_native |= value.number() > 0,
            (9 | 12, _) => head.is_native = true,
            (15, value) => head.created = Some(timestamp(value.bytes())?),
            _ => {}
        }
    }
    if head.count_float > 0.0 {
        head.count = head.count_float;
    }
    Ok(head)
}

/// A native histogram is one sample, and its classic buckets are left out, as in a Prometheus
/// that does not `always_scrape_classic_histograms`.
fn visit_histogram<V: Visitor>(metric: &Metric<'_>, visitor: &mut V) -> Result<(), V::Stop> {
    let head = histogram_head(metric.value)?;
    let plain = |part, value, exemplar, created| Sample {
        metric,
        part,
        value,
        exemplar,
        created,
    };
    if head.is_native {
        let part = Part::Native(metric.value);
        return visitor.sample(plain(part, head.count, None, head.created));
    }
    visitor.sample(plain(Part::Count, head.count, None, head.created))?;
    visitor.sample(plain(Part::Sum, head.sum, None, None))?;
    let mut last_bound = f64::NAN;
    for field in Fields::of(metric.value) {
        if let (3, bucket) = field? {
            let bucket = bucket_of(bucket.bytes())?;
            last_bound = bucket.bound;
            visitor.sample(plain(
                Part::Bucket(bucket.bound),
                bucket.count,
                bucket.exemplar,
                None,
            ))?;
        }
    }
    if last_bound != f64::INFINITY {
        visitor.sample(plain(Part::Bucket(f64::INFINITY), head.count, None, None))?;
    }
    Ok(())
}

/// A classic bucket.
pub(super) struct Bucket<'a> {
    bound: f64,
    count: f64,
    pub(super) exemplar: Option<&'a [u8]>,
}

pub(super) fn bucket_of(message: &[u8]) -> Result<Bucket<'_>, Problem> {
    let mut bucket = Bucket {
        bound: 0.0,
        count: 0.0,
        exemplar: None,
    };
    let mut count_float = 0.0;
    for field in Fields::of(message) {
        match field? {
            (1, value) => bucket.count = value.number() as f64,
            (2, value) => bucket.bound = value.double(),
            (3, value) => bucket.exemplar = Some(value.bytes()),
            (4, value) => count_float = value.double(),
            _ => {}
        }
    }
    if count_float > 0.0 {
        bucket.count = count_float;
    }
    Ok(bucket)
}

/// A `google.protobuf.Timestamp`.
pub(super) fn timestamp(message: &[u8]) -> Result<UnixMillis, Problem> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    for field in Fields::of(message) {
        match field? {
            (1, value) => seconds = value.number() as i64,
            (2, value) => nanos = value.number() as i64,
            _ => {}
        }
    }
    Ok(UnixMillis(
        seconds
            .saturating_mul(1000)
            .saturating_add(nanos / 1_000_000),
    ))
}
