//! The other end of what is forwarded: takes anything, keeps nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

/// A running sink of OTLP/HTTP and of Prometheus' remote write.
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    n_bytes: Arc<AtomicU64>,
}

impl Sink {
    /// Starts it; it lives as long as the process.
    pub(crate) async fn start() -> Result<Self> {
        let n_bytes = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&n_bytes);
        // An empty answer is an OTLP response without objections.
        let take = move |body: Bytes| {
            counter.fetch_add(body.len() as u64, Ordering::Relaxed);
            async { ([(CONTENT_TYPE, "application/x-protobuf")], "") }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .fallback(take)
            .layer(DefaultBodyLimit::disable());
        tokio::spawn(async { axum::serve(listener, router).await });
        Ok(Self { address, n_bytes })
    }

    /// Bytes of all bodies so far, as sent.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes.load(Ordering::Relaxed)
    }
}
