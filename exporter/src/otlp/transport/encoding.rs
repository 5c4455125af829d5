//! How requests are compressed: as configured, or less where the receiver cannot read that.

use bytes::Bytes;
use proto::compress;

use super::super::answer::Answer;
use crate::otlp::Compression;

/// Bodies up to this length are compressed where they are: handing them to another thread costs
/// more. Bytes.
const IN_PLACE: usize = 64 << 10;
/// The cheapest one: what is sent is read once.
const ZSTD_LEVEL: i32 = 1;

/// What is tried, and whether it works.
#[derive(Debug)]
pub(super) struct Encoding {
    configured: Compression,
    current: Compression,
    /// Whether the receiver has taken a request with the current one.
    is_proven: bool,
}

impl Encoding {
    pub(super) fn new(configured: Compression) -> Self {
        Self {
            configured,
            current: configured,
            is_proven: false,
        }
    }

    pub(super) fn current(&self) -> Compression {
        self.current
    }

    /// The receiver has taken a request. Returns the compression if it is news that it is another
    /// than the configured one.
    pub(super) fn accepted(&mut self) -> Option<Compression> {
        let is_news = !self.is_proven && self.current != self.configured;
        self.is_proven = true;
        is_news.then_some(self.current)
    }

    /// Whether a refusal may be due to the compression, so that the request is to be sent again
    /// with the one that is current now. Until a request was taken every refusal of something
    /// unreadable may be; when nothing helps it was not, and the configured one is back.
    pub(super) fn steps_down(&mut self, answer: &Answer) -> bool {
        let is_due =
            answer.is_about_compression() || (!self.is_proven && answer.may_be_about_compression());
        if !is_due {
            return false;
        }
        let less = self.current.fallback();
        self.current = less.unwrap_or(self.configured);
        self.is_proven = false;
        less.is_some()
    }
}

/// Compresses a body with `compression`, a long one off the runtime's threads; what cannot be
/// compressed stays plain. Returns what `frame` makes of the result.
pub(super) async fn encode<F>(
    compression: Compression,
    body: Bytes,
    frame: F,
) -> (Compression, Bytes)
where
    F: FnOnce(Compression, Bytes) -> Bytes + Send + 'static,
{
    let is_long = compression != Compression::None && body.len() > IN_PLACE;
    let encode = move || {
        let (compression, body) = compress(compression, body);
        (compression, frame(compression, body))
    };
    if !is_long {
        return encode();
    }
    match tokio::task::spawn_blocking(encode).await {
        Ok(encoded) => encoded,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn compress(compression: Compression, body: Bytes) -> (Compression, Bytes) {
    let compressed = match compression {
        Compression::None => None,
        Compression::Gzip => Some(compress::gzip_fast(&body)),
        Compression::Zstd => compress::zstd(&body, ZSTD_LEVEL).ok(),
    };
    match compressed {
        Some(compressed) => (compression, compressed.into()),
        None => (Compression::None, body),
    }
}

/// Its name in `Content-Encoding` and `grpc-encoding`.
pub(super) fn name(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Zstd => Some("zstd"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::answer::http_failure;

    fn refused(status: u16) -> Answer {
        http_failure(status, b"", None)
    }

    #[test]
    fn a_new_receiver_that_cannot_read_it_gets_less() {
        let mut encoding = Encoding::new(Compression::Zstd);
        assert!(encoding.steps_down(&refused(400)));
        assert_eq!(encoding.current(), Compression::Gzip);
        assert_eq!(encoding.accepted(), Some(Compression::Gzip));
        assert_eq!(encoding.accepted(), None, "said once");
        assert!(!encoding.steps_down(&refused(400)), "it can read gzip");
    }

    #[test]
    fn when_nothing_helps_it_was_not_the_compression() {
        let mut encoding = Encoding::new(Compression::Zstd);
        assert!(encoding.steps_down(&refused(400)));
        assert!(encoding.steps_down(&refused(400)));
        assert_eq!(encoding.current(), Compression::None);
        assert!(!encoding.steps_down(&refused(400)));
        assert_eq!(encoding.current(), Compression::Zstd);
    }

    #[test]
    fn other_refusals_change_nothing() {
        let mut encoding = Encoding::new(Compression::Zstd);
        assert!(!encoding.steps_down(&refused(401)));
        assert!(!encoding.steps_down(&refused(404)));
        assert_eq!(encoding.accepted(), None);
        assert!(!encoding.steps_down(&refused(400)), "it was taken before");
        assert!(encoding.steps_down(&refused(415)), "but this is plain");
    }
}
