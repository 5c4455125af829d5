//! Reads the log and tells one receiver of what was found, in order, each change at least once.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use proto::finding::FindingState;
use proto::{Finding, Record, UnixMillis};
use storage::log::{Entry, LogError, Reader};
use storage::{ErrorChain, Position};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::book::{Book, Dropped, Now};
use super::labels::labels_of;
use super::message::{self, Alert};
use super::metrics::{AlertMetrics, ReceiverMetrics};
use super::outbox::{Outbox, Verdict};
use super::past::Fired;
use super::post::{Outcome, Poster};
use super::{AlertError, AlertReceiver, AlertRules, Past, Silences, Speech};
use crate::client::{Backoff, Jitter, RetryPolicy, Trouble, shortened};

/// How long what is pending may take at shutdown; the rest is left to the cursor.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// Pause after the log could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// The cursor passes what concerns nobody this often.
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
/// How often a webhook's silences are looked at.
const SILENCE_INTERVAL: Duration = Duration::from_secs(15);
/// Records that are looked at for more findings, once there is one.
const MAX_MORE: usize = 256;
/// How long a receiver is told that a trouble is over, in case it has forgotten. Milliseconds.
const RESOLVED_FOR: i64 = 15 * 60_000;

/// Tells a receiver. Its cursor moves only behind what was answered, so a crash tells some of it
/// again and loses nothing.
#[derive(Debug)]
pub struct Notifier {
    name: String,
    desk: Desk,
    line: Line,
    past: Past,
    silences: Arc<Silences>,
    pub(super) drain_deadline: Duration,
    pub(super) silence_interval: Duration,
}

/// Who decides what is told.
#[derive(Debug)]
enum Desk {
    Alertmanager(Book),
    Webhook(Outbox),
}

/// The way to the receiver, with its retries.
#[derive(Debug)]
pub(super) struct Line {
    name: String,
    external_url: String,
    poster: Poster,
    metrics: ReceiverMetrics,
    pub(super) retry: RetryPolicy,
    jitter: Jitter,
    trouble: Trouble,
}

/// What comes next.
enum Next {
    Entry(Entry),
    /// Something may be due.
    Time,
    End,
}

impl Notifier {
    /// A notifier of a receiver. Connects when there is something to tell; asks the past what was
    /// told before.
    ///
    /// # Errors
    /// If the URL, a header or the TLS files cannot be used.
    pub fn new(
        receiver: &AlertReceiver,
        rules: AlertRules,
        past: Past,
        metrics: &AlertMetrics,
    ) -> Result<Self, AlertError> {
        let silences = Arc::clone(&rules.silences);
        let line = Line {
            name: receiver.name.clone(),
            external_url: rules.external_url.clone(),
            poster: Poster::new(receiver)?,
            metrics: metrics.of(&receiver.name),
            retry: RetryPolicy::default(),
            jitter: Jitter::default(),
            trouble: Trouble::default(),
        };
        Ok(Self {
            name: receiver.name.clone(),
            desk: match receiver.speech {
                Speech::Alertmanager => Desk::Alertmanager(Book::new(rules, receiver.min_severity)),
                Speech::Webhook => Desk::Webhook(Outbox::new(rules, receiver.min_severity)),
            },
            line,
            past,
            silences,
            drain_deadline: DRAIN_DEADLINE,
            silence_interval: SILENCE_INTERVAL,
        })
    }

    /// For tests: quick retries.
    #[cfg(test)]
    pub(super) fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Tells until the log is closed, or `shutdown` is cancelled and what the log holds has been
    /// told. That may take a few seconds; what the receiver does not take in them, it is told after
    /// the next start.
    pub async fn run(mut self, mut reader: Reader, shutdown: CancellationToken) {
        let (name, drain_deadline) = (self.name.clone(), self.drain_deadline);
        let expired = async {
            shutdown.cancelled().await;
            tokio::time::sleep(drain_deadline).await;
        };
        tokio::select! {
            () = self.notify(&mut reader, &shutdown) => {}
            () = expired => {
                tracing::warn!(receiver = name, "receiver of alerts takes too long; the rest stays in the log");
            }
        }
    }

