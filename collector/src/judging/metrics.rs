//! What leadsman tells about its judge.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use proto::Finding;

/// The metrics of the judge. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct JudgingMetrics {
    series: IntGauge,
    findings: IntCounterVec,
}

impl JudgingMetrics {
    /// Makes and registers them.
    ///
    /// # Errors
    /// They are registered already.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let series = IntGauge::new(
            "leadsman_judged_series",
            "Series of signals that are judged.",
        )?;
        let findings = IntCounterVec::new(
            Opts::new(
                "leadsman_findings_total",
                "Changes of state of findings, by the state that began.",
            ),
            &["job", "severity", "state"],
        )?;
        registry.register(Box::new(series.clone()))?;
        registry.register(Box::new(findings.clone()))?;
        Ok(Self { series, findings })
    }

    pub(super) fn judged(&self, n_series: usize) {
        self.series.set(i64::try_from(n_series).unwrap_or(i64::MAX));
    }

    pub(super) fn found(&self, finding: &Finding) {
        let (severity, state) = (finding.severity.as_str(), finding.state.as_str());
        let labels = &[finding.target.job(), severity, state];
        self.findings.with_label_values(labels).inc();
    }
}
