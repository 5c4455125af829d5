//! Taking one kind of profile of one target.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use baseline::profiles::{ProfileEvaluator, Taken as TakenProfile};
use bytes::Bytes;
use exporter::web::{ProfileState, ProfileStatus};
use prometheus::core::{AtomicF64, GenericCounter};
use proto::metrics::MetricBatch;
use proto::profile::Profile;
use proto::profile_ops::delta;
use proto::{ProfileRecord, Record, UnixMillis, UnixNanos};
use storage::log::LogError;
use tokio::time::Instant;
use tracing::Instrument;

use super::clock::wall_nanos;
use super::profile_body::{self, BodyError};
use super::profile_error::ProfileError;
use super::site::{Fetcher, Site};
use super::ticker::{Missed, Sounding};
use crate::config::{DeltaMode, ProfileSpec};
use crate::fetch::{Request, Response, heavy};

/// A target that does not offer a kind is asked again after this time: it may have been
/// restarted with other flags.
const UNSUPPORTED_RETRY: Duration = Duration::from_secs(600);
/// Time for the answer beyond what the target measures: writing a large heap profile takes a
/// busy process seconds.
const ANSWER_TIME: Duration = Duration::from_secs(15);

/// What a sample costs to evaluate, as bytes of text to parse: some microseconds.
const BYTES_A_SAMPLE: usize = 512;

/// The profiler of one kind of one target.
pub(super) struct Profiler {
    site: Arc<Site>,
    spec: ProfileSpec,
    fetcher: Fetcher,
    /// What is told of the profiles, if something is.
    signals: Option<ProfileEvaluator>,
    /// What the next computed delta is taken from.
    previous: Option<Answer>,
    /// When the target computed a delta last: the next one covers the time since then.
    last_delta: Option<Instant>,
    /// Not asked before this time, as the target does not offer the kind.
    unsupported_until: Option<Duration>,
    /// The target does not have `delta_path`.
    lacks_delta_path: bool,
    seconds: GenericCounter<AtomicF64>,
    failing: Option<Cow<'static, str>>,
}

/// What a target answered. Kept as received, as that takes a tenth of the decoded profile.
struct Answer {
    body: Bytes,
    wire_bytes: usize,
    started: UnixNanos,
    /// When it was there.
    complete: UnixMillis,
    /// The time the profile covers, if the request says so.
    covers: Duration,
    is_delta: bool,
}

/// A profile that was taken.
struct Taken {
    n_bytes: usize,
    remark: Option<&'static str>,
}

impl Profiler {
    pub(super) fn new(site: Arc<Site>, spec: ProfileSpec) -> Self {
        let labels = [site.job(), site.instance(), &spec.kind];
        let seconds = site
            .context
            .metrics
            .profile
            .seconds
            .with_label_values(&labels);
        let program = &site.context.profile_program;
        let signals = program.evaluator(Arc::clone(&site.target.target), &spec.kind);
        Self {
            site,
            spec,
            fetcher: Fetcher::default(),
            signals,
            previous: None,
            last_delta: None,
            unsupported_until: None,
            lacks_delta_path: false,
            seconds,
            failing: None,
        }
    }

    /// Goes on from a profiler of the same kind with other settings: no delta is lost.
    pub(super) fn adopt(&mut self, before: Self) {
        self.signals = before.signals;
        if (&self.spec.path, self.spec.delta) == (&before.spec.path, before.spec.delta) {
            self.previous = before.previous;
            self.last_delta = before.last_delta;
            self.lacks_delta_path = before.lacks_delta_path;
            self.failing = before.failing;
        }
    }

    /// The target is gone, and with it its signals and what is counted for it alone.
    pub(super) async fn end(mut self) {
        let time = UnixMillis::from(wall_nanos());
        let end = self.signals.as_mut().and_then(|signals| signals.end(time));
        if let Some(end) = end
            && let Err(error) = self.append(Record::Metrics(Arc::new(end))).await
        {
            let error = self.site.report(&error);
            tracing::debug!(error, "the end of a profile's signals is not logged");
        }
        let labels = [self.site.job(), self.site.instance(), &self.spec.kind];
        let _ = self
            .site
            .context
            .metrics
            .profile
            .seconds
            .remove_label_values(&labels);
    }

