//! Divides metrics requests that a receiver finds too long. Rare, so it takes them apart whole.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary,
};
use prost::{DecodeError, Message};

use super::super::Fragment;

/// Divides an encoded `ExportMetricsServiceRequest` into fragments of at most
/// `max_message_bytes`, unless a single point is longer. Points stay in their order.
///
/// # Errors
/// The bytes are not such a request.
pub fn to_fragments(
    request: &[u8],
    max_message_bytes: usize,
) -> Result<Vec<Fragment>, DecodeError> {
    let mut fragments = Vec::new();
    for resource in ExportMetricsServiceRequest::decode(request)?.resource_metrics {
        divide(resource, max_message_bytes, &mut fragments);
    }
    Ok(fragments)
}

fn divide(resource: ResourceMetrics, limit: usize, fragments: &mut Vec<Fragment>) {
    let metrics = resource.scope_metrics.iter().flat_map(|s| &s.metrics);
    let n_items = metrics.map(n_points).sum();
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    };
    if n_items <= 1 || request.encoded_len() <= limit {
        fragments.push(Fragment {
            bytes: request.encode_to_vec(),
            n_items,
        });
        return;
    }
    for resource in request.resource_metrics {
        let (front, back) = halves(resource, n_items / 2);
        divide(front, limit, fragments);
        divide(back, limit, fragments);
    }
}

/// The first `n_front` points, and the rest.
fn halves(mut resource: ResourceMetrics, n_front: usize) -> (ResourceMetrics, ResourceMetrics) {
    let mut room = n_front;
    let scopes = std::mem::take(&mut resource.scope_metrics);
    let mut back = resource.clone();
    for mut scope in scopes {
        let metrics = std::mem::take(&mut scope.metrics);
        let mut rest = scope.clone();
        for metric in metrics {
            let n_kept = room.min(n_points(&metric));
            room -= n_kept;
            let (kept, later) = split(metric, n_kept);
            scope.metrics.extend(kept);
            rest.metrics.extend(later);
        }
        push(&mut resource, scope);
        push(&mut back, rest);
    }
    (resource, back)
}

fn push(resource: &mut ResourceMetrics, scope: ScopeMetrics) {
    if !scope.metrics.is_empty() {
        resource.scope_metrics.push(scope);
    }
}

/// The metric with its first `n_front` points, and with the others; without points it is nothing.
fn split(mut metric: Metric, n_front: usize) -> (Option<Metric>, Option<Metric>) {
    let n_back = n_points(&metric) - n_front;
    if n_front == 0 || n_back == 0 {
        let whole = Some(metric);
        return if n_back == 0 {
            (whole, None)
        } else {
            (None, whole)
        };
    }
    let data = metric.data.as_mut().map(|data| split_data(data, n_front));
    let back = Metric {
        name: metric.name.clone(),
        description: metric.description.clone(),
        unit: metric.unit.clone(),
        metadata: metric.metadata.clone(),
        data,
    };
    (Some(metric), Some(back))
}

fn n_points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    }
}

/// Leaves the first `at` points and returns the others.
fn split_data(data: &mut Data, at: usize) -> Data {
    match data {
        Data::Gauge(data) => Data::Gauge(Gauge {
            data_points: data.data_points.split_off(at),
        }),
        Data::Sum(data) => Data::Sum(Sum {
            data_points: data.data_points.split_off(at),
            ..*data
        }),
        Data::Histogram(data) => Data::Histogram(Histogram {
            data_points: data.data_points.split_off(at),
            ..*data
        }),
        Data::ExponentialHistogram(data) => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: data.data_points.split_off(at),
            ..*data
        }),
        Data::Summary(data) => Data::Summary(Summary {
            data_points: data.data_points.split_off(at),
        }),
    }
}
