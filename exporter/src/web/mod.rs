//! Our own HTTP endpoints: `/metrics`, health, the API, profiles of ourselves.

mod status;

use std::net::SocketAddr;

use crate::auth::Credentials;
use crate::tls::ServerTlsOptions;

pub use status::{Health, ProfileState, ProfileStatus, TargetStatus};

/// How our own endpoints are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOptions {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Serve TLS.
    pub tls: Option<ServerTlsOptions>,
    /// Ask for one of these credentials.
    pub credentials: Vec<Credentials>,
    /// Listen on an address that is not loopback although there is neither TLS with client
    /// certificates nor authentication.
    pub allow_unauthenticated: bool,
}
