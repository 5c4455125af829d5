//! The targets: each a port of its own that answers with the next page of its life.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use super::pages::{Life, lives};

/// The running targets.
pub(crate) struct Replay {
    addresses: Vec<SocketAddr>,
    targets: Vec<Arc<Target>>,
}

struct Target {
    life: Arc<Life>,
    scrapes: AtomicU64,
}

impl Replay {
    /// Starts this many targets with pages of so many samples at most; they live as long as the
    /// process.
    pub(crate) async fn start(n_targets: usize, samples_per_page: usize) -> Result<Self> {
        let lives: Vec<_> = lives(samples_per_page).into_iter().map(Arc::new).collect();
        let mut replay = Self {
            addresses: Vec::new(),
            targets: Vec::new(),
        };
        for life in lives.iter().cycle().take(n_targets) {
            let target = Arc::new(Target {
                life: Arc::clone(life),
                scrapes: AtomicU64::new(0),
            });
            replay.addresses.push(serve(Arc::clone(&target)).await?);
            replay.targets.push(target);
        }
        Ok(replay)
    }

    /// `scrape_configs` of all targets, as every peer reads it.
    pub(crate) fn scrape_configs(&self) -> String {
        let targets: Vec<_> = self.addresses.iter().map(|a| format!("'{a}'")).collect();
        format!(
            "[{{job_name: replay, static_configs: [{{targets: [{}]}}]}}]",
            targets.join(", ")
        )
    }

    /// Samples handed out so far.
    pub(crate) fn n_samples(&self) -> u64 {
        let of = |target: &Arc<Target>| target.scrapes() * target.life.n_samples;
        self.targets.iter().map(of).sum()
    }

    /// Scrapes of each target so far.
    pub(crate) fn scrapes(&self) -> Vec<u64> {
        self.targets.iter().map(|target| target.scrapes()).collect()
    }

    /// Series of all targets.
    pub(crate) fn n_series(&self) -> u64 {
        self.targets.iter().map(|t| t.life.n_samples).sum()
    }

    /// Mean over the targets.
    pub(crate) fn samples_per_page(&self) -> f64 {
        self.n_series() as f64 / self.targets.len() as f64
    }
}

impl Target {
    fn scrapes(&self) -> u64 {
        self.scrapes.load(Ordering::Relaxed)
    }
}

async fn serve(target: Arc<Target>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let page = move || {
        let n = target.scrapes.fetch_add(1, Ordering::Relaxed) as usize;
        let pages = &target.life.pages;
        let page = pages.get(n % pages.len()).cloned().unwrap_or_default();
        async { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], page) }
    };
    let router = Router::new().route("/metrics", get(page));
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(address)
}
