//! Cuts the points of a scrape into messages of bounded size.
//!
//! Points are written last to first, each inside its metric, scope and resource. When a message
//! would become too long, everything open is closed around what is written and opened again.

use super::super::Fragment;
use super::super::wire::ReverseWriter;
use super::plan::{MetricPlan, ResourcePlan, ScopePlan, Shape};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// Room for the keys and lengths around a point: six nested prefixes of at most six bytes.
const PREFIXES: usize = 36;

/// Where a point belongs.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) resource: &'a ResourcePlan,
    pub(super) scope: &'a ScopePlan,
    pub(super) metric: &'a MetricPlan,
}

impl Path<'_> {
    /// Bytes that closing everything adds in front of a point.
    fn overhead(&self) -> usize {
        PREFIXES + self.resource.header.len() + self.scope.header.len() + self.metric.header.len()
    }
}

/// The message being written and those that are done.
pub(super) struct Fragments<'a> {
    writer: &'a mut ReverseWriter,
    limit: usize,
    done: Vec<Fragment>,
    n_points: usize,
    resource_mark: usize,
    scope_mark: usize,
    metrics_mark: usize,
    metric_mark: usize,
    data_mark: usize,
    points_mark: usize,
}

impl<'a> Fragments<'a> {
    /// Starts with an empty writer. `limit` is in bytes.
    pub(super) fn new(writer: &'a mut ReverseWriter, limit: usize) -> Self {
        Self {
            writer,
            limit,
            done: Vec::new(),
            n_points: 0,
            resource_mark: 0,
            scope_mark: 0,
            metrics_mark: 0,
            metric_mark: 0,
            data_mark: 0,
            points_mark: 0,
        }
    }

    /// The messages in the order of the page. Everything must be closed.
    pub(super) fn finish(mut self) -> Vec<Fragment> {
        self.emit();
        self.done.reverse();
        self.done
    }

    /// Adds the point that `write` writes, unless it writes nothing. `write` may be called twice.
    pub(super) fn point(&mut self, path: Path<'_>, mut write: impl FnMut(&mut ReverseWriter)) {
        let mark = self.writer.len();
        write(self.writer);
        if self.writer.len() == mark {
            return;
        }
        let is_too_long = self.writer.len() + path.overhead() > self.limit;
        if is_too_long && self.n_points > 0 {
            self.writer.rewind(mark);
            self.cut(path);
            let mark = self.writer.len();
            write(self.writer);
            self.writer.message(1, mark);
        } else {
            self.writer.message(1, mark);
        }
        self.n_points += 1;
    }

    pub(super) fn open_resource(&mut self) {
        self.resource_mark = self.writer.len();
    }

    pub(super) fn open_scope(&mut self, scope: &ScopePlan) {
        self.scope_mark = self.writer.len();
        if !scope.schema_url.is_empty() {
            self.writer.bytes(3, scope.schema_url.as_bytes());
        }
        self.metrics_mark = self.writer.len();
    }

    pub(super) fn open_metric(&mut self, metric: &MetricPlan) {
        self.metric_mark = self.writer.len();
        self.writer.raw(&metric.trailer);
        self.data_mark = self.writer.len();
        match metric.shape {
            Shape::Gauge | Shape::Summary => {}
            Shape::Sum => self.writer.uint(2, CUMULATIVE),
            Shape::MonotonicSum => {
                self.writer.uint(3, 1);
                self.writer.uint(2, CUMULATIVE);
            }
            Shape::Histogram | Shape::ExponentialHistogram | Shape::CustomHistogram => {
                self.writer.uint(2, CUMULATIVE);
            }
        }
        self.points_mark = self.writer.len();
    }

    /// Closes a metric; one without points leaves nothing.
    pub(super) fn close_metric(&mut self, metric: &MetricPlan) {
        if self.writer.len() == self.points_mark {
            self.writer.rewind(self.metric_mark);
            return;
        }
        self.writer
            .message(metric.shape.data_field(), self.data_mark);
        self.writer.raw(&metric.header);
        self.writer.message(2, self.metric_mark);
    }

    /// Closes a scope; one without metrics leaves nothing.
    pub(super) fn close_scope(&mut self, scope: &ScopePlan) {
        if self.writer.len() == self.metrics_mark {
            self.writer.rewind(self.scope_mark);
            return;
        }
        self.writer.raw(&scope.header);
        self.writer.message(2, self.scope_mark);
    }

    /// Closes a resource; one without scopes leaves nothing.
    pub(super) fn close_resource(&mut self, resource: &ResourcePlan) {
        if self.writer.len() == self.resource_mark {
            return;
        }
        self.writer.raw(&resource.header);
        self.writer.message(1, self.resource_mark);
    }

    fn cut(&mut self, path: Path<'_>) {
        self.close_metric(path.metric);
        self.close_scope(path.scope);
        self.close_resource(path.resource);
        self.emit();
        self.open_resource();
        self.open_scope(path.scope);
        self.open_metric(path.metric);
    }

    fn emit(&mut self) {
        let bytes = self.writer.take();
        let n_items = std::mem::take(&mut self.n_points);
        if n_items > 0 {
            self.done.push(Fragment { bytes, n_items });
        }
    }
}
