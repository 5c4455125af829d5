//! The body of a request, read within bounds, and the message in it.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use proto::compress;

use super::refusal::Refusal;
use super::reply::Form;
use crate::otlp::transport::grpc;

/// Longest time for a body: half of what senders give an answer by default.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the body of a gRPC request is not one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::otlp) enum MessageError {
    /// It is shorter than the prefix of a message, or than the prefix says.
    #[error("the gRPC message is cut short")]
    CutShort,
    /// There is more behind the message.
    #[error("more than one gRPC message: the method takes one")]
    Several,
    /// The flag before it is neither 0 nor 1.
    #[error("the flag before the gRPC message is neither 0 nor 1")]
    Flag,
    /// It is compressed, and nothing says how.
    #[error("the gRPC message is compressed, and no grpc-encoding says how")]
    NoEncoding,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Packed,
}

/// How the headers say that the message is compressed.
pub(super) fn packing(form: Form, headers: &HeaderMap) -> Result<Packing, Refusal> {
    let name = match form {
        Form::Grpc => grpc::ENCODING,
        Form::Http => header::CONTENT_ENCODING,
    };
    match headers.get(name).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity" | b"none") => Ok(Packing::Plain),
        Some(b"gzip" | b"zstd") => Ok(Packing::Packed),
        Some(other) => {
            let other = String::from_utf8_lossy(other).chars().take(40).collect();
            Err(Refusal::Encoding(other))
        }
    }
}

/// Reads a body of at most `limit` bytes, the prefix of a gRPC message not counted.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let most = limit.saturating_add(grpc::PREFIX_LEN);
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(Refusal::TooLong(limit));
    }
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLong(limit)),
        Ok(Err(_)) => Err(Refusal::Broken),
        Err(_) => Err(Refusal::TooSlow(BODY_TIMEOUT.as_secs())),
    }
}

/// The message of a body, decompressed: at most `limit` bytes.
pub(super) fn message(
    form: Form,
    packing: Packing,
    body: &Bytes,
    limit: usize,
) -> Result<Vec<u8>, Refusal> {
    let (is_packed, message) = match form {
        Form::Http => (packing == Packing::Packed, &**body),
        Form::Grpc => read_grpc(body)?,
    };
    if !is_packed {
        return match message.len() > limit {
            true => Err(Refusal::TooLong(limit)),
            false => Ok(message.to_vec()),
        };
    }
    if packing == Packing::Plain {
        return Err(MessageError::NoEncoding.into());
    }
    let plain = compress::decompress(message, limit).map_err(Refusal::Compression)?;
    Ok(plain.into_owned())
}

/// The one message of a gRPC body, and whether it is compressed (gRPC over HTTP2,
/// "Length-Prefixed-Message").
///
/// # Errors
/// The body is not exactly one message.
pub(in crate::otlp) fn read_grpc(body: &[u8]) -> Result<(bool, &[u8]), MessageError> {
    let (prefix, message) = body
        .split_first_chunk::<{ grpc::PREFIX_LEN }>()
        .ok_or(MessageError::CutShort)?;
    let [flag, length @ ..] = *prefix;
    let length = u32::from_be_bytes(length) as usize;
    match message.len() {
        actual if actual < length => Err(MessageError::CutShort),
        actual if actual > length => Err(MessageError::Several),
        _ => match flag {
            0 => Ok((false, message)),
            1 => Ok((true, message)),
            _ => Err(MessageError::Flag),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Compression;

    #[test]
    fn a_grpc_body_is_one_message() {
        let framed = grpc::frame(Compression::None, b"abc");
        assert_eq!(read_grpc(&framed), Ok((false, &b"abc"[..])));
        let framed = grpc::frame(Compression::Gzip, b"");
        assert_eq!(read_grpc(&framed), Ok((true, &b""[..])));
        assert_eq!(read_grpc(b"\0\0\0\0"), Err(MessageError::CutShort));
        assert_eq!(read_grpc(b"\0\0\0\0\x02a"), Err(MessageError::CutShort));
        assert_eq!(read_grpc(b"\0\0\0\0\x01ab"), Err(MessageError::Several));
        assert_eq!(read_grpc(b"\x02\0\0\0\0"), Err(MessageError::Flag));
    }
}
