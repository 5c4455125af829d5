//! Judging signals as they come through the log: what is found goes back into the log, and from
//! there to the archive and to those who are told.
//!
//! What is usual is learned from the archive at the start, and nothing is kept elsewhere: which
//! findings are open is read from the archive too. Judging begins at the end of the log, so that what
//! was judged before a restart is not judged again.

mod history;
mod metrics;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use baseline::assess::Assessor;
use baseline::catalogue::Signal;
use proto::metrics::{MetricBatch, Origin};
use proto::{Finding, Record, UnixMillis};
use storage::archive::Recall;
use storage::log::{Appender, LogError, Reader};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use metrics::JudgingMetrics;

/// A series without a sample for this long is gone: its trouble is over, as far as can be told.
const SILENT_AFTER: Duration = Duration::from_secs(15 * 60);
/// How often it is looked for those.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Pause after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The judge of all signals.
pub(crate) struct Judging {
    assessor: Assessor,
    recall: Recall,
    log: Appender,
    metrics: JudgingMetrics,
}

impl Judging {
    /// A judge that has learned nothing yet, and will from `recall`. What it finds goes to `log`.
    pub(crate) fn new(
        signals: &[Signal],
        recall: Recall,
        log: Appender,
        metrics: JudgingMetrics,
    ) -> Self {
        Self {
            assessor: Assessor::new(signals.iter().cloned().map(Arc::new)),
            recall,
            log,
            metrics,
        }
    }

    /// Learns from the archive, then judges what `reader`, which starts at the tail, reads, until
    /// the log is closed. `stop` ends learning only.
    pub(crate) async fn run(mut self, mut reader: Reader, stop: CancellationToken) {
        let started = now();
        let learning = tokio::task::spawn_blocking(move || {
            let learned = history::learn(&mut self.assessor, &self.recall, started, &stop);
            (self, learned)
        });
        let mut judging = match learning.await {
            Ok((judging, learned)) => {
                learned.tell();
                judging
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            let entry = tokio::select! {
                entry = reader.next() => entry,
                _ = sweep.tick() => {
                    judging.sweep(started).await;
                    continue;
                }
            };
            match entry {
                Ok(entry) => judging.observe(&entry.record).await,
                Err(LogError::Closed) => return,
                Err(error) => {
                    warn!(
                        error = %storage::ErrorChain(&error),
                        "the judge cannot read the log; it will try again"
                    );
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    async fn observe(&mut self, record: &Record) {
        let Record::Metrics(batch) = record else {
            return;
        };
        if batch.layout.origin() == Origin::Signals {
            self.judge(batch).await;
        }
    }

    async fn judge(&mut self, batch: &MetricBatch) {
        let assessment = self.assessor.assess(batch);
        self.metrics.judged(self.assessor.n_series());
        if let Some(bands) = assessment.bands {
            self.append(Record::Metrics(Arc::new(bands))).await;
        }
        self.tell(assessment.findings).await;
    }

    async fn sweep(&mut self, started: UnixMillis) {
        let now = now();
        let silent_after = i64::try_from(SILENT_AFTER.as_millis()).unwrap_or(i64::MAX);
        // After a start, targets have this long to come back.
        if now.0.saturating_sub(started.0) > silent_after {
            let earliest = UnixMillis(now.0.saturating_sub(silent_after));
            let ended = self.assessor.end_silent(earliest, now);
            self.tell(ended).await;
        }
    }

    async fn tell(&self, findings: Vec<Finding>) {
        for finding in findings {
            info!(
                state = %finding.state,
                severity = %finding.severity,
                job = finding.target.job(),
                instance = finding.target.instance(),
                signal = finding.signal,
                finding = %finding.id,
                "{}", finding.title
            );
            self.metrics.found(&finding);
            self.append(Record::Finding(Arc::new(finding))).await;
        }
    }

    async fn append(&self, record: Record) {
        // At the end of a closed log, what is found is found again after the next start.
        if let Err(error) = self.log.append(record).await
            && !matches!(error, LogError::Closed)
        {
            warn!(
                error = %storage::ErrorChain(&error),
                "failed to log what the judge said"
            );
        }
    }
}

fn now() -> UnixMillis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
