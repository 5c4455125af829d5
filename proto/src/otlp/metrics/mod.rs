//! Scrapes → OTLP metrics, by the specification's `compatibility/prometheus_and_openmetrics.md`.
//!
//! The bytes of `ResourceMetrics` are written directly. A scrape differs from the one before in
//! its values and times only; everything else is encoded once a layout, and copied.

mod divide;
mod exemplar;
mod fragments;
mod native;
mod plan;
mod planner;
mod point;
mod role;
mod start;
#[cfg(test)]
mod tests;
mod unit;

use std::collections::HashMap;

pub use self::divide::to_fragments;

use self::fragments::{Fragments, Path};
use self::plan::{MetricPlan, Plan, PointPlan, Shape};
use self::point::Scrape;
use self::start::Start;
use super::Fragment;
use super::wire::ReverseWriter;
use crate::UnixMillis;
use crate::metrics::{MetricBatch, SeriesId, is_absent, is_stale};
use crate::target::TargetId;

/// A target that was not heard of for so long is forgotten, and its streams begin again. A day,
/// in milliseconds of the records' own time.
const FORGET_AFTER_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Turns scrapes into OTLP. It remembers, for each target, the plan of its layout and when its
/// cumulative streams began; scrapes of one target must come in their order.
#[derive(Debug)]
pub struct MetricsEncoder {
    max_message_bytes: usize,
    writer: ReverseWriter,
    targets: HashMap<TargetId, TargetState>,
}

/// A scrape in OTLP.
#[derive(Debug, Default)]
pub struct EncodedMetrics {
    /// Fields of an `ExportMetricsServiceRequest`, in the order of the page.
    pub fragments: Vec<Fragment>,
    /// Samples that have no OTLP form: gauge histograms, float histograms with counts that are
    /// not whole numbers, and histograms or summaries without a `_count`.
    pub n_unmapped: usize,
}

/// What is kept for a target.
#[derive(Debug)]
struct TargetState {
    plan: Plan,
    starts: Vec<Start>,
    seen: UnixMillis,
}

impl MetricsEncoder {
    /// No fragment is longer than `max_message_bytes`, unless a single point is.
    pub fn new(max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes,
            writer: ReverseWriter::default(),
            targets: HashMap::new(),
        }
    }

    /// From now on no fragment is longer than this, unless a single point is.
    pub fn set_max_message_bytes(&mut self, max_message_bytes: usize) {
        self.max_message_bytes = max_message_bytes;
    }

    /// Encodes the samples of one scrape: stale markers as points without a recorded value,
    /// absent series not at all.
    pub fn encode(&mut self, batch: &MetricBatch) -> EncodedMetrics {
        let target = batch.layout.target.id();
        self.prepare(target, batch);
        let Some(state) = self.targets.get_mut(&target) else {
            return EncodedMetrics::default();
        };
        state.seen = state.seen.max(batch.time);
        let TargetState { plan, starts, .. } = state;
        let scrape = Scrape { plan, batch };
        let mut fragments = Fragments::new(&mut self.writer, self.max_message_bytes);
        for resource in plan.resources.iter().rev() {
            fragments.open_resource();
            for scope in resource.scopes.iter().rev() {
                fragments.open_scope(scope);
                for metric in scope.metrics.iter().rev() {
                    let path = Path {
                        resource,
                        scope,
                        metric,
                    };
                    put_metric(&mut fragments, path, &scrape, starts);
                }
                fragments.close_scope(scope);
            }
            fragments.close_resource(resource);
        }
        let fragments = fragments.finish();
        let n_unmapped = n_unmapped(plan, batch);
        if batch
            .values
            .iter()
            .all(|value| is_stale(*value) || is_absent(*value))
        {
            self.targets.remove(&target);
        }
        EncodedMetrics {
            fragments,
            n_unmapped,
        }
    }

    /// Sees to it that the target has the plan of the batch's layout. The starts of series that
    /// were in the plan before are kept.
    fn prepare(&mut self, target: TargetId, batch: &MetricBatch) {
        let known = self.targets.get(&target).map(|state| state.plan.layout.id);
        if known == Some(batch.layout.id) {
            return;
        }
        let oldest = batch.time.0.saturating_sub(FORGET_AFTER_MILLIS);
        self.targets
            .retain(|id, state| *id == target || state.seen.0 >= oldest);
        let plan = planner::plan(&batch.layout);
        let mut starts = vec![Start::UNSEEN; plan.n_cumulative];
        if let Some(before) = self.targets.get(&target) {
            keep_starts(before, &plan, &mut starts);
        }
        self.targets.insert(
            target,
            TargetState {
                plan,
                starts,
                seen: batch.time,
            },
        );
    }
}

fn put_metric(
    fragments: &mut Fragments<'_>,
    path: Path<'_>,
    scrape: &Scrape<'_>,
    starts: &mut [Start],
) {
    let metric: &MetricPlan = path.metric;
    fragments.open_metric(metric);
    for point in metric.points.iter().rev() {
        let mut start = match metric.shape.is_cumulative() {
            true => starts.get_mut(point.start_idx as usize),
            false => None,
        };
        fragments.point(path, |writer| {
            put_point(writer, metric.shape, scrape, point, start.as_deref_mut());
        });
    }
    fragments.close_metric(metric);
}

fn put_point(
    writer: &mut ReverseWriter,
    shape: Shape,
    scrape: &Scrape<'_>,
    point: &PointPlan,
    start: Option<&mut Start>,
) {
    match shape {
        Shape::Gauge | Shape::Sum | Shape::MonotonicSum => {
            point::put_number(writer, scrape, point, start);
        }
        Shape::Histogram => point::put_histogram(writer, scrape, point, start),
        Shape::ExponentialHistogram => native::put_exponential(writer, scrape, point, start),
        Shape::CustomHistogram => native::put_custom(writer, scrape, point, start),
        Shape::Summary => point::put_summary(writer, scrape, point, start),
    }
}

/// Carries the starts over of the streams that were in the plan before.
fn keep_starts(before: &TargetState, plan: &Plan, starts: &mut [Start]) {
    let known: HashMap<_, _> = before
        .plan
        .cumulative_points()
        .filter_map(|(shape, point)| {
            let start = before.starts.get(point.start_idx as usize)?;
            Some((stream_id(&before.plan, shape, point)?, *start))
        })
        .collect();
    for (shape, point) in plan.cumulative_points() {
        let start = stream_id(plan, shape, point).and_then(|id| known.get(&id));
        if let (Some(slot), Some(start)) = (starts.get_mut(point.start_idx as usize), start) {
            *slot = *start;
        }
    }
}

/// A stream over changes of the layout: the series that decides, and what it is read as.
fn stream_id(plan: &Plan, shape: Shape, point: &PointPlan) -> Option<(SeriesId, Shape)> {
    let series = plan.layout.series.get(point.series_idx as usize)?;
    Some((series.id, shape))
}

fn n_unmapped(plan: &Plan, batch: &MetricBatch) -> usize {
    let has_sample = |idx: &&u32| {
        batch
            .values
            .get(**idx as usize)
            .is_some_and(|value| !is_absent(*value) && !is_stale(*value))
    };
    let natives = batch
        .histograms
        .iter()
        .filter(|h| native::shape_of(h).is_none());
    plan.unmapped.iter().filter(has_sample).count() + natives.count()
}
