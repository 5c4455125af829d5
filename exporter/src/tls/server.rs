//! TLS of our own endpoints.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::reload::Reloading;
use super::{ALPN_HTTP, TlsError, crypto_provider, files, owned_alpn};

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

/// A server's TLS configuration that follows its files.
pub struct ServerTls {
    config: Reloading<ServerConfig>,
}

impl ServerTls {
    /// Reads the files, and offers HTTP/2 and HTTP/1.1 by ALPN.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn new(options: &ServerTlsOptions) -> Result<Self, TlsError> {
        let mut paths = vec![options.cert_file.clone(), options.key_file.clone()];
        paths.extend(options.client_ca_file.clone());
        let options = options.clone();
        Ok(Self {
            config: Reloading::new(paths, move || build(&options))?,
        })
    }

    /// The configuration for the files as they are now; new connections use it.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.config.current()
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

fn build(options: &ServerTlsOptions) -> Result<ServerConfig, TlsError> {
    let clients = match &options.client_ca_file {
        Some(path) => client_verifier(path)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let chain = files::certificates(&options.cert_file)?;
    let key = files::private_key(&options.key_file)?;
    let mut config = ServerConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::KeyPair {
            cert_file: options.cert_file.clone(),
            key_file: options.key_file.clone(),
            source,
        })?;
    config.alpn_protocols = owned_alpn(ALPN_HTTP);
    Ok(config)
}

fn client_verifier(ca_file: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = Arc::new(files::roots(ca_file)?);
    WebPkiClientVerifier::builder_with_provider(roots, crypto_provider())
        .build()
        .map_err(|source| TlsError::ClientCa {
            path: ca_file.to_owned(),
            source,
        })
}
