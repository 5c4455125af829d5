//! What the forwarders count.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector,
};

use super::request::Request;
use super::signal::Signal;

/// Metrics of all forwarders, one set in a process.
#[derive(Clone, Debug)]
pub struct OtlpMetrics {
    sent_bytes: IntCounterVec,
    sent_plain_bytes: IntCounterVec,
    sent_items: IntCounterVec,
    dropped_items: IntCounterVec,
    retries: IntCounterVec,
    rejected_items: IntCounterVec,
    request_seconds: HistogramVec,
    lag_bytes: IntGaugeVec,
}

impl OtlpMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let signal = ["receiver", "signal"];
        let reason = ["receiver", "signal", "reason"];
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        Ok(Self {
            sent_bytes: counter(
                "leadsman_otlp_sent_bytes_total",
                "Bytes of OTLP messages that receivers accepted, as they were sent.",
                &signal,
            )?,
            sent_plain_bytes: counter(
                "leadsman_otlp_sent_uncompressed_bytes_total",
                "Bytes of OTLP messages that receivers accepted, before compression.",
                &signal,
            )?,
            sent_items: counter(
                "leadsman_otlp_sent_items_total",
                "Data points, profiles, spans and log records that receivers accepted.",
                &signal,
            )?,
            dropped_items: counter(
                "leadsman_otlp_dropped_items_total",
                "Data points, profiles, spans and log records that were refused for good or have no OTLP form.",
                &reason,
            )?,
            retries: counter(
                "leadsman_otlp_retries_total",
                "Requests that failed and are sent again.",
                &reason,
            )?,
            rejected_items: counter(
                "leadsman_otlp_partial_success_rejected_total",
                "Items that receivers rejected from requests they accepted.",
                &signal,
            )?,
            request_seconds: register(registry, request_seconds()?)?,
            lag_bytes: register(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "leadsman_otlp_lag_bytes",
                        "Bytes of the log that a receiver has not been sent yet.",
                    ),
                    &["receiver"],
                )?,
            )?,
        })
    }

    /// The metrics of one receiver.
    pub(super) fn of(&self, receiver: &str) -> ReceiverMetrics {
        ReceiverMetrics {
            all: self.clone(),
            receiver: receiver.to_owned(),
        }
    }
}

/// The metrics of one receiver.
#[derive(Clone, Debug)]
pub(super) struct ReceiverMetrics {
    all: OtlpMetrics,
    receiver: String,
}

impl ReceiverMetrics {
    /// A request was accepted, but for `n_rejected` of its items; it took `n_sent` bytes.
    pub(super) fn sent(&self, request: &Request, n_sent: usize, n_rejected: u64) {
        let labels = [self.receiver.as_str(), request.signal.name()];
        let n_items = request.n_items as u64;
        let n_rejected = n_rejected.min(n_items);
        self.all
            .sent_bytes
            .with_label_values(&labels)
            .inc_by(n_sent as u64);
        self.all
            .sent_plain_bytes
            .with_label_values(&labels)
            .inc_by(request.body.len() as u64);
        self.all
            .sent_items
            .with_label_values(&labels)
            .inc_by(n_items - n_rejected);
        self.all
            .rejected_items
            .with_label_values(&labels)
            .inc_by(n_rejected);
    }

    /// Items will never be sent.
    pub(super) fn dropped(&self, signal: Signal, n_items: usize, reason: &str) {
        let labels = [self.receiver.as_str(), signal.name(), reason];
        self.all
            .dropped_items
            .with_label_values(&labels)
            .inc_by(n_items as u64);
    }

    /// A request failed and will be sent again.
    pub(super) fn retried(&self, signal: Signal, reason: &str) {
        let labels = [self.receiver.as_str(), signal.name(), reason];
        self.all.retries.with_label_values(&labels).inc();
    }

    /// A request was answered, one way or the other.
    pub(super) fn took(&self, signal: Signal, seconds: f64) {
        let labels = [self.receiver.as_str(), signal.name()];
        self.all
            .request_seconds
            .with_label_values(&labels)
            .observe(seconds);
    }

    /// How far the receiver is behind.
    pub(super) fn lag(&self, n_bytes: u64) {
        let lag = i64::try_from(n_bytes).unwrap_or(i64::MAX);
        self.all
            .lag_bytes
            .with_label_values(&[self.receiver.as_str()])
            .set(lag);
    }
}

fn request_seconds() -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(
        "leadsman_otlp_request_duration_seconds",
        "Time until a receiver answered a request, or the request failed.",
    );
    HistogramVec::new(
        options.buckets(vec![0.005, 0.025, 0.1, 0.5, 2.5, 10.0]),
        &["receiver", "signal"],
    )
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
