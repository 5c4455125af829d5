//! TLS with files that are read again when they change, for clients and for our own server.

use std::path::PathBuf;

/// `tls_config` of a client, with Prometheus' meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTlsOptions {
    /// Certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain; goes with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The client's key.
    pub key_file: Option<PathBuf>,
    /// Name to ask for and to verify instead of the address's host.
    pub server_name: Option<String>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
}

/// TLS of our own endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTlsOptions {
    /// Certificate chain.
    pub cert_file: PathBuf,
    /// Key.
    pub key_file: PathBuf,
    /// Clients must show a certificate signed by one of these.
    pub client_ca_file: Option<PathBuf>,
}
