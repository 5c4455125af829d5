//! Reading a response's body, as much of it as is allowed.

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use hyper::body::Body;

/// Longest body that is read. An answer is a few bytes, or an error's text.
const MAX_BYTES: usize = 64 << 10;

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is longer than is allowed.
    #[error("the answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The connection broke.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

/// The whole body with its trailers.
pub(crate) async fn read_bounded<B>(body: B) -> Result<Collected<Bytes>, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, MAX_BYTES).collect().await;
    collected.map_err(|error| match error.is::<LengthLimitError>() {
        true => BodyError::TooLong,
        false => BodyError::Broken(storage::ErrorChain(&*error).to_string()),
    })
}
