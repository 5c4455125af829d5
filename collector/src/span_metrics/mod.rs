//! Metrics of spans, as a reader of the log: what was received is counted, and the counts go back into
//! the log as samples of a target for each service, with the signals that are computed of them, as a
//! scrape's are. From there they come into the archive, to OTLP receivers, to the judge and to our page.
//!
//! The reader begins at the end of the log: spans from before the start were counted before it, and
//! counters begin anew with each start. At a stop the last counts are told; a crash loses those of one
//! interval. One that lags holds one record at a time.
//!
//! Our own spans are left out: they are of a sample of the soundings, and would look like all of them.

#[cfg(test)]
mod jaeger;
mod metrics;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use baseline::signals::{Evaluator, Outcome, Program};
use baseline::span_metrics::{Limits, SpanMetrics};
use proto::metrics::MetricBatch;
use proto::otlp::calls::each_call;
use proto::target::TargetId;
use proto::{Labels, Record};
use storage::log::{Appender, LogError, Reader};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::fetch::heavy;
use crate::sounding::{Beat, now};

pub(crate) use metrics::CountingMetrics;

/// The service whose spans are not counted: leadsman.
const OWN_SERVICE: &str = "leadsman";
/// Pause after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Counts the spans of the log.
pub(crate) struct SpanCounter {
    interval: Duration,
    beat: Beat,
    counts: SpanMetrics,
    program: Arc<Program>,
    /// Of each service.
    signals: HashMap<TargetId, Evaluator>,
    log: Appender,
    metrics: CountingMetrics,
}

impl SpanCounter {
    /// A counter that tells its counts once an `interval`, and with them the signals of `program`.
    /// Its targets have the labels `external`.
    pub(crate) fn new(
        interval: Duration,
        limits: Limits,
        external: Labels,
        program: Arc<Program>,
        log: Appender,
        metrics: CountingMetrics,
    ) -> Self {
        Self {
            interval,
            beat: Beat::new(interval),
            counts: SpanMetrics::new(limits, external),
            program,
            signals: HashMap::new(),
            log,
            metrics,
        }
    }

    /// Counts what `reader`, which starts at the tail, reads, until `stop`, or until the log is closed.
    pub(crate) async fn run(mut self, mut reader: Reader, stop: CancellationToken) {
        let first = tokio::time::Instant::now() + self.interval;
        let mut ticks = tokio::time::interval_at(first, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // However many spans come, counts are told in time.
            let entry = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.tell().await;
                    return;
                }
                _ = ticks.tick() => {
                    self.tell().await;
                    continue;
                }
                entry = reader.next() => entry,
            };
            match entry {
                Ok(entry) => self.observe(&entry.record),
                Err(LogError::Closed) => return,
                Err(error) => {
                    warn!(
                        error = %storage::ErrorChain(&error),
                        "the counter of spans cannot read the log; it will try again"
                    );
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    fn observe(&mut self, record: &Record) {
        let Record::Traces(request) = record else {
            return;
        };
        let (counts, metrics) = (&mut self.counts, &self.metrics);
        let counted = heavy(request.len(), || {
            each_call(request, |call| {
                if call.service != OWN_SERVICE {
                    metrics.counted(counts.count(&call));
                }
            })
        });
        if let Err(error) = counted {
            self.metrics.invalid();
            debug!(%error, "a trace request of the log cannot be read");
        }
    }

    /// Appends the counts of this moment, and the signals that are due.
    async fn tell(&mut self) {
        let time = self.beat.timestamp(now());
        for batch in self.counts.beat(time) {
            let signals = self.evaluate(&batch);
            self.append(batch).await;
            if let Some(signals) = signals {
                self.append(signals).await;
            }
        }
        self.metrics.told(self.counts.n_operations());
    }

    /// The signals of a service; their end where it has ended.
    fn evaluate(&mut self, batch: &MetricBatch) -> Option<MetricBatch> {
        let id = batch.layout.target.id();
        if batch.is_end() {
            return self.signals.remove(&id)?.end(batch.time);
        }
        let new = || Evaluator::new(Arc::clone(&self.program));
        let evaluator = self.signals.entry(id).or_insert_with(new);
        let evaluated = evaluator.observe(batch, Outcome::Good);
        self.metrics
            .left_out(batch.layout.target.job(), evaluated.n_left_out);
        evaluated.batch
    }

    async fn append(&self, batch: MetricBatch) {
        let record = Record::Metrics(Arc::new(batch));
        // At the end of a closed log nobody could read it.
        if let Err(error) = self.log.append(record).await
            && !matches!(error, LogError::Closed)
        {
            warn!(
                error = %storage::ErrorChain(&error),
                "failed to log the metrics of spans"
            );
        }
    }
}
