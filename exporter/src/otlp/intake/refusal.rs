//! Why a request is not taken, and the codes that say so (OTLP specification, "Failures").

use std::time::Duration;

use axum::http::StatusCode;
use proto::compress::CompressError;
use proto::otlp::received::RequestError;

use super::body::MessageError;
use crate::otlp::status::Code;

/// When a request that was not taken for want of room may come again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a request is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("credentials are needed")]
    Unauthenticated,
    #[error(
        "nothing is here: traces are taken with POST at /v1/traces, and by the gRPC method \
         opentelemetry.proto.collector.trace.v1.TraceService/Export; other signals are not"
    )]
    Nowhere,
    #[error("only POST is answered here")]
    Method,
    #[error("the content type is not application/x-protobuf: OTLP/JSON is not read")]
    ContentType,
    #[error("the encoding {0:?} is not known: gzip, zstd and identity are")]
    Encoding(String),
    #[error("the request is longer than {0} bytes: send fewer spans at once")]
    TooLong(usize),
    #[error("the request did not come within {0} s")]
    TooSlow(u64),
    #[error("the request broke off")]
    Broken,
    #[error("{0}")]
    Frame(#[from] MessageError),
    #[error("{0}")]
    Compression(CompressError),
    #[error("{0}")]
    Content(RequestError),
    #[error("too many requests at once: try again")]
    Busy,
    #[error("the log takes nothing at the moment: try again")]
    LogRefuses,
}

impl Refusal {
    /// What HTTP and gRPC call it.
    pub(super) fn codes(&self) -> (StatusCode, Code) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
            Self::Nowhere => (StatusCode::NOT_FOUND, Code::Unimplemented),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented),
            Self::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument),
            // gRPC's compression document: UNIMPLEMENTED for an encoding that is not known.
            Self::Encoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Unimplemented),
            Self::TooLong(_)
            | Self::Compression(CompressError::LimitExceeded { .. })
            | Self::Content(RequestError::TooManySpans(_) | RequestError::TooManyParts(_)) => {
                (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted)
            }
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
            Self::Broken => (StatusCode::BAD_REQUEST, Code::Cancelled),
            Self::Frame(_) | Self::Compression(_) | Self::Content(_) => {
                (StatusCode::BAD_REQUEST, Code::InvalidArgument)
            }
            Self::Busy | Self::LogRefuses => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        }
    }

    /// When the same request may come again; `None` if it is not to.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Busy | Self::LogRefuses).then_some(RETRY_AFTER)
    }
}
