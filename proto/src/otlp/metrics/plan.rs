//! What of a layout's OTLP form does not change from scrape to scrape.
//!
//! A [`Plan`] is worked out once a layout: which series form one histogram or summary, which
//! resource and scope they belong to, and the encoded bytes of every attribute and header. What
//! is left to do for a scrape is to put values and times between them.

use std::ops::Range;
use std::sync::Arc;

use crate::metrics::Layout;

/// A layout, sorted into OTLP's hierarchy.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) layout: Arc<Layout>,
    pub(super) resources: Vec<ResourcePlan>,
    /// Encoded attributes, one run for each point.
    pub(super) attributes: Vec<u8>,
    /// Buckets of classic histograms and quantiles of summaries, one run for each point.
    pub(super) steps: Vec<Step>,
    /// Number of cumulative points: those with a start time to remember.
    pub(super) n_cumulative: usize,
    /// Series that have no OTLP form: gauge histograms, and histograms and summaries without a
    /// `_count`.
    pub(super) unmapped: Vec<u32>,
}

/// A resource with its encoded `resource` field.
#[derive(Debug)]
pub(super) struct ResourcePlan {
    pub(super) header: Vec<u8>,
    pub(super) scopes: Vec<ScopePlan>,
}

/// A scope with its encoded `scope` field and its schema.
#[derive(Debug)]
pub(super) struct ScopePlan {
    pub(super) header: Vec<u8>,
    pub(super) schema_url: String,
    pub(super) metrics: Vec<MetricPlan>,
}

/// A metric.
#[derive(Debug)]
pub(super) struct MetricPlan {
    pub(super) shape: Shape,
    /// Encoded name, description and unit.
    pub(super) header: Vec<u8>,
    /// Encoded metadata.
    pub(super) trailer: Vec<u8>,
    pub(super) points: Vec<PointPlan>,
}

/// Which OTLP type a metric becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// Gauges and whatever has no type.
    Gauge,
    /// Counters.
    MonotonicSum,
    /// Info and state set.
    Sum,
    /// Classic histograms.
    Histogram,
    /// Native histograms with an exponential schema.
    ExponentialHistogram,
    /// Native histograms with custom bounds.
    CustomHistogram,
    /// Summaries.
    Summary,
}

impl Shape {
    /// Field of `Metric` that holds the data.
    pub(super) fn data_field(self) -> u32 {
        match self {
            Self::Gauge => 5,
            Self::MonotonicSum | Self::Sum => 7,
            Self::Histogram | Self::CustomHistogram => 9,
            Self::ExponentialHistogram => 10,
            Self::Summary => 11,
        }
    }

    /// Field of the data point that holds its attributes.
    pub(super) fn attributes_field(self) -> u32 {
        match self {
            Self::Gauge | Self::MonotonicSum | Self::Sum | Self::Summary => 7,
            Self::Histogram | Self::CustomHistogram => 9,
            Self::ExponentialHistogram => 1,
        }
    }

    /// Whether points carry the time at which they began to count.
    pub(super) fn is_cumulative(self) -> bool {
        !matches!(self, Self::Gauge | Self::Sum)
    }
}

/// A data point.
#[derive(Clone, Debug, Default)]
pub(super) struct PointPlan {
    /// The series with the value; of a histogram or summary, the one with the count.
    pub(super) series_idx: u32,
    /// The series with the sum, if there is one.
    pub(super) sum_idx: Option<u32>,
    /// Run in [`Plan::steps`], in order of their bounds.
    pub(super) steps: Range<u32>,
    /// Run in [`Plan::attributes`].
    pub(super) attributes: Range<u32>,
    /// Where its start time is remembered, if it is cumulative.
    pub(super) start_idx: u32,
}

/// A bucket of a histogram (its upper bound) or a quantile of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) bound: f64,
    pub(super) series_idx: u32,
}

impl Plan {
    /// Gives back what it grew by: it is kept for as long as its layout.
    pub(super) fn shrink(&mut self) {
        self.attributes.shrink_to_fit();
        self.steps.shrink_to_fit();
        for scope in self.resources.iter_mut().flat_map(|r| &mut r.scopes) {
            scope.metrics.shrink_to_fit();
            for metric in &mut scope.metrics {
                metric.points.shrink_to_fit();
            }
        }
    }

    /// The encoded attributes of a point.
    pub(super) fn attributes_of(&self, point: &PointPlan) -> &[u8] {
        let Range { start, end } = point.attributes;
        self.attributes
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The buckets or quantiles of a point.
    pub(super) fn steps_of(&self, point: &PointPlan) -> &[Step] {
        let Range { start, end } = point.steps;
        self.steps
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// All points that remember a start time, with what they are read as.
    pub(super) fn cumulative_points(&self) -> impl Iterator<Item = (Shape, &PointPlan)> {
        self.resources
            .iter()
            .flat_map(|resource| &resource.scopes)
            .flat_map(|scope| &scope.metrics)
            .filter(|metric| metric.shape.is_cumulative())
            .flat_map(|metric| metric.points.iter().map(|point| (metric.shape, point)))
    }
}