    async fn notify(&mut self, reader: &mut Reader, shutdown: &CancellationToken) {
        self.recall().await;
        let mut committed = Instant::now();
        let mut end = None;
        loop {
            let mut is_news = false;
            match self
                .next(reader, shutdown, end.map(|_| committed + COMMIT_INTERVAL))
                .await
            {
                Next::Entry(entry) => {
                    end = Some(entry.end);
                    if let Record::Finding(finding) = entry.record {
                        self.take(finding).await;
                        end = self.take_more(reader).await.or(end);
                        is_news = true;
                    }
                }
                Next::Time => {}
                Next::End => {
                    self.tell_due().await;
                    self.commit(reader, end.take());
                    return;
                }
            }
            self.tell_due().await;
            if is_news || committed.elapsed() >= COMMIT_INTERVAL {
                self.commit(reader, end.take());
                committed = Instant::now();
            }
        }
    }

    /// Takes note of what was told before the start.
    async fn recall(&mut self) {
        let open = self.past.open().await;
        let now = now();
        match &mut self.desk {
            Desk::Webhook(outbox) => {
                for finding in open {
                    outbox.remember(finding);
                }
            }
            Desk::Alertmanager(book) => {
                for finding in &open {
                    book.remember(finding, now);
                }
                let since = UnixMillis(now.wall.0.saturating_sub(RESOLVED_FOR));
                for finding in self.past.resolved_since(since).await {
                    if self.past.fired(&finding).await != Fired::Never {
                        book.remember(&finding, now);
                    }
                }
            }
        }
    }

    /// The next entry of the log, or that time has come: `commit_at` at the latest.
    async fn next(
        &self,
        reader: &mut Reader,
        shutdown: &CancellationToken,
        commit_at: Option<Instant>,
    ) -> Next {
        let due = match &self.desk {
            Desk::Alertmanager(book) => book.next_due(),
            Desk::Webhook(outbox) => outbox
                .holds()
                .then(|| Instant::now() + self.silence_interval),
        };
        let due = due.into_iter().chain(commit_at).min();
        loop {
            if shutdown.is_cancelled() {
                return match reader.try_next() {
                    Ok(Some(entry)) => Next::Entry(entry),
                    Ok(None) | Err(_) => Next::End,
                };
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = until(due) => return Next::Time,
                next = reader.next() => match next {
                    Ok(entry) => return Next::Entry(entry),
                    Err(LogError::Closed) => return Next::End,
                    Err(error) => {
                        tracing::warn!(receiver = self.name, error = %ErrorChain(&error), "failed to read the log");
                        tokio::time::sleep(READ_PAUSE).await;
                    }
                },
            }
        }
    }

    /// Takes note of a finding; tells a webhook of it.
    async fn take(&mut self, finding: Arc<Finding>) {
        let is_known = match &self.desk {
            Desk::Alertmanager(book) => book.knows(finding.id),
            Desk::Webhook(outbox) => outbox.knows(&finding),
        };
        let is_over = finding.state == FindingState::Resolved;
        if is_over && !is_known {
            let since = match self.past.fired(&finding).await {
                Fired::Never => return,
                Fired::Unknown => finding.time,
                Fired::At(time) => time,
            };
            // From its beginning to its end: nobody was told.
            if [since, finding.time]
                .into_iter()
                .all(|time| self.is_silenced(&finding, time))
            {
                self.line.metrics.dropped(Dropped::Silenced.name(), 1);
                return;
            }
        }
        let dropped = match &mut self.desk {
            Desk::Alertmanager(book) => book.apply(finding, now()),
            Desk::Webhook(outbox) => match outbox.judge(&finding, now().wall) {
                Verdict::Nothing => None,
                Verdict::Drop(dropped) => Some(dropped),
                Verdict::Send(alert) => {
                    self.line.tell_webhook(&alert).await;
                    None
                }
            },
        };
        if let Some(dropped) = dropped {
            self.line.metrics.dropped(dropped.name(), 1);
        }
    }

