//! What an answer looks like in OTLP/HTTP and in gRPC.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_body_util::{BodyExt, Full};
use prost::Message;
use proto::otlp::received::RejectedSpans;

use super::refusal::Refusal;
use crate::otlp::Compression;
use crate::otlp::answer::{ExportResponse, PartialSuccess};
use crate::otlp::status::{Code, RpcStatus, retry_info};
use crate::otlp::transport::grpc;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Grpc,
    Http,
}

impl Form {
    /// By the content type; what says nothing of gRPC is HTTP.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match content_type(headers) {
            b"application/grpc" | b"application/grpc+proto" => Self::Grpc,
            _ => Self::Http,
        }
    }

    /// Its name in metrics.
    pub(super) fn transport(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }

    /// The answer to a request that was taken, and its code for metrics.
    pub(super) fn taken(self, rejected: &RejectedSpans) -> (Response, &'static str) {
        let partial_success = (rejected.total() > 0).then(|| PartialSuccess {
            n_rejected: i64::try_from(rejected.total()).unwrap_or(i64::MAX),
            message: told(rejected),
        });
        let message = ExportResponse { partial_success }.encode_to_vec();
        match self {
            Self::Http => {
                let headers = [(header::CONTENT_TYPE, PROTOBUF)];
                ((headers, message).into_response(), "200")
            }
            Self::Grpc => {
                let mut trailers = HeaderMap::new();
                trailers.insert(grpc::STATUS, HeaderValue::from_static("0"));
                let body = Full::new(grpc::frame(Compression::None, &message));
                let body = body.with_trailers(async { Some(Ok(trailers)) });
                let headers = [(header::CONTENT_TYPE, GRPC)];
                ((headers, Body::new(body)).into_response(), Code::Ok.name())
            }
        }
    }

    /// The answer to a request that was not taken, and its code for metrics.
    pub(super) fn refused(self, refusal: &Refusal) -> (Response, String) {
        let (status, code) = refusal.codes();
        match self {
            Self::Http => (
                http_refusal(refusal, status, code),
                status.as_str().to_owned(),
            ),
            Self::Grpc => (grpc_refusal(refusal, code), code.name().to_owned()),
        }
    }
}

/// The content type without its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.map(HeaderValue::as_bytes).unwrap_or_default();
    let bare = value.split(|byte| *byte == b';').next();
    bare.unwrap_or_default().trim_ascii()
}

/// Why spans were rejected, for people.
fn told(rejected: &RejectedSpans) -> String {
    let reasons = [
        (rejected.trace_id, "without a valid trace id"),
        (rejected.span_id, "without a valid span id"),
        (rejected.time, "that began in the future or too long ago"),
    ];
    let told = reasons.into_iter().filter(|(n_spans, _)| *n_spans > 0);
    let told: Vec<String> = told
        .map(|(n_spans, reason)| format!("{n_spans} {reason}"))
        .collect();
    format!("spans were left out: {}", told.join(", "))
}

fn http_refusal(refusal: &Refusal, status: StatusCode, code: Code) -> Response {
    let message = RpcStatus {
        code: code as i32,
        message: refusal.to_string(),
        ..RpcStatus::default()
    };
    let headers = [(header::CONTENT_TYPE, PROTOBUF)];
    let mut response = (status, headers, message.encode_to_vec()).into_response();
    if let Some(wait) = refusal.retry_after() {
        let seconds = HeaderValue::from(wait.as_secs());
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// A status without a message is in the headers ("Trailers-Only").
fn grpc_refusal(refusal: &Refusal, code: Code) -> Response {
    let mut response = Body::empty().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip,zstd"));
    headers.insert(grpc::STATUS, HeaderValue::from(code as i32));
    if let Ok(message) = HeaderValue::try_from(escaped(&refusal.to_string())) {
        headers.insert(grpc::MESSAGE, message);
    }
    let details = refusal.retry_after().map(retry_info);
    let details = details.map(|details| STANDARD_NO_PAD.encode(details));
    if let Some(Ok(details)) = details.map(HeaderValue::try_from) {
        headers.insert(grpc::DETAILS, details);
    }
    response
}

/// The text of a `grpc-message`, whose odd bytes are written `%XX`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
