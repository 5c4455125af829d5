//! Connections that can be cut in the middle, in clear text or over TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::hostile_target::Identity;

/// Both sides of a connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Accepts connections.
pub(super) struct Lines {
    listener: TcpListener,
    identity: Option<Identity>,
}

/// A connection.
pub(super) struct Line {
    stream: Box<dyn Stream>,
    cut: Cut,
    is_cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Cuts a connection.
#[derive(Clone)]
pub(super) struct Cut(CancellationToken);

impl Cut {
    /// From now on nothing is read or written; the response stands for one that never leaves.
    pub(super) fn now(&self) -> Response {
        self.0.cancel();
        Response::new(Body::empty())
    }
}

impl Connected<IncomingStream<'_, Lines>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().cut.clone()
    }
}

impl Lines {
    pub(super) fn new(listener: TcpListener, identity: Option<Identity>) -> Self {
        Self { listener, identity }
    }

    /// The stream, after the handshake where there is one.
    async fn open(&self, stream: TcpStream) -> anyhow::Result<Box<dyn Stream>> {
        let Some(identity) = &self.identity else {
            return Ok(Box::new(stream));
        };
        let mut config = identity.server_config()?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Box::new(acceptor.accept(stream).await?))
    }
}

impl Listener for Lines {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // A failed handshake is the sender's business.
            if let Ok(stream) = self.open(stream).await {
                let cut = CancellationToken::new();
                let line = Line {
                    stream,
                    is_cut: Box::pin(cut.clone().cancelled_owned()),
                    cut: Cut(cut),
                };
                return (line, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Line {
    /// An error once the connection is cut; until then whoever waits is woken by it.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.is_cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
