//! Our own HTTP endpoints: the pages, `/metrics`, health, the API, profiles of ourselves.
//!
//! | path | answer |
//! |---|---|
//! | `/`, `/profiles`, `/signals`, `/findings`, `/archive`, `/targets` | the pages: one document |
//! | `/pages/…` | the files that it loads |
//! | `/metrics` | our own metrics: text 0.0.4, OpenMetrics 1.0 where asked for |
//! | `/metrics?target=T` | the latest samples of a target (`INSTANCE` or `JOB/INSTANCE`) |
//! | `/api/v1/targets` | every target's state, JSON ([`TargetReport`]) |
//! | `/api/v1/series?query&from&to&points` | series of the archive and the log |
//! | `/api/v1/signals` | the catalogue of signals |
//! | `/api/v1/findings?state&from&to&query&id` | findings; `state=open`: those that are open now |
//! | `/api/v1/archive` | the archive's tables: days, files, rows, sizes, growth |
//! | `/api/v1/profile/…` | profiles of the archive: types, flame graphs, differences, totals, files |
//! | `/querier.v1.QuerierService/…`, `/pyroscope/…` | the same as Pyroscope answers |
//! | `/debug/pprof/profile?seconds=N` | our own CPU profile, pprof |
//! | `/debug/pprof/heap` | our own heap profile, pprof |
//! | `/-/healthy` | that we run, and what is wrong with the disk if anything is |
//! | `/-/ready` | whether we take soundings |
//!
//! This module does not know how targets are found, scraped or profiled: [`App`] is handed in.

mod api;
mod families;
#[doc(hidden)]
pub mod fuzz;
mod guard;
mod host;
mod live;
mod metrics_page;
mod openmetrics;
mod pages;
mod pprof;
mod prepared;
mod profiles;
mod pyroscope;
mod questions;
mod routes;
mod server;
mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::listen::{Access, ListenError};

pub use api::StoredTables;
pub use live::{LiveView, LookupError};
pub use pages::Pages;
pub use pprof::{ProfileFuture, SelfProfileError, SelfProfiler};
pub use prepared::Prepared;
pub use questions::Questions;
pub use server::Server;
pub use status::{
    DiscoveryProblem, Health, ProfileState, ProfileStatus, TargetReport, TargetStatus,
};

/// How our own endpoints are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOptions {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Who may use them.
    pub access: Access,
    /// What links in alerts and findings begin with, if not with the address: behind a proxy or on
    /// another name, by which requests are then answered too. Without a slash at its end.
    pub external_url: Option<String>,
}

/// What the endpoints show.
#[derive(Clone)]
pub struct App {
    /// Our own metrics.
    pub registry: prometheus::Registry,
    /// The latest samples of each target.
    pub live: LiveView,
    /// The state of each target and what did not become one, as of now.
    pub targets: Arc<dyn Fn() -> TargetReport + Send + Sync>,
    /// What keeps soundings from being kept at the moment: `the log cannot be written`, ….
    pub faults: Arc<dyn Fn() -> Vec<&'static str> + Send + Sync>,
    /// The archive, to be asked.
    pub questions: Questions,
    /// Whether soundings are being taken.
    pub ready: Arc<AtomicBool>,
    /// The archive's tables.
    pub tables: StoredTables,
    /// The catalogue of signals as JSON: `{"signals": […]}`.
    pub signals: Prepared,
    /// The files of the pages.
    pub pages: Pages,
    /// Profiles of ourselves.
    pub profiler: Arc<dyn SelfProfiler>,
}

/// Why our own endpoints cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// They cannot be listened for.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Our own metrics cannot be registered.
    #[error("failed to register the metrics of our own endpoints")]
    Metrics(#[source] prometheus::Error),
}