    /// What comes with a finding goes to an Alertmanager in one request: takes note of what the log
    /// has besides, as far as it needs no waiting. Returns where that ends.
    async fn take_more(&mut self, reader: &mut Reader) -> Option<Position> {
        let mut end = None;
        for _ in 0..MAX_MORE {
            if !matches!(self.desk, Desk::Alertmanager(_)) {
                break;
            }
            let Ok(Some(entry)) = reader.try_next() else {
                break;
            };
            end = Some(entry.end);
            if let Record::Finding(finding) = entry.record {
                self.take(finding).await;
            }
        }
        end
    }

    fn is_silenced(&self, finding: &Finding, time: UnixMillis) -> bool {
        self.silences.covering(&labels_of(finding), time).is_some()
    }

    /// Tells of everything that is due.
    async fn tell_due(&mut self) {
        match &mut self.desk {
            Desk::Alertmanager(book) => self.line.tell_alertmanager(book).await,
            Desk::Webhook(outbox) => {
                for alert in outbox.released(now().wall) {
                    self.line.tell_webhook(&alert).await;
                }
            }
        }
    }

    fn commit(&self, reader: &mut Reader, end: Option<Position>) {
        let Some(Err(error)) = end.map(|end| reader.commit(end)) else {
            return;
        };
        tracing::warn!(receiver = self.name, error = %ErrorChain(&error), "failed to move the cursor; \
            after a restart some alerts are sent again");
    }
}

impl Line {
    /// Tells an Alertmanager of all that is due; what it refuses it is told again when it is due
    /// again.
    async fn tell_alertmanager(&mut self, book: &mut Book) {
        let mut backoff = Backoff::new(self.retry);
        loop {
            self.metrics.queued(book.n_untold());
            let due = book.due(now());
            if due.is_empty() {
                return;
            }
            let alerts: Vec<Alert> = due.iter().map(|due| due.alert.clone()).collect();
            let body = message::alertmanager(&alerts, &self.external_url);
            // Ends move on with the time: each try is made anew.
            if self.try_once(body, None, alerts.len(), &mut backoff).await {
                book.told(&due, now());
                backoff = Backoff::new(self.retry);
            }
        }
    }

    /// Tells a webhook until it takes it or refuses it for good.
    async fn tell_webhook(&mut self, alert: &Alert) {
        self.metrics.queued(1);
        let finding = &alert.finding;
        let key = format!("{}-{}-{}", finding.id, finding.state, finding.time.0);
        let body = message::webhook(alert, &self.name, &self.external_url);
        let mut backoff = Backoff::new(self.retry);
        while !self
            .try_once(body.clone(), Some(&key), 1, &mut backoff)
            .await
        {}
        self.metrics.queued(0);
    }

    /// Sends a request; tells whether it is done with, or is to be sent again now that it has
    /// waited.
    async fn try_once(
        &mut self,
        body: Bytes,
        key: Option<&str>,
        n_alerts: usize,
        backoff: &mut Backoff,
    ) -> bool {
        match self.poster.post(body, key).await {
            Outcome::Accepted => {
                self.metrics.sent(n_alerts);
                if self.trouble.is_over() {
                    tracing::info!(receiver = self.name, "receiver takes alerts again");
                }
                true
            }
            Outcome::Refused { reason, detail } => {
                self.metrics.dropped(&reason, n_alerts);
                if self.trouble.is_news(&reason, Instant::now()) {
                    tracing::warn!(
                        receiver = self.name,
                        reason,
                        detail = shortened(&detail),
                        alerts = n_alerts,
                        "receiver refused alerts"
                    );
                }
                true
            }
            Outcome::Retry {
                reason,
                detail,
                after,
            } => {
                self.metrics.failed(&reason);
                let wait = backoff.wait(after, self.jitter.next());
                if self.trouble.is_news(&reason, Instant::now()) {
                    tracing::warn!(
                        receiver = self.name,
                        reason,
                        detail = shortened(&detail),
                        wait_seconds = wait.as_secs_f64(),
                        "receiver does not take alerts; retrying"
                    );
                }
                tokio::time::sleep(wait).await;
                false
            }
        }
    }
}

pub(super) fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_epoch.unwrap_or_default().as_millis();
    Now {
        wall: UnixMillis(i64::try_from(millis).unwrap_or(i64::MAX)),
        steady: Instant::now(),
    }
}

/// Waits until `due`, for ever if there is none.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
