//! Which part of its family a series plays.

use super::plan::Shape;
use crate::metrics::{Family, MetricKind, Series};

/// The part a series plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// A point of its own.
    Number(Shape),
    /// A native histogram.
    Native,
    /// The count of a histogram or summary.
    Count(Shape),
    /// Its sum.
    Sum(Shape),
    /// A bucket with its upper bound, or a quantile.
    Step(Shape, f64),
    /// OTLP has no form for it.
    Unmapped,
}

/// The part of a series by its name, its labels and its family's type.
pub(super) fn role_of(family: &Family, series: &Series) -> Role {
    let name = series.labels.metric_name();
    let suffix = name.strip_prefix(family.name.as_str());
    match family.kind {
        MetricKind::Counter => Role::Number(Shape::MonotonicSum),
        MetricKind::Gauge | MetricKind::Unknown => Role::Number(Shape::Gauge),
        MetricKind::Info | MetricKind::StateSet => Role::Number(Shape::Sum),
        MetricKind::GaugeHistogram => Role::Unmapped,
        MetricKind::Histogram => match suffix {
            Some("") => Role::Native,
            Some("_count") => Role::Count(Shape::Histogram),
            Some("_sum") => Role::Sum(Shape::Histogram),
            Some("_bucket") => step(series, "le", Shape::Histogram),
            _ => Role::Number(Shape::Gauge),
        },
        MetricKind::Summary => match suffix {
            Some("") => step(series, "quantile", Shape::Summary),
            Some("_count") => Role::Count(Shape::Summary),
            Some("_sum") => Role::Sum(Shape::Summary),
            _ => Role::Number(Shape::Gauge),
        },
    }
}

fn step(series: &Series, label: &str, shape: Shape) -> Role {
    match series
        .labels
        .get(label)
        .and_then(|bound| bound.parse::<f64>().ok())
    {
        Some(bound) if !bound.is_nan() => Role::Step(shape, bound),
        _ => Role::Unmapped,
    }
}
