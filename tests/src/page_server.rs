//! A server of many pages, each under its number: `/0`, `/1` and so on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// What is on it.
    pub body: Vec<u8>,
}

/// A running server; it ends when dropped.
pub struct PageServer {
    /// Where it listens.
    pub address: SocketAddr,
    served: Arc<Served>,
    _stop: DropGuard,
}

struct Served {
    pages: Vec<Page>,
    /// How often a program has had a page.
    counts: Mutex<HashMap<(String, usize), u64>>,
}

impl PageServer {
    /// Starts it.
    pub async fn start(pages: Vec<Page>) -> Result<Self> {
        let served = Arc::new(Served {
            pages,
            counts: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = Arc::clone(&served);
        let answer = move |uri: Uri, headers: HeaderMap| {
            let answer = serving.answer(&uri, &headers);
            async move { answer }
        };
        tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback(answer))
                .with_graceful_shutdown(stopped)
                .await
        });
        Ok(Self {
            address,
            served,
            _stop: stop.drop_guard(),
        })
    }

    /// How often the program of this name has had every page.
    pub fn rounds(&self, program: &str) -> u64 {
        let counts = self.served.counts.lock();
        let counts = counts.unwrap_or_else(PoisonError::into_inner);
        let of_page = |idx| counts.get(&(program.to_owned(), idx)).copied();
        let pages = 0..self.served.pages.len();
        pages
            .map(|idx| of_page(idx).unwrap_or(0))
            .min()
            .unwrap_or(0)
    }
}

impl Served {
    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let idx = uri.path().trim_start_matches('/').parse();
        let Some((idx, page)) = idx.ok().and_then(|idx| Some((idx, self.pages.get(idx)?))) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let agent = headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        let program = agent.and_then(|agent| agent.split('/').next());
        let key = (program.unwrap_or_default().to_owned(), idx);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
        ([(CONTENT_TYPE, page.content_type)], page.body.clone()).into_response()
    }
}
