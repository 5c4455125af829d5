//! Our own endpoints, listening. What is answered is in `routes`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::guard::{Gate, WebMetrics};
use super::host::Hosts;
use super::pprof::MAX_PROFILE_SECONDS;
use super::{App, WebError, WebOptions, routes};
use crate::auth::Guard;
use crate::listen::{ConnectionLimits, Listener};

/// Connections served at once. A Prometheus that takes hundreds of targets through us (`?target=`)
/// keeps a connection for each; both ends of as many fit into the 1,024 files that a process may
/// usually open.
pub(super) const MAX_CONNECTIONS: usize = 400;
/// Time for open requests to end: as long as the longest profile takes.
const AGE_DRAIN: Duration = Duration::from_secs(MAX_PROFILE_SECONDS + 30);

/// Our own HTTP endpoints, listening.
pub struct Server {
    listener: Listener,
    router: Router,
}

impl Server {
    /// Listens, and reads the TLS files. Nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// The address is not loopback and nothing protects it, it cannot be listened on, the TLS
    /// files cannot be used, or `app.registry` already has metrics of a server.
    pub fn bind(options: WebOptions, app: App) -> Result<Self, WebError> {
        let metrics = WebMetrics::register(&app.registry).map_err(WebError::Metrics)?;
        let limits = ConnectionLimits {
            section: "web",
            n_connections: MAX_CONNECTIONS,
            age_drain: AGE_DRAIN,
            refused: metrics.refused.clone(),
            tls_failures: metrics.tls_failures.clone(),
        };
        let listener = Listener::bind(options.listen, &options.access, limits)?;
        let hosts = Arc::new(Hosts::of(&options));
        let guard = Arc::new(Guard::new(options.access.credentials));
        let gate = Gate {
            guard,
            hosts,
            metrics,
        };
        let router = routes::router(app, gate);
        Ok(Self { listener, router })
    }

    /// The address that is listened on, with the port the system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Answers until `shutdown`, then lets open requests end, a few seconds at the longest.
    ///
    /// # Errors
    /// The listener cannot be handed to the runtime.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WebError> {
        Ok(self.listener.serve(self.router, shutdown).await?)
    }
}
