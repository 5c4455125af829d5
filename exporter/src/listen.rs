//! Listening: who may connect, TLS, and the limits of a connection. What is answered is up to a
//! router.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::auth::Credentials;
use crate::tls::{ServerTls, ServerTlsOptions, TlsError};

/// Time from connecting to the first byte of a request, TLS handshake included.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the whole header of a request, and for which a connection may be idle (HTTP/1.1):
/// longer than the usual scrape interval of a minute, so that scrapers keep their connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// Age at which a connection is asked to close. Clients connect again without an error; one that
/// reads its answer a byte at a time does not stay for ever.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// Time for open requests to end at shutdown.
const SHUTDOWN_DRAIN: Duration = Duration::from_secs(3);
/// Header bytes of a request.
const MAX_HEADER_BYTES: usize = 32 << 10;
/// Header fields of a request.
const MAX_HEADERS: usize = 64;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 16;
/// What an HTTP/2 client may send before it is read, over all requests of a connection. Bytes.
const CONNECTION_WINDOW: u32 = 256 << 10;

/// Who may use an endpoint of ours, and how it is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Serve TLS.
    pub tls: Option<ServerTlsOptions>,
    /// Ask for one of these credentials.
    pub credentials: Vec<Credentials>,
    /// Listen on an address that is not loopback although there is neither TLS with client
    /// certificates nor authentication.
    pub allow_unauthenticated: bool,
}

impl Access {
    /// Whether clients are asked who they are.
    pub fn asks(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| tls.client_ca_file.is_some()) || !self.credentials.is_empty()
    }

    /// Whether strangers are kept out, by the address or by being asked, or are meant to come in.
    fn protects(&self, address: IpAddr) -> bool {
        let is_loopback = match address {
            IpAddr::V4(address) => address.is_loopback(),
            IpAddr::V6(address) => {
                address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
            }
        };
        is_loopback || self.asks() || self.allow_unauthenticated
    }
}

/// Why an endpoint of ours cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Everyone on the network could use it.
    #[error(
        "refusing to listen on {listen}: it is not a loopback address, and there is neither \
         authentication nor a client CA; set {section}.authorization, {section}.basic_auth or \
         {section}.tls_config.client_ca_file, or {section}.allow_unauthenticated: true if the \
         network is trusted"
    )]
    Unprotected {
        /// The address.
        listen: SocketAddr,
        /// The section of the configuration.
        section: &'static str,
    },
    /// The address cannot be listened on.
    #[error("failed to listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The TLS files cannot be used.
    #[error("failed to set up TLS of {section}")]
    Tls {
        /// The section of the configuration.
        section: &'static str,
        /// Why.
        #[source]
        source: Box<TlsError>,
    },
}

/// What bounds the connections of an endpoint, and counts those that it refuses.
#[derive(Clone)]
pub(crate) struct ConnectionLimits {
    /// Section of the configuration, for messages.
    pub(crate) section: &'static str,
    /// Connections served at once; more are closed right away, and counted.
    pub(crate) n_connections: usize,
    /// Time for open requests to end once a connection is asked to close because of its age.
    pub(crate) age_drain: Duration,
    /// Connections closed at once because too many were open.
    pub(crate) refused: IntCounter,
    /// TLS handshakes that failed.
    pub(crate) tls_failures: IntCounter,
}

/// An address that is listened on.
pub(crate) struct Listener {
    listener: std::net::TcpListener,
    local_addr: SocketAddr,
    tls: Option<Arc<ServerTls>>,
    limits: ConnectionLimits,
}

impl Listener {
    /// Listens, and reads the TLS files. Nothing is answered before [`Listener::serve`].
    ///
    /// # Errors
    /// The address is not loopback and nothing protects it, it cannot be listened on, or the TLS
    /// files cannot be used.
    pub(crate) fn bind(
        listen: SocketAddr,
        access: &Access,
        limits: ConnectionLimits,
    ) -> Result<Self, ListenError> {
        let section = limits.section;
        if !access.protects(listen.ip()) {
            return Err(ListenError::Unprotected { listen, section });
        }
        let tls = access.tls.as_ref().map(ServerTls::new).transpose();
        let tls = tls.map_err(|source| ListenError::Tls {
            section,
            source: source.into(),
        })?;
        let failed = |source| ListenError::Listen { listen, source };
        let listener = std::net::TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            local_addr,
            tls: tls.map(Arc::new),
            limits,
        })
    }

    /// The address, with the port the system chose for port 0.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers until `shutdown`, then lets open requests end, a few seconds at the longest.
    ///
    /// # Errors
    /// The listener cannot be handed to the runtime.
    pub(crate) async fn serve(
        self,
        router: Router,
        shutdown: CancellationToken,
    ) -> Result<(), ListenError> {
        let listen = self.local_addr;
        let listener = TcpListener::from_std(self.listener)
            .map_err(|source| ListenError::Listen { listen, source })?;
        let connection = Connection {
            tls: self.tls,
            router,
            limits: self.limits,
            shutdown: shutdown.clone(),
        };
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = open.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(_) if open.len() >= connection.limits.n_connections => {
                        connection.limits.refused.inc();
                    }
                    Ok((stream, _)) => { open.spawn(connection.clone().serve(stream)); }
                    Err(error) => pause_accepting(&error).await,
                },
            }
        }
        drop(listener);
        while open.join_next().await.is_some() {}
        Ok(())
    }
}

/// Out of file descriptors, mostly: the connection stays in the backlog, so that accepting again
/// at once would spin.
async fn pause_accepting(error: &std::io::Error) {
    tracing::warn!(%error, "failed to accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// What one connection needs.
#[derive(Clone)]
struct Connection {
    tls: Option<Arc<ServerTls>>,
    router: Router,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Ok(Ok(())) = timeout(FIRST_BYTE_TIMEOUT, stream.readable()).await else {
            return;
        };
        // Answers are written in one piece: waiting for more only delays them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.answer(stream).await;
        };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        match timeout(FIRST_BYTE_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => self.answer(stream).await,
            Ok(Err(error)) => {
                self.limits.tls_failures.inc();
                tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => self.limits.tls_failures.inc(),
        }
    }

    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let builder = http_builder();
        let service = TowerToHyperService::new(self.router);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let drain = tokio::select! {
            _ = connection.as_mut() => return,
            () = self.shutdown.cancelled() => SHUTDOWN_DRAIN,
            () = tokio::time::sleep(MAX_CONNECTION_AGE) => self.limits.age_drain,
        };
        connection.as_mut().graceful_shutdown();
        let _ = timeout(drain, connection).await;
    }
}

fn http_builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEADER_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_BYTES as u32);
    builder
}
