//! Answers that come in pieces, for fuzzing and its test: how they are cut must not matter.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::connect::Stream;
use super::super::{body, report};
use super::{Connection, Failure};

/// Longest body. Bytes.
const LIMIT: usize = 1 << 10;

/// A server that has said all it will, of which a read gets `step` bytes at most.
struct Pieces {
    bytes: io::Cursor<Vec<u8>>,
    step: usize,
}

/// What the bytes of a server mean as an answer: its parts, or what is wrong with it.
pub(crate) fn outcome(bytes: &[u8], step: usize) -> String {
    let pieces = Pieces {
        bytes: io::Cursor::new(bytes.to_vec()),
        step,
    };
    let mut connection = Connection::new(Stream::plain(pieces));
    // Such a server never lets one wait.
    let answer = connection.get(b"GET", LIMIT).now_or_never();
    match answer {
        Some(Ok(mut answer)) => {
            if !(200..300).contains(&answer.status) {
                answer.body = body::message(&answer.body).into();
            }
            format!("{answer:?}")
        }
        Some(Err(Failure::Silent(error) | Failure::Failed(error))) => report(&error),
        None => "waits".to_owned(),
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = vec![0; buf.remaining().min(self.step)];
        let n_read = io::Read::read(&mut self.bytes, &mut piece)?;
        buf.put_slice(piece.get(..n_read).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
