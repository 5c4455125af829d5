//! A target with everything that is needed to sound it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proto::{Labels, Target};

use crate::config::{Job, ProfileSpec, Scheme};

/// A target with everything that is needed to sound it. Two equal ones are sounded in the same
/// way: what runs for the one can go on for the other.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscoveredTarget {
    /// The job it belongs to. `scheme`, `metrics_path`, `params`, the times and the profiles are
    /// only defaults there: those of the target are below.
    pub job: Arc<Job>,
    /// Its identity: the labels of every row.
    pub target: Arc<Target>,
    /// Its labels before relabelling, `__*` ones included.
    pub discovered: Labels,
    /// Where it is.
    pub address: Address,
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Path of the metrics page.
    pub metrics_path: String,
    /// URL parameters of the metrics page.
    pub params: Vec<(String, String)>,
    /// Time between two scrapes.
    pub scrape_interval: Duration,
    /// Longest time for one scrape.
    pub scrape_timeout: Duration,
    /// The profile types, enabled or not.
    pub profiles: Vec<ProfileSpec>,
}

/// Where a target is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `host:port`, or `host` alone for the scheme's own port.
    Tcp(String),
    /// A unix socket.
    Unix(PathBuf),
}
