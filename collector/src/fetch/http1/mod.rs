//! HTTP/1.1 as a scraper needs it: one GET, one whole answer, and the connection again.
//!
//! A scrape of a page that is known costs less in decoding than a general client spends on tasks
//! and channels around its connection. Here a request is one write, an answer usually one read, and
//! a body with a length is handed on where it was read.

mod chunked;
mod head;
pub(super) mod pieces;

use std::io;
use std::pin::Pin;
use std::task::{Context, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use self::chunked::{Chunks, Progress};
use self::head::{Framing, Head};
use super::FetchError;
use super::connect::Stream;

pub(super) use self::head::Malformed;

/// Longest head. Bytes.
const MAX_HEAD: usize = 64 << 10;
/// Room for an answer whose length nobody knows yet. Bytes.
const FIRST_READ: usize = 8 << 10;
/// Room taken ahead on a server's word about the length. Bytes.
const TRUSTED_LENGTH: usize = 1 << 20;
/// Read of the body of an error. Bytes.
pub(super) const SHOWN_BYTES: usize = 200;

/// An answer with as much of its body as is wanted: all of it with a status of 200…299, its start
/// with any other.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) content_encoding: String,
    pub(super) location: String,
    pub(super) body: Bytes,
}

/// A connection to one server.
pub(super) struct Connection {
    stream: Stream,
    /// Read and not yet used.
    buffer: BytesMut,
    /// Room for an answer like the one before. Bytes.
    room: usize,
    is_reusable: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not a byte came: the server may have closed the connection before it saw the request.
    Silent(FetchError),
    Failed(FetchError),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            room: FIRST_READ,
            is_reusable: true,
        }
    }

    /// Whether another request may be sent: the answer before was read to its end, and the server
    /// has neither closed nor said anything since.
    pub(super) fn is_reusable(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        self.is_reusable
            && Pin::new(&mut self.stream)
                .poll_read(&mut context, &mut ReadBuf::new(&mut byte))
                .is_pending()
    }

    /// Sends a request and reads its answer.
    pub(super) async fn get(&mut self, request: &[u8], limit: usize) -> Result<Answer, Failure> {
        self.is_reusable = false;
        let mut sent = self.stream.write_all(request).await;
        if sent.is_ok() {
            sent = self.stream.flush().await;
        }
        sent.map_err(|error| Failure::Silent(FetchError::from_io(error)))?;
        let head = self.read_head().await?;
        let body = match head.is_success() {
            true => self.read_body(head.framing, limit).await?,
            false => self.read_start(head.framing).await,
        };
        // What follows an answer unasked is not the next one's.
        self.is_reusable = head.is_persistent && body.is_whole && self.buffer.is_empty();
        // Thousands of idle connections keep no room.
        self.buffer = BytesMut::new();
        Ok(Answer {
            status: head.status,
            content_type: head.content_type,
            content_encoding: head.content_encoding,
            location: head.location,
            body: body.bytes,
        })
    }

    async fn read_head(&mut self) -> Result<Head, Failure> {
        let (mut is_silent, mut n_read) = (true, 0);
        loop {
            match Head::parse(&self.buffer).map_err(malformed)? {
                Some((head, length)) => {
                    n_read += length;
                    self.buffer.advance(length);
                    if !head.is_interim() {
                        return Ok(head);
                    }
                }
                None => {
                    if n_read + self.buffer.len() >= MAX_HEAD {
                        return Err(malformed(Malformed::LongHead(MAX_HEAD)).into());
                    }
                    let read = self.read(self.room).await;
                    match read {
                        Ok(n) if n > 0 => is_silent = false,
                        Ok(_) if is_silent => {
                            return Err(Failure::Silent(malformed(Malformed::Silent)));
                        }
                        Ok(_) => return Err(malformed(Malformed::Cut).into()),
                        Err(error) if is_silent => {
                            return Err(Failure::Silent(FetchError::from_io(error)));
                        }
                        Err(error) => return Err(FetchError::from_io(error).into()),
                    }
                }
            }
        }
    }

    /// All of a body, if it has no more than `limit` bytes.
    async fn read_body(&mut self, framing: Framing, limit: usize) -> Result<Body, FetchError> {
        let too_large = FetchError::BodyTooLarge { limit };
        let bytes = match framing {
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= limit => {
                    self.read_until(length).await?;
                    self.expect(length);
                    self.buffer.split_to(length).freeze()
                }
                _ => return Err(too_large),
            },
            Framing::Chunked => {
                let mut chunks = Chunks::new(limit);
                loop {
                    match chunks.take(&mut self.buffer).map_err(malformed)? {
                        Progress::Done(body) => {
                            self.expect(body.len());
                            break body;
                        }
                        Progress::TooLarge => return Err(too_large),
                        Progress::More => self.read_more(self.room).await?,
                    }
                }
            }
            Framing::Close => {
                let mut is_going_on = true;
                while is_going_on {
                    if self.buffer.len() > limit {
                        return Err(too_large);
                    }
                    let room = self.buffer.len().clamp(FIRST_READ, TRUSTED_LENGTH);
                    is_going_on = self.read(room).await.map_err(FetchError::from_io)? > 0;
                }
                self.buffer.split().freeze()
            }
        };
        Ok(Body {
            bytes,
            is_whole: true,
        })
    }

    /// The start of an error's body: as much as is worth showing, or what came before it broke.
    async fn read_start(&mut self, framing: Framing) -> Body {
        let length = match framing {
            Framing::Chunked => return self.read_first_chunks().await,
            Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Framing::Close => usize::MAX,
        };
        while self.buffer.len() < length.min(SHOWN_BYTES) && self.is_going_on().await {}
        let is_whole = self.buffer.len() >= length;
        let n_read = self.buffer.len().min(length);
        Body {
            bytes: self.buffer.split_to(n_read).freeze(),
            is_whole,
        }
    }

    async fn read_first_chunks(&mut self) -> Body {
        let mut chunks = Chunks::new(usize::MAX);
        loop {
            match chunks.take(&mut self.buffer) {
                Ok(Progress::Done(bytes)) => {
                    let is_whole = true;
                    return Body { bytes, is_whole };
                }
                Ok(Progress::More) if chunks.len() < SHOWN_BYTES && self.is_going_on().await => {}
                _ => break,
            }
        }
        Body {
            bytes: chunks.into_body(),
            is_whole: false,
        }
    }

    /// Reads more of what may end at any time.
    async fn is_going_on(&mut self) -> bool {
        self.read(FIRST_READ).await.is_ok_and(|n_read| n_read > 0)
    }

    /// The next answer will be about as long as this one's body: then one read takes it whole.
    fn expect(&mut self, length: usize) {
        self.room = (length + length / 16 + FIRST_READ).min(TRUSTED_LENGTH);
    }

    async fn read_until(&mut self, length: usize) -> Result<(), FetchError> {
        while self.buffer.len() < length {
            let missing = length - self.buffer.len();
            self.read_more(missing.min(TRUSTED_LENGTH)).await?;
        }
        Ok(())
    }

    async fn read_more(&mut self, room: usize) -> Result<(), FetchError> {
        match self.read(room).await {
            Ok(0) => Err(malformed(Malformed::Cut)),
            Ok(_) => Ok(()),
            Err(error) => Err(FetchError::from_io(error)),
        }
    }

    /// Reads what there is into the buffer, which has room for so much; 0 is the end.
    async fn read(&mut self, room: usize) -> io::Result<usize> {
        self.buffer.reserve(room);
        self.stream.read_buf(&mut self.buffer).await
    }
}

struct Body {
    bytes: Bytes,
    is_whole: bool,
}

fn malformed(error: Malformed) -> FetchError {
    FetchError::Http(Box::new(error))
}
