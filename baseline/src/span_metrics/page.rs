//! The series of a service as a page has them.

use std::sync::Arc;

use proto::metrics::{Family, Layout, MetricKind, Series, SeriesId};
use proto::{Labels, LabelsBuilder, Target};

use super::operation::{BOUNDS, Operation};
use super::{OVERFLOW, PREFIX};

/// The counter of calls.
pub const CALLS: &str = "traces_span_metrics_calls_total";
/// The histogram of durations, without `_bucket`, `_sum` and `_count`.
pub const DURATION: &str = "traces_span_metrics_duration_milliseconds";

/// The label of what is counted beyond a limit: OpenTelemetry's attribute `otel.metric.overflow`
/// (specification, metrics SDK, "Overflow attribute") as Prometheus spells it.
const OVERFLOW_LABEL: &str = "otel_metric_overflow";

/// Series of one operation: those of `Operation::samples`.
pub(super) const N_SERIES: usize = BOUNDS.len() + 4;
/// Of these, the number of calls as the histogram has it.
pub(super) const COUNT_AT: usize = N_SERIES - 1;

/// The layout of a service: the series of each of its operations. Those without a name are beyond the
/// limit.
pub(super) fn layout<'a>(
    target: &Arc<Target>,
    operations: impl Iterator<Item = (Option<&'a str>, &'a Operation)>,
) -> Layout {
    let series = operations.flat_map(|(name, operation)| {
        let labels = labels(target, name, operation);
        rows().map(move |(family_idx, name, bound)| {
            let mut labels = labels.clone();
            labels.set("__name__", name);
            labels.set("le", bound);
            let labels = labels.build();
            Series {
                id: SeriesId(labels.hash64()),
                labels,
                family_idx,
            }
        })
    });
    Layout::new(Arc::clone(target), families(), series.collect())
}

fn families() -> Vec<Family> {
    vec![
        Family {
            name: format!("{PREFIX}calls"),
            kind: MetricKind::Counter,
            help: "Spans received, by service, name, kind and status.".to_owned(),
            unit: String::new(),
        },
        Family {
            name: DURATION.to_owned(),
            kind: MetricKind::Histogram,
            help: "Durations of the spans received.".to_owned(),
            unit: "milliseconds".to_owned(),
        },
    ]
}

/// Family, name and bound of each series of an operation.
fn rows() -> impl Iterator<Item = (u32, String, String)> {
    let bounds = BOUNDS.iter().map(f64::to_string);
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let buckets = bounds.map(|bound| (1, format!("{DURATION}_bucket"), bound));
    let of_duration = |suffix: &str| (1, format!("{DURATION}{suffix}"), String::new());
    std::iter::once((0, CALLS.to_owned(), String::new()))
        .chain(buckets)
        .chain([of_duration("_sum"), of_duration("_count")])
}

fn labels(target: &Target, name: Option<&str>, operation: &Operation) -> LabelsBuilder {
    let mut labels = LabelsBuilder::from(&target.labels);
    labels.set("service_name", target.job());
    labels.set("span_name", name.unwrap_or(OVERFLOW));
    labels.set("span_kind", operation.kind.as_str_name());
    labels.set("status_code", operation.status.as_str_name());
    if name.is_none() {
        labels.set(OVERFLOW_LABEL, "true");
    }
    labels
}

/// The target whose samples are made of the spans of a service.
pub(super) fn target(service: &str, external: &Labels) -> Target {
    let mut labels = LabelsBuilder::from(external);
    labels.set("job", service);
    labels.set("instance", super::INSTANCE);
    Target {
        labels: labels.build(),
        scheme: proto::target::OF_SPANS.to_owned(),
        address: String::new(),
    }
}
