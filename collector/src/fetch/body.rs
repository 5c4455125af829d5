//! Reading a body of HTTP/2 within its bound, and undoing the compression of any within the same
//! bound.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use proto::compress::{CompressError, decompress};

use super::FetchError;
use super::http1::SHOWN_BYTES;

/// Room taken ahead on a server's word about the length. Bytes.
const TRUSTED_LENGTH: usize = 1 << 20;

/// Reads all of `body`, at most `limit` bytes of it.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, FetchError> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected > limit {
        return Err(FetchError::BodyTooLarge { limit });
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(FetchError::from_hyper)?.into_data() else {
            continue;
        };
        length += data.len();
        if length > limit {
            return Err(FetchError::BodyTooLarge { limit });
        }
        match first.take() {
            // A body in one piece, as small ones are, is not copied.
            None if rest.is_empty() => first = Some(data),
            Some(start) => {
                rest.reserve(expected.clamp(length, TRUSTED_LENGTH.max(length)));
                rest.extend_from_slice(&start);
                rest.extend_from_slice(&data);
            }
            None => rest.extend_from_slice(&data),
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}

/// Reads as much of an error's body as is worth showing.
pub(super) async fn read_start(mut body: Incoming) -> Bytes {
    let mut start = BytesMut::new();
    while start.len() < SHOWN_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        start.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
    }
    start.freeze()
}

/// The start of an error's body on one line without control characters.
pub(super) fn message(body: &[u8]) -> String {
    let start = body.get(..SHOWN_BYTES).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let words = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Undoes a `Content-Encoding`.
pub(super) fn decode(body: Bytes, encoding: &str, limit: usize) -> Result<Bytes, FetchError> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" | "zstd" => match decompress(&body, limit) {
            Ok(Cow::Owned(decoded)) => Ok(decoded.into()),
            Ok(Cow::Borrowed(_)) => Ok(body),
            Err(CompressError::LimitExceeded { limit }) => Err(FetchError::BodyTooLarge { limit }),
            Err(error) => Err(FetchError::Decode(error)),
        },
        other => Err(FetchError::Encoding {
            encoding: other.chars().take(64).collect(),
        }),
    }
}
