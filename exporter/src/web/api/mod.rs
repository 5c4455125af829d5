//! The JSON API that the pages use: what is common to its paths.
//!
//! An error is `{"error": "…"}` with a sentence that says what to do about it.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod findings;
pub(super) mod params;
mod points;
pub(super) mod profiles;
mod series;
#[cfg(test)]
mod stored_tests;
mod tables;
pub(super) mod time;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use storage::ErrorChain;
use storage::archive::{ArchiveError, RecallError};

use super::App;
use super::metrics_page::takes_gzip;
use super::questions::AskError;

pub use tables::StoredTables;

/// What is asked but profiles.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/series", get(series::get))
        .route("/api/v1/signals", get(signals))
        .route("/api/v1/findings", get(findings::get))
        .route("/api/v1/archive", get(tables::get))
}

/// The catalogue, with what the configuration changed of it.
async fn signals(State(app): State<App>, headers: HeaderMap) -> Response {
    app.signals.answer(&headers)
}

/// Smaller answers are not worth the time of compressing them. Bytes.
const MIN_GZIP_BYTES: usize = 1 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// For people.
    pub(super) message: String,
}

impl ApiError {
    /// The request cannot be meant so.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
        }
    }

    /// Nothing of what was asked for is there.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: message.into(),
        }
    }
}

impl ApiError {
    /// The archive cannot be read.
    fn unreadable(error: &ArchiveError) -> Self {
        tracing::warn!(error = %ErrorChain(error), "failed to read the archive for an answer");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: ErrorChain(error).to_string(),
        }
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        let status = match &error {
            AskError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            AskError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            AskError::Recall(error) => status_of(error),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::warn!(error = %ErrorChain(&error), "failed to read the archive for an answer");
        }
        Self {
            status,
            message: ErrorChain(&error).to_string(),
        }
    }
}

impl From<RecallError> for ApiError {
    fn from(error: RecallError) -> Self {
        AskError::from(error).into()
    }
}

fn status_of(error: &RecallError) -> StatusCode {
    match error {
        RecallError::Merge(_)
        | RecallError::Kinds { .. }
        | RecallError::TooManySeries { .. }
        | RecallError::TooManyPoints { .. }
        | RecallError::TooManyFindings { .. }
        | RecallError::TooMuchMemory { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        RecallError::Changing { .. } | RecallError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"error": self.message}).to_string();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Texts from outside are in it: it is never to be taken for markup.
pub(super) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// A body on its way, compressed if the client takes it.
pub(super) struct Body {
    bytes: Vec<u8>,
    content_type: HeaderValue,
    is_gzip: bool,
}

impl Body {
    /// Writes JSON. Takes a while for a large value: not for the thread that takes soundings.
    pub(super) fn json(value: &impl Serialize, takes_gzip: TakesGzip) -> Result<Self, ApiError> {
        let bytes = serde_json::to_vec(value).map_err(|error| ApiError {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: format!("failed to write the answer as JSON: {error}"),
        })?;
        Ok(Self::new(bytes, JSON, takes_gzip))
    }

    /// Bytes of a type.
    pub(super) fn new(
        mut bytes: Vec<u8>,
        content_type: HeaderValue,
        TakesGzip(takes_gzip): TakesGzip,
    ) -> Self {
        let is_gzip = takes_gzip && bytes.len() >= MIN_GZIP_BYTES;
        if is_gzip {
            bytes = proto::compress::gzip_fast(&bytes);
        }
        Self {
            bytes,
            content_type,
            is_gzip,
        }
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        let mut response = self.bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if self.is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// Whether a client takes gzip.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakesGzip(pub(super) bool);

impl From<&HeaderMap> for TakesGzip {
    fn from(headers: &HeaderMap) -> Self {
        Self(takes_gzip(headers))
    }
}
