//! Listening, TLS, and the limits of a connection. What is answered is in `routes`.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::guard::{Gate, WebMetrics};
use super::pprof::MAX_PROFILE_SECONDS;
use super::{App, WebError, WebOptions, routes};
use crate::auth::Guard;
use crate::tls::ServerTls;

/// Connections served at once; more are closed right away, and counted. A Prometheus that takes
/// hundreds of targets through us (`?target=`) keeps a connection for each; both ends of as many fit
/// into the 1,024 files that a process may usually open.
pub(super) const MAX_CONNECTIONS: usize = 400;
/// Time from connecting to the first byte of a request, TLS handshake included.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the whole header of a request, and for which a connection may be idle (HTTP/1.1):
/// longer than the usual scrape interval of a minute, so that scrapers keep their connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// Age at which a connection is asked to close. Clients connect again without an error; one that
/// reads its answer a byte at a time does not stay for ever.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// Time for open requests to end once a connection is asked to close because of its age: as long
/// as the longest profile takes.
const AGE_DRAIN: Duration = Duration::from_secs(MAX_PROFILE_SECONDS + 30);
/// Time for open requests to end at shutdown.
const SHUTDOWN_DRAIN: Duration = Duration::from_secs(3);
/// Header bytes of a request.
const MAX_HEADER_BYTES: usize = 32 << 10;
/// Header fields of a request.
const MAX_HEADERS: usize = 64;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 16;

/// Our own HTTP endpoints, listening.
pub struct Server {
    listener: std::net::TcpListener,
    local_addr: SocketAddr,
    tls: Option<Arc<ServerTls>>,
    router: Router,
    metrics: WebMetrics,
}

impl Server {
    /// Listens, and reads the TLS files. Nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// The address is not loopback and nothing protects it, it cannot be listened on, the TLS
    /// files cannot be used, or `app.registry` already has metrics of a server.
    pub fn bind(options: WebOptions, app: App) -> Result<Self, WebError> {
        let listen = options.listen;
        if !is_protected(&options) {
            return Err(WebError::Unprotected { listen });
        }
        let tls = options
            .tls
            .as_ref()
            .map(ServerTls::new)
            .transpose()
            .map_err(WebError::Tls)?;
        let metrics = WebMetrics::register(&app.registry).map_err(WebError::Metrics)?;
        let failed = |source| WebError::Listen { listen, source };
        let listener = std::net::TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let guard = Arc::new(Guard::new(options.credentials));
        let router = routes::router(
            app,
            Gate {
                guard,
                metrics: metrics.clone(),
            },
        );
        Ok(Self {
            listener,
            local_addr,
            tls: tls.map(Arc::new),
            router,
            metrics,
        })
    }

    /// The address that is listened on, with the port the system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers until `shutdown`, then lets open requests end, a few seconds at the longest.
    ///
    /// # Errors
    /// The listener cannot be handed to the runtime.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WebError> {
        let listener = TcpListener::from_std(self.listener).map_err(|source| WebError::Listen {
            listen: self.local_addr,
            source,
        })?;
        let connection = Connection {
            tls: self.tls,
            router: self.router,
            metrics: self.metrics,
            shutdown: shutdown.clone(),
        };
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = open.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(_) if open.len() >= MAX_CONNECTIONS => connection.metrics.refused.inc(),
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

/// Whether strangers are kept out: by the address, by credentials or by client certificates.
fn is_protected(options: &WebOptions) -> bool {
    let is_loopback = match options.listen.ip() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    };
    let asks_for_certificates = options
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_ca_file.is_some());
    is_loopback
        || asks_for_certificates
        || !options.credentials.is_empty()
        || options.allow_unauthenticated
}

/// What one connection needs.
#[derive(Clone)]
struct Connection {
    tls: Option<Arc<ServerTls>>,
    router: Router,
    metrics: WebMetrics,
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
                self.metrics.tls_failures.inc();
                tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => self.metrics.tls_failures.inc(),
        }
    }

    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let builder = http_builder();
        let service = TowerToHyperService::new(self.router);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let drain = tokio::select! {
            _ = connection.as_mut() => return,
            () = self.shutdown.cancelled() => SHUTDOWN_DRAIN,
            () = tokio::time::sleep(MAX_CONNECTION_AGE) => AGE_DRAIN,
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
        .max_header_list_size(MAX_HEADER_BYTES as u32);
    builder
}