    async fn take(&mut self) -> Result<Taken, ProfileError> {
        let measured = Duration::from_secs(self.spec.seconds.unwrap_or(0).into());
        let (site, clock) = (Arc::clone(&self.site), self.site.context.clock);
        let enter = site
            .context
            .gate
            .enter(&site.gate, measured, self.spec.interval, clock);
        let leave = enter.await?;
        let started = clock.now();
        let answer = self
            .fetch(measured)
            .instrument(tracing::debug_span!("fetch"))
            .await;
        let spent = clock.now().saturating_sub(started);
        self.spend(spent);
        if answer.is_err() {
            site.gate.refund(measured.saturating_sub(spent));
        }
        drop(leave);
        self.keep(answer?).await
    }

    /// Asks for the delta that the target computes itself, if it does, and else for the plain
    /// profile.
    async fn fetch(&mut self, measured: Duration) -> Result<Answer, ProfileError> {
        if let Some(path) = self.spec.delta_path.clone()
            && !self.lacks_delta_path
        {
            let since_last = self.last_delta.map(|last| last.elapsed());
            match self.get(&path, Duration::ZERO).await {
                Ok(answer) => {
                    self.last_delta = Some(Instant::now());
                    let covers = since_last.unwrap_or_default();
                    return Ok(Answer {
                        covers,
                        is_delta: since_last.is_some(),
                        ..answer
                    });
                }
                Err(ProfileError::Unsupported(_)) => self.lacks_delta_path = true,
                Err(error) => return Err(error),
            }
        }
        self.get(&self.spec.path.clone(), measured).await
    }

    async fn get(&mut self, path: &str, measured: Duration) -> Result<Answer, ProfileError> {
        let request = Request {
            endpoint: self.site.endpoint()?,
            path: path.to_owned(),
            params: self.spec.params(path),
            accept: Cow::Borrowed("*/*"),
            timeout: measured + self.site.target.scrape_timeout.max(ANSWER_TIME),
            body_limit: self.site.target.job.body_size_limit,
        };
        let started = wall_nanos();
        let Response {
            body, wire_bytes, ..
        } = self.fetcher.get(&self.site, &request).await?;
        let is_delta = self.spec.delta == DeltaMode::Target || !measured.is_zero();
        Ok(Answer {
            body,
            wire_bytes,
            started,
            complete: UnixMillis::from(wall_nanos()),
            covers: measured,
            is_delta,
        })
    }

    /// Reads the answer and appends the profile and its signals; an empty one is a remark, not a row.
    async fn keep(&mut self, answer: Answer) -> Result<Taken, ProfileError> {
        let current = self.read(&answer)?;
        let (n_bytes, mut is_delta) = (answer.wire_bytes, answer.is_delta);
        let time = answer.complete;
        let previous = self.previous.take();
        let is_computed = self.spec.delta == DeltaMode::Computed && answer.covers.is_zero();
        self.previous = is_computed.then_some(answer);
        if current.n_samples() == 0 {
            // That nothing was seen in a time that was measured tells something.
            if self.spec.delta == DeltaMode::Target
                && let Some(signals) = self.evaluate(&current, time, is_delta)
            {
                self.append(Record::Metrics(Arc::new(signals))).await?;
            }
            let remark = Some(profile_body::why_empty(&self.spec.kind));
            return Ok(Taken { n_bytes, remark });
        }
        let mut profile = current;
        let before = previous.and_then(|previous| self.read(&previous).ok());
        if is_computed
            && let Some(before) = before
            && let Some(difference) = delta(&before, &profile)
        {
            (profile, is_delta) = (difference, true);
        }
        let signals = self.evaluate(&profile, time, is_delta);
        let record = ProfileRecord {
            target: Arc::clone(&self.site.target.target),
            kind: self.spec.kind.clone(),
            is_delta,
            profile,
        };
        self.append(Record::Profile(Arc::new(record))).await?;
        if let Some(signals) = signals {
            self.append(Record::Metrics(Arc::new(signals))).await?;
        }
        Ok(Taken {
            n_bytes,
            remark: None,
        })
    }

