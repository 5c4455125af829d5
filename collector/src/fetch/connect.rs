//! Connections: TCP, TLS over it, unix sockets.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use exporter::tls::ClientTls;
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::kept::HasAnswered;
use super::request::unhex;

/// Longest wait for one of several addresses of a name before the next one is tried.
const ONE_ADDRESS_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no connection. Cheap to clone, as it has to come out of a shared error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URI has no host, or the socket's path is not one.
    #[error("no address to connect to")]
    NoAddress,
    /// The name has no address.
    #[error("failed to resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Nothing listens there, or it cannot be reached.
    #[error("{address}")]
    Open {
        /// Address or path.
        address: String,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The TLS handshake failed.
    #[error("tls handshake with {address} failed")]
    Handshake {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
}

impl ConnectError {
    /// A short name for a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoAddress => "invalid_url",
            Self::Resolve { .. } => "dns",
            Self::Handshake { .. } => "tls",
            Self::Open { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => "connection_refused",
                io::ErrorKind::NotFound => "no_socket",
                io::ErrorKind::PermissionDenied => "permission_denied",
                io::ErrorKind::TimedOut => "timeout",
                _ => "connect",
            },
        }
    }
}

/// Connects by a URI's scheme; the TLS configuration is the one of its pool.
#[derive(Clone)]
pub(super) struct Connector {
    tls: Arc<ClientTls>,
    config: Arc<ClientConfig>,
}

impl Connector {
    pub(super) fn new(tls: Arc<ClientTls>, config: Arc<ClientConfig>) -> Self {
        Self { tls, config }
    }

    async fn connect(self, uri: Uri) -> Result<Stream, ConnectError> {
        let host = uri.host().ok_or(ConnectError::NoAddress)?;
        match uri.scheme_str() {
            Some("unix") => open_unix(host).await.map(Stream::plain),
            Some("https") => {
                let tcp = open_tcp(host, uri.port_u16().unwrap_or(443)).await?;
                self.handshake(host, tcp).await
            }
            _ => open_tcp(host, uri.port_u16().unwrap_or(80))
                .await
                .map(Stream::plain),
        }
    }

    async fn handshake(&self, host: &str, tcp: TcpStream) -> Result<Stream, ConnectError> {
        let failed = |source| ConnectError::Handshake {
            address: host.to_owned(),
            source: Arc::new(source),
        };
        let name = self
            .tls
            .server_name(host)
            .map_err(|error| failed(io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(name, tcp).await.map_err(failed)?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream {
            io: TokioIo::new(Box::new(stream)),
            is_h2,
        })
    }
}

async fn open_unix(authority: &str) -> Result<UnixStream, ConnectError> {
    let path = unhex(authority)
        .map(OsString::from_vec)
        .ok_or(ConnectError::NoAddress)?;
    UnixStream::connect(&path)
        .await
        .map_err(|source| ConnectError::Open {
            address: path.to_string_lossy().into_owned(),
            source: Arc::new(source),
        })
}

/// Tries each address of a name; only the last one may take as long as the request has.
async fn open_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let resolve = |source| ConnectError::Resolve {
        host: host.into(),
        source: Arc::new(source),
    };
    let addresses: Vec<_> = lookup_host((name, port)).await.map_err(resolve)?.collect();
    let Some((last, others)) = addresses.split_last() else {
        return Err(resolve(io::ErrorKind::NotFound.into()));
    };
    for address in others {
        let attempt = tokio::time::timeout(ONE_ADDRESS_TIMEOUT, TcpStream::connect(address));
        if let Ok(Ok(stream)) = attempt.await {
            return Ok(quick(stream));
        }
    }
    TcpStream::connect(last)
        .await
        .map(quick)
        .map_err(|source| ConnectError::Open {
            address: format!("{host}:{port}"),
            source: Arc::new(source),
        })
}

/// Requests are one small write each: waiting to fill a packet only delays them.
fn quick(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection of any kind.
pub(super) struct Stream {
    io: TokioIo<Box<dyn Io>>,
    is_h2: bool,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Stream {
    fn plain(io: impl Io + 'static) -> Self {
        Self {
            io: TokioIo::new(Box::new(io)),
            is_h2: false,
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(HasAnswered::default());
        if self.is_h2 {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
