//! OTLP over HTTP, with protobuf bodies.

use std::time::SystemTime;

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use hyper::http::request;

use super::super::answer::{self, Answer, PartialSuccess};
use super::encoding;
use crate::client::{self, BodyError, read_bounded};
use crate::otlp::Compression;

/// What the head of a request says besides.
pub(super) fn head(builder: request::Builder, compression: Compression) -> request::Builder {
    let builder = builder.header(CONTENT_TYPE, "application/x-protobuf");
    match encoding::name(compression) {
        Some(encoding) => builder.header(CONTENT_ENCODING, encoding),
        None => builder,
    }
}

/// What a response means. One that says success and then goes on for ever has said success.
pub(super) async fn read(response: Response<Incoming>) -> Answer {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| client::retry_after(value, SystemTime::now()));
    match read_bounded(response.into_body()).await {
        Ok(body) if status.is_success() => answer::success(&body.to_bytes()),
        Ok(body) => answer::http_failure(status.as_u16(), &body.to_bytes(), retry_after),
        Err(error @ BodyError::TooLong) if status.is_success() => {
            Answer::Accepted(PartialSuccess {
                message: error.to_string(),
                ..Default::default()
            })
        }
        Err(error) if status.is_success() => Answer::unanswered("disconnected", error.to_string()),
        Err(error) => {
            answer::http_failure(status.as_u16(), error.to_string().as_bytes(), retry_after)
        }
    }
}
