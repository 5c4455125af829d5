//! Spans of other programs, taken over OTLP/gRPC and OTLP/HTTP into the log.
//!
//! A request is read within bounds (`body`), checked (`proto::otlp::received`), appended to the log,
//! and answered when it is durable there (`take`); what an answer looks like is known to `reply`. Both
//! protocols are taken on every address: which one it is, the content type says.
//!
//! This module does not know what becomes of the spans: forwarders and the archive read the log.

mod body;
mod metrics;
mod refusal;
mod reply;
mod take;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus::Registry;
use storage::log::Appender;
use tokio_util::sync::CancellationToken;

use self::metrics::IntakeMetrics;
use self::take::Taker;

pub(super) use self::body::read_grpc;
use crate::listen::{Access, ConnectionLimits, ListenError, Listener};

/// Connections served at once on one address: a machine has a handful of programs that send traces.
const MAX_CONNECTIONS: usize = 128;
/// Time for open requests to end once a connection is asked to close because of its age.
const AGE_DRAIN: Duration = Duration::from_secs(30);

/// Where and how spans are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeOptions {
    /// Addresses to listen on; none: spans are not taken.
    pub listen: Vec<SocketAddr>,
    /// Who may send them.
    pub access: Access,
    /// Longest request, compressed and decompressed. Bytes.
    pub max_request_bytes: usize,
}

/// Why spans cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The metrics cannot be registered.
    #[error("failed to register the metrics of received traces")]
    Metrics(#[from] prometheus::Error),
}

/// Takes spans, once it runs.
pub struct Intake {
    listeners: Vec<Listener>,
    router: Router,
}

impl Intake {
    /// Listens. Nothing is answered before [`Intake::run`].
    ///
    /// # Errors
    /// An address is not loopback and nothing protects it, it cannot be listened on, the TLS files
    /// cannot be used, or `registry` has the metrics already.
    pub fn bind(
        options: IntakeOptions,
        log: Appender,
        registry: &Registry,
    ) -> Result<Self, IntakeError> {
        let metrics = IntakeMetrics::register(registry)?;
        let limits = ConnectionLimits {
            section: "traces",
            n_connections: MAX_CONNECTIONS,
            age_drain: AGE_DRAIN,
            refused: metrics.connections_refused.clone(),
            tls_failures: metrics.tls_failures.clone(),
        };
        let listen = options.listen.iter();
        let listeners = listen
            .map(|listen| Listener::bind(*listen, &options.access, limits.clone()))
            .collect::<Result<_, _>>()?;
        let taker = Arc::new(Taker::new(options, log, metrics));
        Ok(Self {
            listeners,
            router: Router::new().fallback(take::take).with_state(taker),
        })
    }

    /// The addresses, with the ports the system chose for port 0.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// Answers until `shutdown`, then lets open requests end, a few seconds at the longest.
    ///
    /// # Errors
    /// A listener cannot be handed to the runtime.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), IntakeError> {
        let mut running = tokio::task::JoinSet::new();
        for listener in self.listeners {
            running.spawn(listener.serve(self.router.clone(), shutdown.clone()));
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        // Without an address there was nothing to wait for.
        shutdown.cancelled().await;
        Ok(())
    }
}
