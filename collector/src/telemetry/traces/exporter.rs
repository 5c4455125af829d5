//! The way of finished spans into the log.

use std::sync::{Arc, OnceLock};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prometheus::{IntCounter, Registry};
use prost::Message;
use proto::Record;
use storage::log::Appender;

/// Counts spans.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct TraceMetrics {
    written: IntCounter,
    dropped: IntCounter,
}

impl TraceMetrics {
    pub(in crate::telemetry) fn new() -> prometheus::Result<Self> {
        let written = IntCounter::new(
            "leadsman_trace_spans_written_total",
            "Own spans that were appended to the log.",
        )?;
        let dropped = IntCounter::new(
            "leadsman_trace_spans_dropped_total",
            "Own spans that were lost because the log was not open or refused them.",
        )?;
        Ok(Self { written, dropped })
    }

    pub(in crate::telemetry) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.written.clone()))?;
        registry.register(Box::new(self.dropped.clone()))
    }
}

/// Appends finished spans to the log, once there is one: spans are made from the first moment on,
/// and the log is opened later.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct Outlet {
    appender: Arc<OnceLock<Appender>>,
    resource: Arc<ResourceAttributesWithSchema>,
    metrics: TraceMetrics,
}

impl Outlet {
    pub(in crate::telemetry) fn new(metrics: TraceMetrics) -> Self {
        Self {
            appender: Arc::default(),
            resource: Arc::default(),
            metrics,
        }
    }

    /// Where spans go from now on; only the first call counts.
    pub(in crate::telemetry) fn open(&self, appender: Appender) {
        let _ = self.appender.set(appender);
    }
}

impl SpanExporter for Outlet {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        let n_spans = spans.len() as u64;
        let Some(appender) = self.appender.get() else {
            self.metrics.dropped.inc_by(n_spans);
            return Ok(());
        };
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        match appender.append(Record::Traces(request.into())).await {
            Ok(_) => self.metrics.written.inc_by(n_spans),
            Err(error) => {
                self.metrics.dropped.inc_by(n_spans);
                return Err(OTelSdkError::InternalFailure(error.to_string()));
            }
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = Arc::new(resource.into());
    }
}
