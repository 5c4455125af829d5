//! A target whose one counter tells how often it was scraped, so that a lost scrape shows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running target; it ends when dropped.
pub struct CountingTarget {
    /// Where it listens.
    pub address: SocketAddr,
    scrapes: Arc<AtomicU64>,
    _stop: DropGuard,
}

impl CountingTarget {
    /// Starts it; `/metrics` has the counter `scrapes_total`.
    pub async fn start() -> Result<Self> {
        Self::start_at(([127, 0, 0, 1], 0).into()).await
    }

    /// The same at an address of one's choice.
    pub async fn start_at(address: SocketAddr) -> Result<Self> {
        Self::serve(address, String::new()).await
    }

    /// The same with more lines on each page.
    pub async fn with_ballast(ballast: String) -> Result<Self> {
        Self::serve(([127, 0, 0, 1], 0).into(), ballast).await
    }

    async fn serve(address: SocketAddr, ballast: String) -> Result<Self> {
        let scrapes = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&scrapes);
        let page = move || {
            let count = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let page = format!("# TYPE scrapes_total counter\nscrapes_total {count}\n{ballast}");
            async move { page }
        };
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = Router::new().route("/metrics", get(page));
        tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
        });
        Ok(Self {
            address,
            scrapes,
            _stop: stop.drop_guard(),
        })
    }

    /// How often it was scraped.
    pub fn scrapes(&self) -> u64 {
        self.scrapes.load(Ordering::SeqCst)
    }
}
