//! OTLP over gRPC: a unary call is a POST over HTTP/2 with a prefix before the message and a
//! status behind the answer (gRPC over HTTP2, PROTOCOL-HTTP2.md).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, TE};
use hyper::http::request;
use hyper::{Response, StatusCode};

use super::super::answer::{self, Answer};
use super::super::status::Code;
use super::encoding;
use crate::client::read_bounded;
use crate::otlp::Compression;

pub(in crate::otlp) const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
pub(in crate::otlp) const STATUS: &str = "grpc-status";
pub(in crate::otlp) const MESSAGE: &str = "grpc-message";
pub(in crate::otlp) const DETAILS: &str = "grpc-status-details-bin";

/// The headers of an answer that are read.
pub(in crate::otlp) const HEADERS: [&str; 3] = [STATUS, MESSAGE, DETAILS];

/// A flag (is it compressed?) and the length, before each message.
pub(in crate::otlp) const PREFIX_LEN: usize = 5;

/// What the head of a request says besides.
pub(super) fn head(
    builder: request::Builder,
    compression: Compression,
    timeout: Duration,
) -> request::Builder {
    let builder = builder
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header(TIMEOUT, format!("{}m", timeout.as_millis().min(99_999_999)));
    match encoding::name(compression) {
        Some(encoding) => builder.header(ENCODING, encoding),
        None => builder,
    }
}

/// A message with its prefix.
pub(in crate::otlp) fn frame(compression: Compression, message: &[u8]) -> Bytes {
    let mut framed = Vec::with_capacity(PREFIX_LEN + message.len());
    framed.push(u8::from(compression != Compression::None));
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    framed.into()
}

/// What a response means. The status is in the trailers, or in the head where there is no body.
pub(super) async fn read(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    if let Some(answer) = from_status(&head.headers, &[]) {
        return answer;
    }
    let body = read_bounded(body).await;
    if head.status != StatusCode::OK {
        // Not gRPC at all, such as a proxy's own error. Their meaning is the same for us.
        let body = body.map(http_body_util::Collected::to_bytes);
        return answer::http_failure(head.status.as_u16(), &body.unwrap_or_default(), None);
    }
    match body {
        Ok(body) => {
            let trailers = body.trailers().cloned().unwrap_or_default();
            from_status(&trailers, &body.to_bytes())
                .unwrap_or_else(|| Answer::unanswered("no_status", "the answer has no grpc-status"))
        }
        Err(error) => Answer::unanswered("disconnected", error.to_string()),
    }
}

/// The answer that a status in these headers is, with the body before it.
pub(in crate::otlp) fn from_status(headers: &HeaderMap, body: &[u8]) -> Option<Answer> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let number = text(STATUS)?.parse().unwrap_or(usize::MAX);
    let code = Code::from_number(number);
    if code == Code::Ok {
        return Some(answer::success(message(body).unwrap_or_default()));
    }
    let details = text(DETAILS).map(|details| details.trim_end_matches('='));
    let details = details.and_then(|details| STANDARD_NO_PAD.decode(details).ok());
    let message = headers.get(MESSAGE).map(|text| unescaped(text.as_bytes()));
    Some(answer::grpc_failure(
        code,
        &message.unwrap_or_default(),
        &details.unwrap_or_default(),
    ))
}

/// The message of a body; none if it is compressed, which we did not ask for.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = body.split_first_chunk::<PREFIX_LEN>()?;
    let [0, length @ ..] = *prefix else {
        return None;
    };
    message.get(..u32::from_be_bytes(length) as usize)
}

/// The text of a `grpc-message`, whose odd bytes are written `%XX`.
fn unescaped(escaped: &[u8]) -> String {
    let mut text = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let [first, tail @ ..] = rest {
        let code = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match code {
            Some((high, low)) => text.push(high << 4 | low),
            None => text.push(*first),
        }
        rest = tail
            .get(if code.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_and_read_back() {
        for compression in [Compression::None, Compression::Zstd] {
            let framed = frame(compression, b"abc");
            let flag = u8::from(compression == Compression::Zstd);
            assert_eq!(&framed[..], [flag, 0, 0, 0, 3, b'a', b'b', b'c']);
        }
        assert_eq!(
            message(&frame(Compression::None, b"abc")),
            Some(&b"abc"[..])
        );
        assert_eq!(message(&frame(Compression::Gzip, b"abc")), None);
        assert_eq!(message(b"\0\0\0\0\x09abc"), None);
        assert_eq!(message(b""), None);
    }

    #[test]
    fn a_message_is_unescaped_and_what_is_no_escape_stays() {
        assert_eq!(unescaped(b"f%C3%BCr 100%25"), "für 100%");
        assert_eq!(unescaped(b"100% %4 %zz"), "100% %4 %zz");
    }

    #[test]
    fn a_status_is_read_with_its_details() {
        let details = crate::otlp::status::retry_info(Duration::from_secs(7));
        for padding in ["", "="] {
            let mut headers = HeaderMap::new();
            headers.insert(STATUS, "14".parse().unwrap());
            headers.insert(MESSAGE, "later%0A".parse().unwrap());
            let encoded = STANDARD_NO_PAD.encode(&details) + padding;
            headers.insert(DETAILS, encoded.parse().unwrap());
            let expected = Answer::Retry {
                reason: "unavailable".into(),
                detail: "later\n".to_owned(),
                after: Some(Duration::from_secs(7)),
            };
            assert_eq!(from_status(&headers, &[]), Some(expected));
        }
        assert_eq!(from_status(&HeaderMap::new(), &[]), None);
    }
}
