//! What the notifiers count.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector};
use proto::finding::{FindingState, Severity};

/// Metrics of all receivers of alerts, one set in a process.
#[derive(Clone, Debug)]
pub struct AlertMetrics {
    sent: IntCounterVec,
    failures: IntCounterVec,
    dropped: IntCounterVec,
    queued: IntGaugeVec,
    findings: IntGaugeVec,
}

impl AlertMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        Ok(Self {
            sent: counter(
                "leadsman_alert_sent_total",
                "Alerts that receivers accepted, each time they were told.",
                &["receiver"],
            )?,
            failures: counter(
                "leadsman_alert_failures_total",
                "Requests to receivers of alerts that failed and are sent again.",
                &["receiver", "reason"],
            )?,
            dropped: counter(
                "leadsman_alert_dropped_total",
                "Alerts that were not sent: silenced to their end, dropped by relabelling, too many, or refused.",
                &["receiver", "reason"],
            )?,
            queued: gauge(
                "leadsman_alert_queued",
                "Alerts that a receiver has still to be told of.",
                &["receiver"],
            )?,
            findings: gauge(
                "leadsman_findings",
                "Troubles that are there now.",
                &["severity", "state"],
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

    /// How many troubles of a severity are in a state.
    pub(super) fn set_findings(&self, severity: Severity, state: FindingState, n: usize) {
        let labels = [severity.as_str(), state.as_str()];
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        self.findings.with_label_values(&labels).set(n);
    }
}

/// The metrics of one receiver.
#[derive(Clone, Debug)]
pub(super) struct ReceiverMetrics {
    all: AlertMetrics,
    receiver: String,
}

impl ReceiverMetrics {
    /// Alerts were accepted.
    pub(super) fn sent(&self, n_alerts: usize) {
        let sent = self.all.sent.with_label_values(&[&self.receiver]);
        sent.inc_by(n_alerts as u64);
    }

    /// A request failed and will be sent again.
    pub(super) fn failed(&self, reason: &str) {
        let labels = [self.receiver.as_str(), reason];
        self.all.failures.with_label_values(&labels).inc();
    }

    /// Alerts are not sent.
    pub(super) fn dropped(&self, reason: &str, n_alerts: usize) {
        let labels = [self.receiver.as_str(), reason];
        let dropped = self.all.dropped.with_label_values(&labels);
        dropped.inc_by(n_alerts as u64);
    }

    /// How many alerts wait.
    pub(super) fn queued(&self, n_alerts: usize) {
        let queued = self.all.queued.with_label_values(&[&self.receiver]);
        queued.set(i64::try_from(n_alerts).unwrap_or(i64::MAX));
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
