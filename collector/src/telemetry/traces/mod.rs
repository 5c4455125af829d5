//! Our own traces: finished spans become OTLP requests in the log, from where the forwarders send
//! them on like everything else.
//!
//! Only the spans of this crate are traced (a sounding and its parts). Were the forwarders' spans
//! traced too, each request with spans would cause spans.

mod exporter;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Tracer,
};

pub(super) use exporter::{Outlet, TraceMetrics};

/// Spans that wait to be written; more are dropped.
const MAX_QUEUED_SPANS: usize = 2048;
/// Spans of one record of the log.
const MAX_SPANS_IN_RECORD: usize = 256;
/// Longest time a finished span waits for its record.
const BATCH_INTERVAL: Duration = Duration::from_secs(5);
/// Attributes of a span, and events in it.
const MAX_PER_SPAN: u32 = 32;

/// Samples `ratio` of the root spans (with all of their children) and writes them to `outlet`.
/// `instance` is the `service.instance.id`.
pub(super) fn provider(ratio: f64, instance: &str, outlet: Outlet) -> SdkTracerProvider {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUED_SPANS)
        .with_max_export_batch_size(MAX_SPANS_IN_RECORD)
        .with_scheduled_delay(BATCH_INTERVAL)
        .build();
    let processor = BatchSpanProcessor::builder(outlet)
        .with_batch_config(batches)
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
    SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_max_attributes_per_span(MAX_PER_SPAN)
        .with_max_events_per_span(MAX_PER_SPAN)
        .with_resource(resource(instance))
        .with_span_processor(processor)
        .build()
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
