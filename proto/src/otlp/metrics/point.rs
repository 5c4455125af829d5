//! The bytes of data points. Fields are written last to first: see `wire`.

use super::super::wire::ReverseWriter;
use super::exemplar::put_exemplars;
use super::plan::{Plan, PointPlan, Step};
use super::start::Start;
use crate::metrics::{MetricBatch, is_absent, is_stale};
use crate::{UnixMillis, UnixNanos};

/// `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`: the stale marker.
pub(super) const NO_RECORDED_VALUE: u64 = 1;

/// What the points of one scrape are made of.
#[derive(Clone, Copy)]
pub(super) struct Scrape<'a> {
    pub(super) plan: &'a Plan,
    pub(super) batch: &'a MetricBatch,
}

impl Scrape<'_> {
    /// The value of a series, if it has a sample in this scrape; it may be the stale marker.
    pub(super) fn value(&self, series_idx: u32) -> Option<f64> {
        let value = self.batch.values.get(series_idx as usize).copied()?;
        (!is_absent(value)).then_some(value)
    }

    /// The same, without stale markers.
    fn fresh(&self, series_idx: u32) -> Option<f64> {
        self.value(series_idx).filter(|value| !is_stale(*value))
    }

    fn time(&self, series_idx: u32) -> UnixMillis {
        self.batch.time_of(series_idx as usize)
    }

    /// When any series of a point was created, where the page says so.
    fn created(&self, point: &PointPlan) -> Option<UnixMillis> {
        if self.batch.created.is_empty() {
            return None;
        }
        let first_step = self
            .plan
            .steps_of(point)
            .first()
            .map(|step| step.series_idx);
        [Some(point.series_idx), point.sum_idx, first_step]
            .into_iter()
            .flatten()
            .find_map(|idx| {
                let found = self
                    .batch
                    .created
                    .binary_search_by_key(&idx, |(series, _)| *series);
                found
                    .ok()
                    .and_then(|at| self.batch.created.get(at))
                    .map(|(_, created)| *created)
            })
    }

    /// Times of a point: fields 2 (start) and 3 (time) of every type of data point. A stale
    /// marker has no start: nothing began.
    pub(super) fn put_times(
        &self,
        writer: &mut ReverseWriter,
        point: &PointPlan,
        value: f64,
        start: Option<&mut Start>,
    ) {
        let time = self.time(point.series_idx);
        writer.fixed64(3, nanos(time));
        if let Some(start) = start.filter(|_| !is_stale(value)) {
            let start = start.observe(time, value, self.created(point));
            writer.fixed64(2, nanos(start));
        }
    }
}

/// A time as OTLP counts it; times before 1970 become 0, "unknown".
pub(super) fn nanos(time: UnixMillis) -> u64 {
    u64::try_from(UnixNanos::from(time).0).unwrap_or(0)
}

/// A count as OTLP has it; a negative one, or NaN, becomes 0.
pub(super) fn count(value: f64) -> u64 {
    value.round() as u64
}

/// `NumberDataPoint` of a gauge (without a start) or a sum.
pub(super) fn put_number(
    writer: &mut ReverseWriter,
    scrape: &Scrape<'_>,
    point: &PointPlan,
    start: Option<&mut Start>,
) {
    let Some(value) = scrape.value(point.series_idx) else {
        return;
    };
    if is_stale(value) {
        writer.uint(8, NO_RECORDED_VALUE);
    }
    writer.raw(scrape.plan.attributes_of(point));
    if !is_stale(value) {
        put_exemplars(writer, 5, scrape.batch, [point.series_idx]);
        writer.double(4, value);
    }
    scrape.put_times(writer, point, value, start);
}

