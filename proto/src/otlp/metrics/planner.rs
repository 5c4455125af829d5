//! Works out a [`Plan`] from a layout: see `plan`.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use xxhash_rust::xxh3::Xxh3;

use super::super::resource;
use super::super::wire::ReverseWriter;
use super::plan::{MetricPlan, Plan, PointPlan, ResourcePlan, ScopePlan, Shape, Step};
use super::role::{Role, role_of};
use super::unit::to_ucum;
use crate::metrics::{Family, Layout, MetricKind, Series};

/// The metric whose labels describe the target (OpenMetrics, "Supporting Target Metadata").
const TARGET_INFO: &str = "target_info";
/// Labels that name the scope a series was recorded in.
const SCOPE_PREFIX: &str = "otel_scope_";

/// Works out the plan of a layout.
pub(super) fn plan(layout: &Arc<Layout>) -> Plan {
    let mut planner = Planner::new(layout);
    for (idx, series) in (0u32..).zip(&layout.series) {
        planner.add(idx, series);
    }
    planner.finish()
}

/// Labels that make several series one point: a hash of all of them but the role's own.
type GroupKey = (MetricIdx, u64);

/// Where a metric is in the plan: resource, scope, metric.
type MetricIdx = (usize, usize, usize);

struct Planner<'a> {
    layout: &'a Arc<Layout>,
    plan: Plan,
    resources: HashMap<(&'a str, &'a str), usize>,
    scopes: HashMap<(usize, u64), usize>,
    metrics: HashMap<(usize, usize, u32, &'a str, Shape), usize>,
    groups: HashMap<GroupKey, usize>,
    /// Parts of histograms and summaries, put together by [`Self::finish`].
    drafts: Vec<Draft<'a>>,
    writer: ReverseWriter,
}

/// A histogram or summary in the making.
struct Draft<'a> {
    metric: MetricIdx,
    example: &'a Series,
    count: Option<u32>,
    sum: Option<u32>,
    steps: Vec<Step>,
    series: Vec<u32>,
}

impl<'a> Planner<'a> {
    fn new(layout: &'a Arc<Layout>) -> Self {
        let plan = Plan {
            layout: Arc::clone(layout),
            resources: Vec::new(),
            attributes: Vec::new(),
            steps: Vec::new(),
            n_cumulative: 0,
            unmapped: Vec::new(),
        };
        Self {
            layout,
            plan,
            resources: HashMap::new(),
            scopes: HashMap::new(),
            metrics: HashMap::new(),
            groups: HashMap::new(),
            drafts: Vec::new(),
            writer: ReverseWriter::default(),
        }
    }

    fn add(&mut self, idx: u32, series: &'a Series) {
        let name = series.labels.metric_name();
        if name == TARGET_INFO {
            return;
        }
        let unknown = Family::default();
        let family = self.layout.family(series).unwrap_or(&unknown);
        match role_of(family, series) {
            Role::Number(shape) => {
                let metric = self.metric(series, family, name, shape);
                self.point(
                    metric,
                    series,
                    PointPlan {
                        series_idx: idx,
                        ..Default::default()
                    },
                );
            }
            Role::Native => {
                for shape in [Shape::ExponentialHistogram, Shape::CustomHistogram] {
                    let metric = self.metric(series, family, name, shape);
                    self.point(
                        metric,
                        series,
                        PointPlan {
                            series_idx: idx,
                            ..Default::default()
                        },
                    );
                }
            }
            Role::Count(shape) => self.draft(idx, series, family, shape).count = Some(idx),
            Role::Sum(shape) => self.draft(idx, series, family, shape).sum = Some(idx),
            Role::Step(shape, bound) => {
                self.draft(idx, series, family, shape).steps.push(Step {
                    bound,
                    series_idx: idx,
                });
            }
            Role::Unmapped => self.plan.unmapped.push(idx),
        }
    }

