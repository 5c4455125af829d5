//! What leadsman tells about its own soundings.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
};

/// The metrics of scrapes and profiles. One set for the process; cheap to clone.
#[derive(Clone, Debug)]
pub struct SoundingMetrics {
    pub(super) targets: IntGaugeVec,
    pub(super) targets_refused: IntCounterVec,
    pub(super) scrape: ScrapeMetrics,
    pub(super) profile: ProfileMetrics,
}

/// `leadsman_scrape_*`.
#[derive(Clone, Debug)]
pub(super) struct ScrapeMetrics {
    pub(super) failures: IntCounterVec,
    pub(super) missed: IntCounterVec,
    pub(super) samples: IntCounterVec,
    pub(super) issues: IntCounterVec,
    pub(super) body_bytes: IntCounterVec,
    pub(super) seconds: HistogramVec,
    pub(super) signals_left_out: IntCounterVec,
}

/// `leadsman_profile_*`.
#[derive(Clone, Debug)]
pub(super) struct ProfileMetrics {
    pub(super) taken: IntCounterVec,
    pub(super) failures: IntCounterVec,
    pub(super) skipped: IntCounterVec,
    pub(super) missed: IntCounterVec,
    pub(super) body_bytes: IntCounterVec,
    pub(super) seconds: CounterVec,
}

const JOB: &[&str] = &["job"];
const JOB_REASON: &[&str] = &["job", "reason"];
const KIND: &[&str] = &["job", "kind"];
const KIND_REASON: &[&str] = &["job", "kind", "reason"];

impl SoundingMetrics {
    /// Makes and registers the metrics.
    ///
    /// # Errors
    /// They are registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let targets = Opts::new("leadsman_targets", "Targets that are sounded.");
        Ok(Self {
            targets: registered(registry, IntGaugeVec::new(targets, JOB))?,
            targets_refused: counter(
                registry,
                "leadsman_targets_refused_total",
                "Targets left out because another one has the same labels.",
                JOB,
            )?,
            scrape: ScrapeMetrics::register(registry)?,
            profile: ProfileMetrics::register(registry)?,
        })
    }

    /// Values of signals of a target of `job` were left out, so many.
    pub(crate) fn signals_left_out(&self, job: &str, n_values: usize) {
        let left_out = &self.scrape.signals_left_out;
        left_out.with_label_values(&[job]).inc_by(n_values as u64);
    }
}

impl ScrapeMetrics {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help, labels| counter(registry, name, help, labels);
        let seconds = HistogramOpts::new(
            "leadsman_scrape_duration_seconds",
            "Time of a scrape from the request until its record is queued; failed ones too.",
        )
        .buckets(vec![
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ]);
        Ok(Self {
            failures: counter(
                "leadsman_scrape_failures_total",
                "Failed scrapes.",
                JOB_REASON,
            )?,
            missed: counter(
                "leadsman_scrape_missed_total",
                "Scrapes that were due but not made.",
                JOB_REASON,
            )?,
            samples: counter("leadsman_scrape_samples_total", "Samples scraped.", JOB)?,
            issues: counter(
                "leadsman_scrape_issues_total",
                "Samples left out of good pages.",
                JOB_REASON,
            )?,
            body_bytes: counter(
                "leadsman_scrape_body_bytes_total",
                "Metrics pages as received.",
                JOB,
            )?,
            seconds: registered(registry, HistogramVec::new(seconds, JOB))?,
            signals_left_out: counter(
                "leadsman_signals_left_out_total",
                "Values of signals beyond a hundred of one signal of one target.",
                JOB,
            )?,
        })
    }
}

impl ProfileMetrics {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help, labels| counter(registry, name, help, labels);
        let seconds = Opts::new(
            "leadsman_profile_seconds_total",
            "Time that targets have spent on being profiled, as seen from outside.",
        );
        Ok(Self {
            taken: counter("leadsman_profile_taken_total", "Profiles taken.", KIND)?,
            failures: counter(
                "leadsman_profile_failures_total",
                "Failed profiles.",
                KIND_REASON,
            )?,
            skipped: counter(
                "leadsman_profile_skipped_total",
                "Profiles that were due but left out.",
                KIND_REASON,
            )?,
            missed: counter(
                "leadsman_profile_missed_total",
                "Profiles that were due but not tried.",
                KIND_REASON,
            )?,
            body_bytes: counter(
                "leadsman_profile_body_bytes_total",
                "Profiles as received.",
                KIND,
            )?,
            seconds: registered(
                registry,
                CounterVec::new(seconds, &["job", "instance", "kind"]),
            )?,
        })
    }
}

fn counter(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> prometheus::Result<C> {
    let collector = made?;
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
