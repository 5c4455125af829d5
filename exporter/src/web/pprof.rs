//! Profiles of ourselves, in the shape that Go's `net/http/pprof` made customary.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use proto::profile::Profile;

use super::App;
use super::routes::query_value;

/// Longest CPU profile that is taken, seconds.
pub(super) const MAX_PROFILE_SECONDS: u64 = 300;

/// Length of a CPU profile when none is asked for, seconds (as in Go).
const DEFAULT_PROFILE_SECONDS: u64 = 30;

const PROFILE_PATH: &str = "/debug/pprof/profile";

/// A profile on its way.
pub type ProfileFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Profile, SelfProfileError>> + Send + 'a>>;

/// Takes profiles of this process.
pub trait SelfProfiler: Send + Sync {
    /// A CPU profile of the time from now on.
    fn cpu(&self, duration: Duration) -> ProfileFuture<'_>;

    /// What is allocated now, by allocating stack.
    fn heap(&self) -> ProfileFuture<'_>;
}

/// Why there is no profile of ourselves.
#[derive(Debug, thiserror::Error)]
pub enum SelfProfileError {
    /// A CPU profile is being taken; there is one timer for the process.
    #[error("another CPU profile is being taken")]
    Busy,
    /// This build or system cannot take it.
    #[error("not available: {reason}")]
    Unavailable {
        /// Why.
        reason: &'static str,
    },
    /// It went wrong.
    #[error("failed to take the profile")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// `GET /debug/pprof/profile?seconds=N`.
pub(super) async fn cpu(State(app): State<App>, uri: Uri) -> Response {
    match requested_seconds(&uri) {
        Some(seconds) => answer(app.profiler.cpu(Duration::from_secs(seconds)).await),
        None => {
            let message = format!("seconds must be a number from 1 to {MAX_PROFILE_SECONDS}\n");
            (StatusCode::BAD_REQUEST, message).into_response()
        }
    }
}

/// `GET /debug/pprof/heap`.
pub(super) async fn heap(State(app): State<App>) -> Response {
    answer(app.profiler.heap().await)
}

/// The time an answer to `uri` takes because it was asked to.
pub(super) fn requested_time(uri: &Uri) -> Duration {
    if uri.path() != PROFILE_PATH {
        return Duration::ZERO;
    }
    Duration::from_secs(requested_seconds(uri).unwrap_or(0))
}

fn requested_seconds(uri: &Uri) -> Option<u64> {
    let Some(text) = query_value(uri, "seconds") else {
        return Some(DEFAULT_PROFILE_SECONDS);
    };
    text.parse()
        .ok()
        .filter(|seconds| (1..=MAX_PROFILE_SECONDS).contains(seconds))
}

fn answer(profile: Result<Profile, SelfProfileError>) -> Response {
    match profile {
        Ok(profile) => {
            let body = proto::compress::gzip(&proto::pprof::encode(&profile));
            let mut response = body.into_response();
            let headers = response.headers_mut();
            let octets = HeaderValue::from_static("application/octet-stream");
            headers.insert(header::CONTENT_TYPE, octets);
            headers.insert(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            );
            response
        }
        Err(error) => {
            let status = match &error {
                SelfProfileError::Busy => StatusCode::CONFLICT,
                SelfProfileError::Unavailable { .. } => StatusCode::NOT_FOUND,
                SelfProfileError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let source = std::error::Error::source(&error);
            let cause = source.map(|cause| format!(": {cause}")).unwrap_or_default();
            (status, format!("{error}{cause}\n")).into_response()
        }
    }
}
