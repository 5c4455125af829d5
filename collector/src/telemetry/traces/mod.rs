//! Our own traces: finished spans become OTLP requests in the log, from where the forwarders send
//! them on like everything else.
//!
//! Only the spans of this crate are traced (a sounding and its parts). Were the forwarders' spans
//! traced too, each request with spans would cause spans.

mod exporter;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Tracer,
};
use xxhash_rust::xxh3::xxh3_64;

pub(super) use exporter::{Outlet, TraceMetrics};

/// Spans that wait to be written; more are dropped.
const MAX_QUEUED_SPANS: usize = 2048;
/// Spans of one record of the log.
const MAX_SPANS_IN_RECORD: usize = 256;
/// Longest time a finished span waits for its record.
const BATCH_INTERVAL: Duration = Duration::from_secs(5);
/// Attributes of a span, and events in it.
const MAX_PER_SPAN: u32 = 32;

/// Writes every finished span to `outlet`. `instance` is the `service.instance.id`.
pub(super) fn provider(instance: &str, outlet: Outlet) -> SdkTracerProvider {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUED_SPANS)
        .with_max_export_batch_size(MAX_SPANS_IN_RECORD)
        .with_scheduled_delay(BATCH_INTERVAL)
        .build();
    let processor = BatchSpanProcessor::builder(outlet)
        .with_batch_config(batches)
        .build();
    SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_max_attributes_per_span(MAX_PER_SPAN)
        .with_max_events_per_span(MAX_PER_SPAN)
        .with_resource(resource(instance))
        .with_span_processor(processor)
        .build()
}

/// Chooses the root spans that are traced, with all of their children.
#[derive(Debug)]
pub(super) struct HeadSampler {
    n_roots: AtomicU64,
    /// A root whose hash is below it is chosen.
    threshold: u64,
}

impl HeadSampler {
    /// Chooses this share of the roots.
    pub(super) fn new(ratio: f64) -> Self {
        Self {
            n_roots: AtomicU64::new(0),
            // Saturates: everything from 1 on.
            threshold: (ratio * 2f64.powi(64)) as u64,
        }
    }

    /// Whether the next root is chosen. By a hash, since soundings come in the same order again
    /// and again.
    pub(super) fn is_chosen(&self) -> bool {
        let n = self.n_roots.fetch_add(1, Ordering::Relaxed);
        xxh3_64(&n.to_le_bytes()) <= self.threshold
    }
}

/// The tracer of this program.
pub(super) fn tracer(provider: &SdkTracerProvider) -> Tracer {
    let version = env!("CARGO_PKG_VERSION");
    provider.tracer_with_scope(
        InstrumentationScope::builder("leadsman")
            .with_version(version)
            .build(),
    )
}

/// Whether spans of a module are traced.
pub(super) fn is_traced(target: &str) -> bool {
    let this_crate = env!("CARGO_CRATE_NAME");
    target.split("::").next() == Some(this_crate)
}

fn resource(instance: &str) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "leadsman"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ])
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_ratio_of_the_roots_is_chosen() {
        let n_chosen = |ratio| {
            let sampler = HeadSampler::new(ratio);
            (0..10_000).filter(|_| sampler.is_chosen()).count()
        };
        assert_eq!(n_chosen(1.0), 10_000);
        assert!((900..1100).contains(&n_chosen(0.1)), "{}", n_chosen(0.1));
    }
}
