//! What a receiver's answer means, by the OTLP specification ("Failures", "Throttling").
//!
//! Pure: status codes and details in, a decision out.

use std::borrow::Cow;
use std::time::Duration;

use prost::Message;

use super::status::{Code, RpcStatus, retry_delay};

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// Taken; some items may have been rejected for good, or there is a warning.
    Accepted(PartialSuccess),
    /// Not now: the same request is to be sent again.
    Retry {
        /// Short name for a metric's label.
        reason: Cow<'static, str>,
        /// For people.
        detail: String,
        /// How long the receiver asks to wait at least.
        after: Option<Duration>,
    },
    /// The receiver finds the message too long: its items are to be sent in shorter ones.
    TooLong {
        /// Short name for a metric's label.
        reason: Cow<'static, str>,
        /// For people.
        detail: String,
    },
    /// Never: the request must not be sent again.
    Refused {
        /// Short name for a metric's label.
        reason: Cow<'static, str>,
        /// For people.
        detail: String,
    },
}

impl Answer {
    /// A failure without a receiver's word: no connection, a broken one, a timeout. The
    /// specification has the request sent again.
    pub(super) fn unanswered(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            detail: detail.into(),
            after: None,
        }
    }

    /// Whether a refusal is about how the request is compressed, not about what is in it: 415, or
    /// UNIMPLEMENTED or 400 with a text that says so (gRPC's compression document has servers
    /// answer UNIMPLEMENTED; some HTTP receivers answer 400).
    pub(super) fn is_about_compression(&self) -> bool {
        match self {
            Self::Refused { reason, detail } => match reason.as_ref() {
                "http_415" => true,
                "http_400" | "unimplemented" => says(detail, &["compress", "encoding"]),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a receiver that took the compressed bytes for the message itself may answer so.
    pub(super) fn may_be_about_compression(&self) -> bool {
        const UNREADABLE: [&str; 8] = [
            "http_400",
            "http_415",
            "http_422",
            "http_500",
            "invalid_argument",
            "internal",
            "unimplemented",
            "unknown",
        ];
        matches!(self, Self::Refused { reason, .. } if UNREADABLE.contains(&reason.as_ref()))
    }

    /// The same with another text for people.
    pub(super) fn with_detail(mut self, change: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Accepted(partial) => partial.message = change(&partial.message),
            Self::Retry { detail, .. }
            | Self::TooLong { detail, .. }
            | Self::Refused { detail, .. } => *detail = change(detail),
        }
        self
    }
}

/// Whether a text has any of these words.
fn says(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// Whether a text says that a message is too long, as the servers of Go, C++, Java, .NET and Rust
/// word it.
fn says_too_long(text: &str) -> bool {
    says(text, &["message", "body", "payload"])
        && says(
            text,
            &["too large", "larger than", "exceeds max", "exceeds the max"],
        )
}

/// `partial_success` of a response.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PartialSuccess {
    /// Number of rejected data points, profiles or spans.
    #[prost(int64, tag = "1")]
    pub(super) n_rejected: i64,
    /// Why, or a warning.
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

/// `Export*ServiceResponse`: the same on the wire for every signal.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExportResponse {
    /// What was left out, if anything was.
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// A successful response. A body that is not the message the specification asks for (some
/// receivers answer with nothing, or with JSON) says nothing of a partial success.
pub(super) fn success(body: &[u8]) -> Answer {
    let response = ExportResponse::decode(body).unwrap_or_default();
    Answer::Accepted(response.partial_success.unwrap_or_default())
}

/// An HTTP status that is not a success. `retry_after` is the header's wait.
pub(super) fn http_failure(status: u16, body: &[u8], retry_after: Option<Duration>) -> Answer {
    let reason = Cow::Owned(format!("http_{status}"));
    let detail = http_detail(body);
    match status {
        429 | 502 | 503 | 504 => Answer::Retry {
            reason,
            detail,
            after: retry_after,
        },
        413 => Answer::TooLong { reason, detail },
        400 if says_too_long(&detail) => Answer::TooLong { reason, detail },
        _ => Answer::Refused { reason, detail },
    }
}

/// The message of a `Status`, or the text that came instead of it.
fn http_detail(body: &[u8]) -> String {
    match RpcStatus::decode(body) {
        Ok(status) if !status.message.is_empty() => status.message,
        _ => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

/// A gRPC status that the receiver sent, with its `grpc-status-details-bin`.
pub(super) fn grpc_failure(code: Code, message: &str, details: &[u8]) -> Answer {
    let after = retry_delay(details);
    let reason = Cow::Borrowed(code.name());
    let detail = message.to_owned();
    match code {
        Code::ResourceExhausted | Code::OutOfRange if says_too_long(&detail) => {
            Answer::TooLong { reason, detail }
        }
        Code::ResourceExhausted if after.is_none() => Answer::Refused { reason, detail },
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Answer::Retry {
            reason,
            detail,
            after,
        },
        _ => Answer::Refused { reason, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::retry_info;
    use super::*;

    fn is_retried(answer: &Answer) -> bool {
        matches!(answer, Answer::Retry { .. })
    }

    #[test]
    fn grpc_codes_are_retried_as_the_specification_lists_them() {
        let retried: Vec<usize> = (1..=16)
            .filter(|code| is_retried(&grpc_failure(Code::from_number(*code), "", &[])))
            .collect();
        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
        assert_eq!(retried, [1, 4, 10, 11, 14, 15]);
    }

    #[test]
    fn resource_exhausted_is_retried_only_with_retry_info() {
        let delay = Duration::from_millis(1500);
        let answer = grpc_failure(Code::ResourceExhausted, "full", &retry_info(delay));
        let after = Some(delay);
        let (reason, detail) = ("resource_exhausted".into(), "full".to_owned());
        assert_eq!(
            answer,
            Answer::Retry {
                reason,
                detail,
                after
            }
        );
        assert!(!is_retried(&grpc_failure(
            Code::ResourceExhausted,
            "full",
            &[]
        )));
    }

    #[test]
    fn http_codes_are_retried_as_the_specification_lists_them() {
        let retried: Vec<u16> = (300..600)
            .filter(|status| is_retried(&http_failure(*status, &[], None)))
            .collect();
        assert_eq!(retried, [429, 502, 503, 504]);
    }

    #[test]
    fn a_message_too_long_is_told_from_other_refusals() {
        let check = |answer: Answer, expected| {
            let is_too_long = matches!(answer, Answer::TooLong { .. });
            assert_eq!(is_too_long, expected, "{answer:?}");
        };
        let exhausted = |message| grpc_failure(Code::ResourceExhausted, message, &[]);
        check(http_failure(413, &[], None), true);
        check(
            http_failure(400, b"http: request body too large", None),
            true,
        );
        check(http_failure(400, b"bad message", None), false);
        check(
            exhausted("grpc: received message larger than max (9 vs. 4)"),
            true,
        );
        check(
            exhausted("gRPC message exceeds maximum size 4194304: 5000000"),
            true,
        );
        check(
            exhausted("Received message exceeds the maximum configured message size."),
            true,
        );
        check(exhausted("ingestion rate limit exceeded"), false);
        let message =
            "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes";
        check(grpc_failure(Code::OutOfRange, message, &[]), true);
        check(grpc_failure(Code::OutOfRange, "", &[]), false);
    }

    #[test]
    fn a_refused_compression_is_told_from_refused_data() {
        let check = |answer: Answer, expected| {
            assert_eq!(answer.is_about_compression(), expected, "{answer:?}");
        };
        check(http_failure(415, &[], None), true);
        check(
            http_failure(400, b"unsupported Content-Encoding: zstd", None),
            true,
        );
        check(http_failure(400, b"bad data point", None), false);
        let message = "Content is compressed with `zstd` which isn't supported";
        check(grpc_failure(Code::Unimplemented, message, &[]), true);
        check(
            grpc_failure(Code::Unimplemented, "unknown service", &[]),
            false,
        );
        check(grpc_failure(Code::Unavailable, message, &[]), false);
    }

    #[test]
    fn the_detail_is_the_status_message_or_the_text() {
        let status = RpcStatus {
            message: "bad point".to_owned(),
            ..Default::default()
        };
        assert_eq!(http_detail(&status.encode_to_vec()), "bad point");
        assert_eq!(http_detail(b"not protobuf\n"), "not protobuf");
    }

    #[test]
    fn partial_success_is_read_and_an_odd_body_is_none() {
        let partial = PartialSuccess {
            n_rejected: 3,
            message: "too old".to_owned(),
        };
        let response = ExportResponse {
            partial_success: Some(partial.clone()),
        };
        assert_eq!(
            success(&response.encode_to_vec()),
            Answer::Accepted(partial)
        );
        for body in [&b""[..], b"{}", b"OK"] {
            assert_eq!(success(body), Answer::Accepted(PartialSuccess::default()));
        }
    }
}
