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

/// Why a text is not an address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A URL where an address is meant.
    #[error("it has a scheme or a path, which belong to scheme and metrics_path")]
    NotOnlyAnAddress,
    /// `unix://` without an absolute path.
    #[error("the path of a unix socket is absolute")]
    RelativeSocket,
    /// The port is not one.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// There is no host.
    #[error("there is no host")]
    NoHost,
}

impl Address {
    /// Reads `host`, `host:port`, `[v6]:port` or `unix:///path.sock`.
    ///
    /// # Errors
    /// If the text is none of them.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix://") {
            let is_absolute = path.starts_with('/') && path.len() > 1;
            return if is_absolute {
                Ok(Self::Unix(path.into()))
            } else {
                Err(AddressError::RelativeSocket)
            };
        }
        if text.contains(['/', '?', '#', '@', ' ']) {
            return Err(AddressError::NotOnlyAnAddress);
        }
        let (host, port) = match text.rsplit_once(':') {
            // A bare IPv6 address has colons of its own.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        match port.map(str::parse::<u16>) {
            None | Some(Ok(1..)) => Ok(Self::Tcp(text.to_owned())),
            Some(_) => Err(AddressError::Port),
        }
    }
}
