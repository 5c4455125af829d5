//! Entry points for fuzzing: whatever a receiver answers, or a sender sends, these return.

use std::time::{Duration, SystemTime};

use hyper::header::{HeaderMap, HeaderValue};

use super::answer::{self, Answer};
use super::intake;
use super::transport::grpc;
use crate::client;

/// Reads an HTTP answer: two bytes of status, one of the length of `Retry-After`, that header, and
/// the body. What is to be waited for can always be added up.
pub fn http_answer(bytes: &[u8]) {
    let [high, low, length, rest @ ..] = bytes else {
        return;
    };
    let (header, body) = split(rest, *length);
    let retry_after = std::str::from_utf8(header)
        .ok()
        .and_then(|value| client::retry_after(value, SystemTime::UNIX_EPOCH));
    let status = u16::from_be_bytes([*high, *low]);
    let _ = answer::success(body);
    check(answer::http_failure(status, body, retry_after));
}

/// Reads the headers of a gRPC answer: three bytes are the lengths of its status, message and
/// details, which follow; the rest is the body.
pub fn grpc_answer(bytes: &[u8]) {
    let [status, message, details, rest @ ..] = bytes else {
        return;
    };
    let mut headers = HeaderMap::new();
    let mut rest = rest;
    let lengths = [status, message, details];
    for (name, length) in grpc::HEADERS.into_iter().zip(lengths) {
        let (value, behind) = split(rest, *length);
        rest = behind;
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    if let Some(answer) = grpc::from_status(&headers, rest) {
        check(answer);
    }
}

/// The message of a gRPC request, if it is one.
pub fn grpc_request(bytes: &[u8]) -> Option<&[u8]> {
    let (_, message) = intake::read_grpc(bytes).ok()?;
    Some(message)
}

/// Reads the details of a gRPC status, which a header has in base64: no fuzzer comes far there.
pub fn grpc_details(bytes: &[u8]) {
    check(answer::grpc_failure(
        super::status::Code::ResourceExhausted,
        "",
        bytes,
    ));
}

fn check(answer: Answer) {
    let _ = answer.is_about_compression() || answer.may_be_about_compression();
    if let Answer::Retry { after, .. } = answer {
        let policy = client::RetryPolicy::default();
        let wait = client::Backoff::new(policy).wait(after, 0.99);
        assert!(wait <= Duration::from_secs(2 * 60 * 60), "{wait:?}");
    }
}

fn split(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    bytes
        .split_at_checked(usize::from(at))
        .unwrap_or((bytes, &[]))
}
