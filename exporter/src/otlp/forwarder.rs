//! Reads the log and sends it to one receiver, in order and at least once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use storage::log::{LogError, Reader};
use storage::{ErrorChain, Position};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, PartialSuccess};
use super::batcher::{Batcher, Round};
use super::metrics::{OtlpMetrics, ReceiverMetrics};
use super::request::Request;
use super::transport::{Prepared, Transport};
use super::{OtlpError, ReceiverOptions};
use crate::client::{Backoff, Jitter, RetryPolicy, Trouble, shortened};

/// How long what is pending may take at shutdown; the rest is left to the cursor.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// Pause after the log could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Sends the log to a receiver. The cursor moves only when everything before it was answered, so
/// a crash sends some of it again and loses nothing.
#[derive(Debug)]
pub struct Forwarder {
    name: String,
    batch_interval: Duration,
    batcher: Batcher,
    transport: Transport,
    metrics: ReceiverMetrics,
    pub(super) retry: RetryPolicy,
    pub(super) drain_deadline: Duration,
    jitter: Jitter,
    trouble: Trouble,
    /// A length of messages that was learned and not logged yet.
    learned: Option<usize>,
}

/// Whether the log has more than was gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gathered {
    More,
    Last,
}

impl Forwarder {
    /// A forwarder for a receiver. Connects when there is something to send.
    ///
    /// # Errors
    /// If the endpoint, a header or the TLS files cannot be used.
    pub fn new(options: ReceiverOptions, metrics: Arc<OtlpMetrics>) -> Result<Self, OtlpError> {
        let metrics = metrics.of(&options.name);
        Ok(Self {
            transport: Transport::new(&options)?,
            batcher: Batcher::new(&options, metrics.clone()),
            batch_interval: options.batch_interval,
            name: options.name,
            metrics,
            retry: RetryPolicy::default(),
            drain_deadline: DRAIN_DEADLINE,
            jitter: Jitter::default(),
            trouble: Trouble::default(),
            learned: None,
        })
    }

    /// Forwards until the log is closed, or `shutdown` is cancelled and what the log holds has
    /// been sent. That may take a few seconds; what the receiver does not take in them, it gets
    /// after the next start.
    pub async fn run(mut self, mut reader: Reader, shutdown: CancellationToken) {
        let name = self.name.clone();
        let drain_deadline = self.drain_deadline;
        let expired = async {
            shutdown.cancelled().await;
            tokio::time::sleep(drain_deadline).await;
        };
        let lag = tokio::select! {
            () = self.forward(&mut reader, &shutdown) => reader.lag_bytes(),
            () = expired => {
                tracing::warn!(receiver = name, "receiver takes too long; the rest stays in the log");
                return;
            }
        };
        tracing::debug!(receiver = name, lag_bytes = lag, "forwarder stopped");
    }

    async fn forward(&mut self, reader: &mut Reader, shutdown: &CancellationToken) {
        loop {
            let gathered = self.gather(reader, shutdown).await;
            let round = self.batcher.take();
            self.deliver(round, reader).await;
            if gathered == Gathered::Last {
                return;
            }
        }
    }

    /// Takes records from the log until there are enough for a message, or the first of them is
    /// old enough.
    async fn gather(&mut self, reader: &mut Reader, shutdown: &CancellationToken) -> Gathered {
        let mut due: Option<Instant> = None;
        while !self.batcher.is_full() {
            if shutdown.is_cancelled() {
                match reader.try_next() {
                    Ok(Some(entry)) => self.batcher.add(entry),
                    Ok(None) | Err(_) => return Gathered::Last,
                }
                continue;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = until(due) => return Gathered::More,
                next = reader.next() => match next {
                    Ok(entry) => {
                        self.batcher.add(entry);
                        due.get_or_insert_with(|| Instant::now() + self.batch_interval);
                    }
                    Err(LogError::Closed) => return Gathered::Last,
                    Err(error) => {
                        tracing::warn!(receiver = self.name, error = %ErrorChain(&error), "failed to read the log");
                        tokio::time::sleep(READ_PAUSE).await;
                    }
                },
            }
        }
        Gathered::More
    }

