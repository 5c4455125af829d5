//! Takes one request: from the connection into the log.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request};
use axum::response::Response;
use bytes::Bytes;
use proto::otlp::received::{ReceivedSpans, RejectedSpans, RequestLimits, take_spans};
use proto::{Record, UnixNanos};
use storage::log::Appender;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::IntakeOptions;
use super::body::{self, Packing};
use super::metrics::IntakeMetrics;
use super::refusal::Refusal;
use super::reply::{Form, content_type};
use crate::auth::Guard;
use crate::client::Trouble;
use crate::otlp::signal::Signal;

/// Requests that are read and checked at once: each takes the memory of its body, and some 25 MB at the
/// worst for what is decoded of it.
const MAX_AT_ONCE: usize = 4;
/// Longest wait for one of these places.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for the log's queue to take a request, and then for it to be durable. What is there
/// later than that comes again.
const LOG_TIMEOUT: Duration = Duration::from_secs(10);
/// Bodies up to this length are decoded where they are: handing them to another thread costs more,
/// and the longest that gzip makes of it takes a few milliseconds. Bytes.
const IN_PLACE: usize = 16 << 10;

/// Spans of one request. SDKs send 512 by default.
const MAX_SPANS: usize = 20_000;
/// Messages in one request: a span with twenty attributes has some forty.
const MAX_PARTS: usize = 400_000;
/// How long ago a span may have begun. Each day is a folder of the archive.
const MAX_AGE: Duration = Duration::from_secs(7 * 86_400);
/// How far the clock of whoever sends may be ahead.
const MAX_AHEAD: Duration = Duration::from_secs(3600);

/// What all requests share.
pub(super) struct Taker {
    guard: Guard,
    log: Appender,
    metrics: IntakeMetrics,
    max_bytes: usize,
    places: Semaphore,
    trouble: Mutex<Trouble>,
}

impl Taker {
    pub(super) fn new(options: IntakeOptions, log: Appender, metrics: IntakeMetrics) -> Self {
        Self {
            guard: Guard::new(options.access.credentials),
            log,
            metrics,
            max_bytes: options.max_request_bytes,
            places: Semaphore::new(MAX_AT_ONCE),
            trouble: Mutex::default(),
        }
    }
}

/// Answers every request, whatever its path.
pub(super) async fn take(State(taker): State<Arc<Taker>>, request: Request) -> Response {
    let form = Form::of(request.headers());
    match taker.take(form, request).await {
        Ok(rejected) => {
            let (response, code) = form.taken(&rejected);
            taker.metrics.answered(form, code);
            response
        }
        Err(refusal) => {
            let (mut response, code) = form.refused(&refusal);
            if response.status() == StatusCode::UNAUTHORIZED {
                taker.challenge(&mut response);
            }
            taker.metrics.answered(form, &code);
            taker.tell(&code, &refusal);
            response
        }
    }
}

impl Taker {
    /// Takes the spans of a request; returns those that were left out once the others are durable.
    async fn take(&self, form: Form, request: Request) -> Result<RejectedSpans, Refusal> {
        let (head, body) = request.into_parts();
        self.admit(form, &head)?;
        let packing = body::packing(form, &head.headers)?;
        let place = timeout(PLACE_TIMEOUT, self.places.acquire()).await;
        let Ok(Ok(place)) = place else {
            return Err(Refusal::Busy);
        };
        let spans = self.read(form, packing, &head.headers, body).await?;
        self.metrics.rejected(&spans.rejected);
        if spans.n_spans > 0 {
            let append = self.log.append_awaited(Record::Traces(spans.bytes.into()));
            let receipt = match timeout(LOG_TIMEOUT, append).await {
                Ok(Ok(receipt)) => receipt,
                Ok(Err(_)) | Err(_) => return Err(Refusal::LogRefuses),
            };
            // From here on the bytes are in the log's queue, which has bounds of its own.
            drop(place);
            match timeout(LOG_TIMEOUT, receipt.durable()).await {
                Ok(Ok(_)) => self.metrics.received(form, spans.n_spans),
                Ok(Err(_)) | Err(_) => return Err(Refusal::LogRefuses),
            }
        }
        if spans.rejected.total() > 0 {
            self.tell_rejected(&spans.rejected);
        }
        Ok(spans.rejected)
    }

    fn admit(&self, form: Form, head: &request::Parts) -> Result<(), Refusal> {
        let authorization = head.headers.get(header::AUTHORIZATION);
        if !self.guard.admits(authorization.map(HeaderValue::as_bytes)) {
            return Err(Refusal::Unauthenticated);
        }
        let path = match form {
            Form::Grpc => Signal::Traces.grpc_path(),
            Form::Http => Signal::Traces.http_path(),
        };
        if head.uri.path() != path {
            return Err(Refusal::Nowhere);
        }
        if head.method != Method::POST {
            return Err(Refusal::Method);
        }
        match form {
            Form::Http if content_type(&head.headers) != b"application/x-protobuf" => {
                Err(Refusal::ContentType)
            }
            _ => Ok(()),
        }
    }

    async fn read(
        &self,
        form: Form,
        packing: Packing,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<ReceivedSpans, Refusal> {
        let limit = self.max_bytes;
        let body = body::read(headers, body, limit).await?;
        let limits = limits_at(SystemTime::now());
        if body.len() <= IN_PLACE {
            return check(form, packing, &body, limit, &limits);
        }
        let check = move || check(form, packing, &body, limit, &limits);
        match tokio::task::spawn_blocking(check).await {
            Ok(spans) => spans,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn challenge(&self, response: &mut Response) {
        if let Ok(challenge) = HeaderValue::try_from(self.guard.challenge()) {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
    }

    fn tell(&self, code: &str, refusal: &Refusal) {
        if self.is_news(code) {
            tracing::warn!(code, reason = %refusal, "a request that sends traces was refused");
        }
    }

    fn tell_rejected(&self, rejected: &RejectedSpans) {
        if self.is_news("rejected") {
            let RejectedSpans {
                trace_id,
                span_id,
                time,
            } = rejected;
            tracing::warn!(trace_id, span_id, time, "received spans were left out");
        }
    }

    fn is_news(&self, reason: &str) -> bool {
        let trouble = self.trouble.lock();
        let mut trouble = trouble.unwrap_or_else(PoisonError::into_inner);
        trouble.is_news(reason, Instant::now())
    }
}

fn check(
    form: Form,
    packing: Packing,
    body: &Bytes,
    limit: usize,
    limits: &RequestLimits,
) -> Result<ReceivedSpans, Refusal> {
    let message = body::message(form, packing, body, limit)?;
    take_spans(message, limits).map_err(Refusal::Content)
}

fn limits_at(now: SystemTime) -> RequestLimits {
    let nanos = |time: Option<SystemTime>| {
        let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        UnixNanos(since.map_or(0, |since| since.as_nanos() as i64))
    };
    RequestLimits {
        n_spans: MAX_SPANS,
        n_parts: MAX_PARTS,
        earliest: nanos(now.checked_sub(MAX_AGE)),
        latest: nanos(now.checked_add(MAX_AHEAD)),
    }
}
