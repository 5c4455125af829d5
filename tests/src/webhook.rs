//! A webhook that keeps what is posted to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running webhook; it ends when dropped.
pub struct Webhook {
    /// Where it listens.
    pub address: SocketAddr,
    posted: Arc<Mutex<Vec<Value>>>,
    _stop: DropGuard,
}

impl Webhook {
    /// Starts it; any body of JSON is taken at any path.
    pub async fn start() -> Result<Self> {
        let posted = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posted);
        let take = move |body: Bytes| {
            let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(value);
            async {}
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = Router::new().fallback(post(take));
        tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
        });
        Ok(Self {
            address,
            posted,
            _stop: stop.drop_guard(),
        })
    }

    /// Instance and status of each alert that was posted, in order.
    pub fn told(&self) -> Vec<(String, String)> {
        let posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        let alerts = posted.iter().flat_map(|message| {
            let alerts = message["alerts"].as_array().cloned();
            alerts.unwrap_or_default()
        });
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let told = alerts.map(|alert| (text(&alert["labels"]["instance"]), text(&alert["status"])));
        told.collect()
    }
}
