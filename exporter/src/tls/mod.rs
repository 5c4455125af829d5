//! TLS with files that are read again when they change, for clients and for our own server.
//!
//! Certificates are rotated under a running program: by cert-manager, by the kubelet that swaps a
//! secret's folder, by an operator. [`ClientTls::current`] and [`ServerTls::current`] look at the
//! files' stamps and hand out a fresh configuration when one changed. Should the new files not fit
//! (a certificate written before its key), the old configuration stays until they do.
//!
//! Nothing here knows HTTP; callers offer the protocols they speak (ALPN).

mod client;
mod files;
mod reload;
mod server;
#[cfg(test)]
mod tests;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use client::{ClientTls, ClientTlsOptions};
pub use server::{ServerTls, ServerTlsOptions};

/// HTTP/2 and HTTP/1.1, in the order of preference.
pub const ALPN_HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// HTTP/2 alone, as gRPC needs it.
pub const ALPN_GRPC: &[&[u8]] = &[b"h2"];

/// Why TLS could not be set up. Messages name the file, never its contents.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is larger than any certificate or key.
    #[error("{path} is larger than {limit} bytes: it is not a certificate or key")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is accepted, bytes.
        limit: u64,
    },
    /// A file is not PEM.
    #[error("{path} is not valid PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A PEM file without what it is there for.
    #[error("{path} holds no {what}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
    },
    /// A certificate of a CA file cannot be used.
    #[error("{path} holds a certificate that cannot be used")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// Certificate and key do not go together.
    #[error("certificate {cert_file} and key {key_file} cannot be used together")]
    KeyPair {
        /// The chain.
        cert_file: PathBuf,
        /// The key.
        key_file: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// Only one of certificate and key is given.
    #[error("cert_file and key_file go together: {missing} is missing")]
    HalfPair {
        /// The one that is not there.
        missing: &'static str,
    },
    /// A name that is neither a DNS name nor an address.
    #[error("{name:?} is not a valid server name")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The client CA cannot be used.
    #[error("{path} cannot be used to check client certificates")]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::client::VerifierBuilderError,
    },
    /// The TLS library refuses the settings.
    #[error("failed to set up TLS")]
    Setup(#[source] rustls::Error),
}

/// The cryptography all our TLS uses (ring).
pub fn crypto_provider() -> Arc<CryptoProvider> {
    use std::sync::OnceLock;
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

fn owned_alpn(protocols: &[&[u8]]) -> Vec<Vec<u8>> {
    protocols.iter().map(|protocol| protocol.to_vec()).collect()
}