    /// Sends requests in order, each until it is answered, and then moves the cursor.
    async fn deliver(&mut self, round: Round, reader: &mut Reader) {
        let mut waiting = VecDeque::from(round.requests);
        while let Some(request) = waiting.pop_front() {
            self.metrics.lag(reader.lag_bytes());
            for shorter in self.send(&request).await.into_iter().rev() {
                waiting.push_front(shorter);
            }
        }
        if let Some(end) = round.end {
            self.commit(reader, end);
        }
        self.metrics.lag(reader.lag_bytes());
    }

    fn commit(&mut self, reader: &mut Reader, end: Position) {
        if let Err(error) = reader.commit(end) {
            tracing::warn!(receiver = self.name, error = %ErrorChain(&error), "failed to move the cursor; \
                after a restart some of the log is sent again");
        }
    }

    /// Sends a request until the receiver takes it or refuses it for good. Returns what is to be
    /// sent instead, if the receiver finds it too long.
    async fn send(&mut self, request: &Request) -> Vec<Request> {
        let mut prepared = self.transport.prepare(request).await;
        let mut backoff = Backoff::new(self.retry);
        loop {
            let started = Instant::now();
            let answer = self.transport.send(&prepared).await;
            self.metrics
                .took(request.signal, started.elapsed().as_secs_f64());
            if self.transport.compresses_less_after(&answer) {
                prepared = self.transport.prepare(request).await;
                continue;
            }
            match answer {
                Answer::Accepted(partial) => {
                    self.accepted(request, &prepared, &partial);
                    return Vec::new();
                }
                Answer::TooLong { reason, detail } => {
                    return self.too_long(request, &reason, &detail);
                }
                Answer::Refused { reason, detail } => {
                    self.refused(request, &reason, &detail);
                    return Vec::new();
                }
                Answer::Retry {
                    reason,
                    detail,
                    after,
                } => {
                    self.metrics.retried(request.signal, &reason);
                    let wait = backoff.wait(after, self.jitter.next());
                    if self.trouble.is_news(&reason, Instant::now()) {
                        tracing::warn!(receiver = self.name, signal = request.signal.name(),
                            %reason, detail = shortened(&detail), wait_seconds = wait.as_secs_f64(),
                            "receiver does not answer or is busy; retrying");
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn accepted(&mut self, request: &Request, prepared: &Prepared, partial: &PartialSuccess) {
        let n_rejected = u64::try_from(partial.n_rejected).unwrap_or(0);
        self.metrics.sent(request, prepared.body.len(), n_rejected);
        if let Some(compression) = self.transport.accepted() {
            tracing::warn!(
                receiver = self.name,
                ?compression,
                "receiver does not take the configured compression; using another"
            );
        }
        if let Some(max_message_bytes) = self.learned.take() {
            tracing::warn!(
                receiver = self.name,
                max_message_bytes,
                "receiver takes no longer messages; sending shorter ones from now on"
            );
        }
        if n_rejected > 0 || !partial.message.is_empty() {
            if self.trouble.is_news("partial_success", Instant::now()) {
                tracing::warn!(
                    receiver = self.name,
                    signal = request.signal.name(),
                    rejected = n_rejected,
                    of = request.n_items,
                    detail = shortened(&partial.message),
                    "receiver took a request in part or with a warning"
                );
            }
        } else if self.trouble.is_over() {
            tracing::info!(receiver = self.name, "receiver takes requests again");
        }
    }

    fn too_long(&mut self, request: &Request, reason: &str, detail: &str) -> Vec<Request> {
        let half = request.body.len() / 2;
        let Some(shorter) = request.divide(half) else {
            self.refused(request, reason, detail);
            return Vec::new();
        };
        self.metrics.retried(request.signal, reason);
        self.learned = self.batcher.learn_limit(half).or(self.learned);
        shorter
    }

    fn refused(&mut self, request: &Request, reason: &str, detail: &str) {
        self.metrics
            .dropped(request.signal, request.n_items, reason);
        if self.trouble.is_news(reason, Instant::now()) {
            tracing::warn!(
                receiver = self.name,
                signal = request.signal.name(),
                reason,
                detail = shortened(detail),
                items = request.n_items,
                "receiver refused a request; its items are dropped"
            );
        }
    }
}

/// Waits until `due`, for ever if there is none.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