    fn read(&self, answer: &Answer) -> Result<Profile, BodyError> {
        let limit = self.site.target.job.body_size_limit;
        let _span = tracing::debug_span!("decode").entered();
        heavy(8 * answer.body.len(), || {
            profile_body::read(
                self.spec.format,
                &answer.body,
                limit,
                answer.started,
                answer.covers,
            )
        })
    }

    /// What the next profile tells.
    fn evaluate(
        &mut self,
        profile: &Profile,
        time: UnixMillis,
        is_delta: bool,
    ) -> Option<MetricBatch> {
        let signals = self.signals.as_mut()?;
        let taken = TakenProfile {
            profile,
            time,
            is_delta,
        };
        let n_bytes = BYTES_A_SAMPLE * profile.n_samples();
        let evaluated = heavy(n_bytes, || signals.observe(taken));
        if evaluated.n_left_out > 0 {
            let metrics = &self.site.context.metrics;
            metrics.signals_left_out(self.site.job(), evaluated.n_left_out);
        }
        evaluated.batch
    }

    async fn append(&self, record: Record) -> Result<(), LogError> {
        let span = tracing::debug_span!("append");
        let append = self.site.context.appender.append(record);
        append.instrument(span).await.map(drop)
    }

    fn spend(&self, time: Duration) {
        self.seconds.inc_by(time.as_secs_f64());
        self.status(|status| status.seconds_spent_total += time.as_secs_f64());
    }

    fn note(&mut self, outcome: Result<Taken, ProfileError>) {
        let metrics = &self.site.context.metrics.profile;
        let (job, instance, kind) = (self.site.job(), self.site.instance(), &*self.spec.kind);
        let error = match outcome {
            Ok(taken) => {
                metrics.taken.with_label_values(&[job, kind]).inc();
                metrics
                    .body_bytes
                    .with_label_values(&[job, kind])
                    .inc_by(taken.n_bytes as u64);
                self.status(|status| describe_taken(status, &taken));
                self.failing = None;
                return;
            }
            Err(error) => error,
        };
        let reason = error.reason();
        let counter = if error.is_skip() {
            &metrics.skipped
        } else {
            &metrics.failures
        };
        counter.with_label_values(&[job, kind, &reason]).inc();
        let text = self.site.report(&error);
        self.status(|status| {
            status.state = if error.is_skip() {
                ProfileState::Skipped
            } else {
                ProfileState::Failed
            };
            status.reason = Some(text.clone());
        });
        if self.failing.as_ref() != Some(&reason) {
            let (is_skip, error) = (error.is_skip(), text);
            match is_skip {
                true => tracing::info!(job, instance, kind, %reason, error, "profile skipped"),
                false => tracing::warn!(job, instance, kind, %reason, error, "profile failed"),
            }
        }
        self.failing = Some(reason);
    }

    fn status(&self, change: impl FnOnce(&mut ProfileStatus)) {
        self.site.status.write_profile(&self.spec.kind, change);
    }
}

impl Sounding for Profiler {
    async fn sound(&mut self) {
        let now = self.site.context.clock.now();
        if self.unsupported_until.is_some_and(|until| now < until) {
            return;
        }
        let (job, instance, kind) = (self.site.job(), self.site.instance(), &*self.spec.kind);
        let span = tracing::debug_span!("profile", job, instance, kind);
        let outcome = self.take().instrument(span).await;
        let is_unsupported = matches!(outcome, Err(ProfileError::Unsupported(_)));
        self.unsupported_until = is_unsupported.then(|| now + UNSUPPORTED_RETRY);
        if is_unsupported {
            self.lacks_delta_path = false;
        }
        self.note(outcome);
        if !self.site.target.job.metrics_enabled {
            self.site.status.judge_by_profiles();
        }
    }

    fn missed(&self, reason: Missed, n_ticks: u64) {
        let missed = &self.site.context.metrics.profile.missed;
        let labels = [self.site.job(), &self.spec.kind, reason.as_str()];
        missed.with_label_values(&labels).inc_by(n_ticks);
    }
}

fn describe_taken(status: &mut ProfileStatus, taken: &Taken) {
    status.state = ProfileState::Ok;
    status.reason = taken.remark.map(str::to_owned);
    status.last = Some(UnixMillis::from(wall_nanos()));
    status.bytes = taken.n_bytes as u64;
}