    /// The draft that a part of a histogram or summary belongs to.
    fn draft(
        &mut self,
        idx: u32,
        series: &'a Series,
        family: &Family,
        shape: Shape,
    ) -> &mut Draft<'a> {
        let name = &self
            .layout
            .families
            .get(series.family_idx as usize)
            .map_or("", |f| &f.name);
        let metric = self.metric(series, family, name, shape);
        let key = (metric, hash_pairs(point_pairs(self.layout, series)));
        let next = self.drafts.len();
        let draft_idx = *self.groups.entry(key).or_insert(next);
        if draft_idx == next {
            let (count, sum, steps, parts) = (None, None, Vec::new(), Vec::new());
            self.drafts.push(Draft {
                metric,
                example: series,
                count,
                sum,
                steps,
                series: parts,
            });
        }
        #[expect(clippy::indexing_slicing, reason = "the entry was made just above")]
        let draft = &mut self.drafts[draft_idx];
        draft.series.push(idx);
        draft
    }

    fn finish(mut self) -> Plan {
        for mut draft in std::mem::take(&mut self.drafts) {
            let Some(count) = draft.count else {
                self.plan.unmapped.append(&mut draft.series);
                continue;
            };
            draft.steps.retain(|step| step.bound.is_finite());
            draft
                .steps
                .sort_by(|left, right| left.bound.total_cmp(&right.bound));
            draft
                .steps
                .dedup_by(|later, earlier| later.bound == earlier.bound);
            let first = self.plan.steps.len() as u32;
            self.plan.steps.append(&mut draft.steps);
            let point = PointPlan {
                series_idx: count,
                sum_idx: draft.sum,
                steps: first..self.plan.steps.len() as u32,
                ..Default::default()
            };
            self.point(draft.metric, draft.example, point);
        }
        self.plan.unmapped.sort_unstable();
        self.plan.shrink();
        self.plan
    }

    /// Completes a point with its attributes and its place to remember a start, and adds it.
    fn point(&mut self, metric: MetricIdx, series: &Series, mut point: PointPlan) {
        let Some(plan) = metric_mut(&mut self.plan.resources, metric) else {
            return;
        };
        let pairs: Vec<_> = point_pairs(self.layout, series).collect();
        for (name, value) in pairs.into_iter().rev() {
            put_attribute(&mut self.writer, plan.shape.attributes_field(), name, value);
        }
        let first = self.plan.attributes.len() as u32;
        self.plan.attributes.append(&mut self.writer.take());
        point.attributes = first..self.plan.attributes.len() as u32;
        if plan.shape.is_cumulative() {
            point.start_idx = self.plan.n_cumulative as u32;
            self.plan.n_cumulative += 1;
        }
        plan.points.push(point);
    }

    fn metric(
        &mut self,
        series: &'a Series,
        family: &Family,
        name: &'a str,
        shape: Shape,
    ) -> MetricIdx {
        let resource_idx = self.resource(series);
        let scope_idx = self.scope(resource_idx, series);
        let Some(scope) = scope_mut(&mut self.plan.resources, resource_idx, scope_idx) else {
            return (resource_idx, scope_idx, 0);
        };
        let key = (resource_idx, scope_idx, series.family_idx, name, shape);
        let metric_idx = *self.metrics.entry(key).or_insert_with(|| {
            scope.metrics.push(metric_plan(family, name, shape));
            scope.metrics.len() - 1
        });
        (resource_idx, scope_idx, metric_idx)
    }

    fn resource(&mut self, series: &'a Series) -> usize {
        let label = |name| series.labels.get(name).unwrap_or("");
        let (job, instance) = (label("job"), label("instance"));
        *self.resources.entry((job, instance)).or_insert_with(|| {
            let mut attributes = resource::identity(&self.layout.target, job, instance);
            add_target_info(self.layout, job, instance, &mut attributes);
            let resource = Some(Resource {
                attributes,
                ..Default::default()
            });
            let header = ResourceMetrics {
                resource,
                ..Default::default()
            }
            .encode_to_vec();
            self.plan.resources.push(ResourcePlan {
                header,
                scopes: Vec::new(),
            });
            self.plan.resources.len() - 1
        })
    }

    fn scope(&mut self, resource_idx: usize, series: &Series) -> usize {
        let pairs = || {
            series
                .labels
                .iter()
                .filter(|(name, _)| name.starts_with(SCOPE_PREFIX))
        };
        let key = (resource_idx, hash_pairs(pairs()));
        *self.scopes.entry(key).or_insert_with(|| {
            let Some(resource) = self.plan.resources.get_mut(resource_idx) else {
                return 0;
            };
            resource.scopes.push(scope_plan(pairs()));
            resource.scopes.len() - 1
        })
    }
}