/// `HistogramDataPoint` of a classic histogram. Buckets without a sample are left out; counts
/// that fall from one bucket to the next, or beyond the total (a page that is not atomic), are
/// lifted, so that the buckets always add up to the count.
///
/// A stale marker keeps its bounds and has a sum: receivers that split it into series again mark
/// just those that are there.
pub(super) fn put_histogram(
    writer: &mut ReverseWriter,
    scrape: &Scrape<'_>,
    point: &PointPlan,
    start: Option<&mut Start>,
) {
    let Some(total) = scrape.value(point.series_idx) else {
        return;
    };
    let steps = scrape.plan.steps_of(point);
    if is_stale(total) {
        writer.uint(10, NO_RECORDED_VALUE);
        writer.raw(scrape.plan.attributes_of(point));
        put_bounds(writer, steps.iter().map(|step| step.bound));
        put_counts(writer, std::iter::repeat_n(0, steps.len() + 1));
        if point.sum_idx.is_some() {
            writer.double(5, 0.0);
        }
        writer.fixed64(4, 0);
        scrape.put_times(writer, point, total, start);
        return;
    }
    writer.raw(scrape.plan.attributes_of(point));
    put_exemplars(writer, 8, scrape.batch, exemplar_series(point, steps));
    put_bounds(
        writer,
        steps
            .iter()
            .filter(|s| scrape.fresh(s.series_idx).is_some())
            .map(|s| s.bound),
    );
    let total_count = put_bucket_counts(writer, scrape, steps, count(total));
    if let Some(sum) = point.sum_idx.and_then(|idx| scrape.fresh(idx)) {
        writer.double(5, sum);
    }
    writer.fixed64(4, total_count);
    scrape.put_times(writer, point, total, start);
}

/// De-cumulates the buckets, adds the one up to +Inf, and returns the total they add up to.
fn put_bucket_counts(
    writer: &mut ReverseWriter,
    scrape: &Scrape<'_>,
    steps: &[Step],
    total: u64,
) -> u64 {
    let cumulative = || {
        steps
            .iter()
            .filter_map(|step| scrape.fresh(step.series_idx))
            .map(count)
    };
    let highest = cumulative().fold(total, u64::max);
    let mut below = 0;
    let mut counts = Vec::with_capacity(steps.len() + 1);
    for reached in cumulative().chain([highest]) {
        let reached = reached.max(below);
        counts.push(reached - below);
        below = reached;
    }
    put_counts(writer, counts.into_iter());
    highest
}

fn exemplar_series(point: &PointPlan, steps: &[Step]) -> impl Iterator<Item = u32> {
    [point.series_idx]
        .into_iter()
        .chain(steps.iter().map(|step| step.series_idx))
}

/// Packed `explicit_bounds` of a `HistogramDataPoint`.
pub(super) fn put_bounds(writer: &mut ReverseWriter, bounds: impl DoubleEndedIterator<Item = f64>) {
    let mark = writer.len();
    bounds
        .rev()
        .for_each(|bound| writer.raw(&bound.to_le_bytes()));
    writer.message(7, mark);
}

/// Packed `bucket_counts` of a `HistogramDataPoint`.
pub(super) fn put_counts(writer: &mut ReverseWriter, counts: impl DoubleEndedIterator<Item = u64>) {
    let mark = writer.len();
    counts
        .rev()
        .for_each(|count| writer.raw(&count.to_le_bytes()));
    writer.message(6, mark);
}

/// `SummaryDataPoint`. Without a `_sum` the sum is 0, as the specification has it.
pub(super) fn put_summary(
    writer: &mut ReverseWriter,
    scrape: &Scrape<'_>,
    point: &PointPlan,
    start: Option<&mut Start>,
) {
    let Some(total) = scrape.value(point.series_idx) else {
        return;
    };
    if is_stale(total) {
        writer.uint(8, NO_RECORDED_VALUE);
    }
    writer.raw(scrape.plan.attributes_of(point));
    for step in scrape.plan.steps_of(point).iter().rev() {
        let Some(value) = scrape.value(step.series_idx) else {
            continue;
        };
        let mark = writer.len();
        writer.double(2, if is_stale(value) { 0.0 } else { value });
        writer.double(1, step.bound);
        writer.message(6, mark);
    }
    if !is_stale(total) {
        let sum = point
            .sum_idx
            .and_then(|idx| scrape.fresh(idx))
            .unwrap_or(0.0);
        writer.double(5, sum);
        writer.fixed64(4, count(total));
    }
    scrape.put_times(writer, point, total, start);
}
