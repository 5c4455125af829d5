//! What is counted of received spans.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use proto::otlp::received::RejectedSpans;

use super::reply::Form;

/// Metrics of received spans.
#[derive(Clone)]
pub(super) struct IntakeMetrics {
    requests: IntCounterVec,
    received: IntCounterVec,
    rejected: IntCounterVec,
    /// Connections closed at once because too many were open.
    pub(super) connections_refused: IntCounter,
    /// TLS handshakes that failed.
    pub(super) tls_failures: IntCounter,
}

impl IntakeMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// The registry has them already.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            requests: counters(
                "leadsman_traces_requests_total",
                "Requests of others that send traces, by how they were answered.",
                &["transport", "code"],
            )?,
            received: counters(
                "leadsman_traces_received_spans_total",
                "Spans of others that are durable in the log.",
                &["transport"],
            )?,
            rejected: counters(
                "leadsman_traces_rejected_spans_total",
                "Spans of others that were left out of requests that were taken.",
                &["reason"],
            )?,
            connections_refused: counter(
                "leadsman_traces_connections_refused_total",
                "Connections of others that send traces closed at once because too many were open.",
            )?,
            tls_failures: counter(
                "leadsman_traces_tls_failures_total",
                "TLS handshakes of others that send traces that failed.",
            )?,
        })
    }

    /// A request was answered with `code`.
    pub(super) fn answered(&self, form: Form, code: &str) {
        self.requests
            .with_label_values(&[form.transport(), code])
            .inc();
    }

    /// Spans are durable.
    pub(super) fn received(&self, form: Form, n_spans: usize) {
        let received = self.received.with_label_values(&[form.transport()]);
        received.inc_by(n_spans as u64);
    }

    /// Spans were left out.
    pub(super) fn rejected(&self, spans: &RejectedSpans) {
        for (reason, n_spans) in spans.reasons() {
            if n_spans > 0 {
                let rejected = self.rejected.with_label_values(&[reason]);
                rejected.inc_by(n_spans as u64);
            }
        }
    }
}
