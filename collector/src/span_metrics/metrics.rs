//! What leadsman tells about its counting of spans.

use baseline::span_metrics::Beyond;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::sounding::SoundingMetrics;

/// The metrics of the counter of spans. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct CountingMetrics {
    spans: IntCounter,
    overflowed: IntCounterVec,
    invalid: IntCounter,
    operations: IntGauge,
    soundings: SoundingMetrics,
}

impl CountingMetrics {
    /// Makes and registers them. Signals that are left out are counted with those of `soundings`.
    ///
    /// # Errors
    /// They are registered already.
    pub(crate) fn register(
        registry: &Registry,
        soundings: SoundingMetrics,
    ) -> prometheus::Result<Self> {
        let overflowed = Opts::new(
            "leadsman_span_metrics_overflowed_total",
            "Spans counted without the name of their operation or service: beyond a limit.",
        );
        let metrics = Self {
            spans: IntCounter::new(
                "leadsman_span_metrics_spans_total",
                "Spans counted; leadsman's own are not.",
            )?,
            overflowed: IntCounterVec::new(overflowed, &["limit"])?,
            invalid: IntCounter::new(
                "leadsman_span_metrics_invalid_total",
                "Trace requests of the log that cannot be read.",
            )?,
            operations: IntGauge::new(
                "leadsman_span_metrics_operations",
                "Operations of services that are counted apart: names with their kinds and statuses.",
            )?,
            soundings,
        };
        registry.register(Box::new(metrics.spans.clone()))?;
        registry.register(Box::new(metrics.overflowed.clone()))?;
        registry.register(Box::new(metrics.invalid.clone()))?;
        registry.register(Box::new(metrics.operations.clone()))?;
        Ok(metrics)
    }

    /// A span was counted.
    pub(super) fn counted(&self, beyond: Option<Beyond>) {
        self.spans.inc();
        let limit = match beyond {
            None => return,
            Some(Beyond::Services) => "max_services",
            Some(Beyond::Operations) => "max_operations",
        };
        self.overflowed.with_label_values(&[limit]).inc();
    }

    /// A request could not be read.
    pub(super) fn invalid(&self) {
        self.invalid.inc();
    }

    /// So many operations were told.
    pub(super) fn told(&self, n_operations: usize) {
        let n_operations = i64::try_from(n_operations).unwrap_or(i64::MAX);
        self.operations.set(n_operations);
    }

    /// Values of signals of a service were left out.
    pub(super) fn left_out(&self, service: &str, n_values: usize) {
        if n_values > 0 {
            self.soundings.signals_left_out(service, n_values);
        }
    }
}