fn scope_mut(
    resources: &mut [ResourcePlan],
    resource_idx: usize,
    scope_idx: usize,
) -> Option<&mut ScopePlan> {
    resources.get_mut(resource_idx)?.scopes.get_mut(scope_idx)
}

fn metric_mut(resources: &mut [ResourcePlan], idx: MetricIdx) -> Option<&mut MetricPlan> {
    scope_mut(resources, idx.0, idx.1)?.metrics.get_mut(idx.2)
}

/// Labels of a series that are attributes of its point: all that neither the resource, the scope,
/// the metric's name nor the part it plays says already.
fn point_pairs<'a>(
    layout: &'a Layout,
    series: &'a Series,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own = match layout.family(series).map(|family| family.kind) {
        Some(MetricKind::Histogram) => "le",
        Some(MetricKind::Summary) => "quantile",
        _ => "",
    };
    series.labels.iter().filter(move |(name, _)| {
        *name != crate::labels::METRIC_NAME
            && *name != own
            && !resource::is_identity(name)
            && !name.starts_with(SCOPE_PREFIX)
    })
}

/// A `KeyValue` with a string.
fn put_attribute(writer: &mut ReverseWriter, field: u32, name: &str, value: &str) {
    let attribute = writer.len();
    let any_value = writer.len();
    writer.bytes(1, value.as_bytes());
    writer.message(2, any_value);
    writer.bytes(1, name.as_bytes());
    writer.message(field, attribute);
}

fn hash_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut hasher = Xxh3::new();
    for text in pairs.flat_map(|(name, value)| [name, value]) {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.digest()
}

/// The labels of `target_info` with the same origin, less those that every series of the target
/// carries.
fn add_target_info(layout: &Layout, job: &str, instance: &str, attributes: &mut Vec<KeyValue>) {
    let origin = |series: &Series, name, value: &str| series.labels.get(name) == Some(value);
    let infos = layout.series.iter().filter(|series| {
        series.labels.metric_name() == TARGET_INFO
            && origin(series, "job", job)
            && origin(series, "instance", instance)
    });
    for (name, value) in infos.flat_map(|series| series.labels.iter()) {
        let is_own = name != crate::labels::METRIC_NAME
            && !resource::is_identity(name)
            && layout.target.labels.get(name) != Some(value);
        if is_own && attributes.iter().all(|attribute| attribute.key != name) {
            attributes.push(resource::text(name, value));
        }
    }
}

fn scope_plan<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> ScopePlan {
    let mut scope = InstrumentationScope::default();
    let mut schema_url = String::new();
    for (name, value) in pairs {
        match name.strip_prefix(SCOPE_PREFIX).unwrap_or(name) {
            "name" => value.clone_into(&mut scope.name),
            "version" => value.clone_into(&mut scope.version),
            "schema_url" => value.clone_into(&mut schema_url),
            other => scope.attributes.push(resource::text(other, value)),
        }
    }
    if scope.name.is_empty() {
        scope = super::super::own_scope();
    }
    let header = ScopeMetrics {
        scope: Some(scope),
        ..Default::default()
    }
    .encode_to_vec();
    ScopePlan {
        header,
        schema_url,
        metrics: Vec::new(),
    }
}

fn metric_plan(family: &Family, name: &str, shape: Shape) -> MetricPlan {
    let header = Metric {
        name: name.to_owned(),
        description: family.help.clone(),
        unit: to_ucum(&family.unit).into_owned(),
        ..Default::default()
    };
    let trailer = Metric {
        metadata: vec![resource::text("prometheus.type", family.kind.name())],
        ..Default::default()
    };
    MetricPlan {
        shape,
        header: header.encode_to_vec(),
        trailer: trailer.encode_to_vec(),
        points: Vec::new(),
    }
}
