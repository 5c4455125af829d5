//! Connections: TCP, TLS over it, unix sockets.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use exporter::tls::ClientTls;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::Endpoint;

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

/// Connects to endpoints; the TLS configuration is the one of its pool.
#[derive(Clone)]
pub(super) struct Connector {
    tls: Arc<ClientTls>,
    config: Arc<ClientConfig>,
}

impl Connector {
    pub(super) fn new(tls: Arc<ClientTls>, config: Arc<ClientConfig>) -> Self {
        Self { tls, config }
    }

    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<Stream, ConnectError> {
        match endpoint {
            Endpoint::Unix(path) => open_unix(path).await.map(Stream::plain),
            Endpoint::Http(address) => {
                let (host, port) = host_and_port(address)?;
                open_tcp(host, port).await.map(Stream::plain)
            }
            Endpoint::Https(address) => {
                let (host, port) = host_and_port(address)?;
                self.handshake(host, open_tcp(host, port).await?).await
            }
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
            io: Box::new(stream),
            is_h2,
        })
    }
}

/// The parts of `host:port`, where the host may be in brackets.
fn host_and_port(address: &str) -> Result<(&str, u16), ConnectError> {
    let (host, port) = address.rsplit_once(':').ok_or(ConnectError::NoAddress)?;
    let port = port.parse().map_err(|_| ConnectError::NoAddress)?;
    match host.is_empty() {
        true => Err(ConnectError::NoAddress),
        false => Ok((host, port)),
    }
}

async fn open_unix(path: &Path) -> Result<UnixStream, ConnectError> {
    UnixStream::connect(path)
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

/// A connection of any kind.
pub(super) struct Stream {
    io: Box<dyn Io>,
    is_h2: bool,
}

pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Stream {
    pub(super) fn plain(io: impl Io + 'static) -> Self {
        Self {
            io: Box::new(io),
            is_h2: false,
        }
    }

    /// Whether HTTP/2 was agreed on.
    pub(super) fn is_h2(&self) -> bool {
        self.is_h2
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
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
