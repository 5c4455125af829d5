//! What every request passes: the host that it names, authentication, a time limit, counting.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::host::Hosts;
use crate::auth::Guard;

/// Longest time for an answer. Profiles take the time they are asked for on top of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Paths that tell nothing but that we run: a kubelet's probe carries no credentials.
const OPEN_PATHS: [&str; 2] = ["/-/healthy", "/-/ready"];

/// What the guard needs, shared by all requests.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) guard: Arc<Guard>,
    pub(super) hosts: Arc<Hosts>,
    pub(super) metrics: WebMetrics,
}

/// Metrics of our own endpoints.
#[derive(Clone)]
pub(super) struct WebMetrics {
    /// Answers by status code.
    answers: IntCounterVec,
    /// Connections closed at once because too many were open.
    pub(super) refused: IntCounter,
    /// TLS handshakes that failed.
    pub(super) tls_failures: IntCounter,
}

impl WebMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// The registry has them already.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let answers = IntCounterVec::new(
            Opts::new(
                "leadsman_http_responses_total",
                "Answers of our own endpoints.",
            ),
            &["code"],
        )?;
        let refused = IntCounter::new(
            "leadsman_http_connections_refused_total",
            "Connections to our own endpoints closed at once because too many were open.",
        )?;
        let tls_failures = IntCounter::new(
            "leadsman_http_tls_failures_total",
            "TLS handshakes with our own endpoints that failed.",
        )?;
        registry.register(Box::new(answers.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        registry.register(Box::new(tls_failures.clone()))?;
        Ok(Self {
            answers,
            refused,
            tls_failures,
        })
    }
}

/// The middleware.
pub(super) async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let response = admit(&gate, request, next).await;
    gate.metrics
        .answers
        .with_label_values(&[response.status().as_str()])
        .inc();
    response
}

async fn admit(gate: &Gate, request: Request, next: Next) -> Response {
    if let Some(host) = gate.hosts.refused(&request) {
        return misdirected(&host);
    }
    let path = request.uri().path();
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    if !OPEN_PATHS.contains(&path) && !gate.guard.admits(authorization) {
        return challenge(&gate.guard);
    }
    let limit = ANSWER_TIMEOUT + super::pprof::requested_time(request.uri());
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the answer took too long\n",
        )
            .into_response(),
    }
}

fn misdirected(host: &str) -> Response {
    let message = format!(
        "this leadsman is not asked by the name {host:?}: use its address or localhost, or set \
         web.external_url to the name that it has for browsers\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

fn challenge(guard: &Guard) -> Response {
    let body = "credentials are needed\n";
    let mut response = (StatusCode::UNAUTHORIZED, body).into_response();
    if let Ok(challenge) = HeaderValue::try_from(guard.challenge()) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
