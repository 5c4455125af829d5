//! TLS as a client.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::reload::Reloading;
use super::verify::{Trust, Verifier};
use super::{ALPN_HTTP, TlsError, crypto_provider, files, owned_alpn};

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

/// A client's TLS configuration that follows its files.
pub struct ClientTls {
    server_name: Option<ServerName<'static>>,
    config: Reloading<ClientConfig>,
}

impl ClientTls {
    /// Reads the files, and offers HTTP/2 and HTTP/1.1 by ALPN.
    ///
    /// # Errors
    /// A file cannot be read or used, or only one of certificate and key is given.
    pub fn new(options: &ClientTlsOptions) -> Result<Self, TlsError> {
        Self::with_alpn(options, ALPN_HTTP)
    }

    /// As [`ClientTls::new`], offering `protocols`, the preferred one first.
    ///
    /// # Errors
    /// As [`ClientTls::new`].
    pub fn with_alpn(
        options: &ClientTlsOptions,
        protocols: &'static [&'static [u8]],
    ) -> Result<Self, TlsError> {
        let server_name = options.server_name.as_deref().map(parse_name).transpose()?;
        let paths = [&options.ca_file, &options.cert_file, &options.key_file];
        let paths = paths.into_iter().flatten().cloned().collect();
        let (options, name) = (options.clone(), server_name.clone());
        let config = Reloading::new(paths, move || build(&options, name.as_ref(), protocols))?;
        Ok(Self {
            server_name,
            config,
        })
    }

    /// The configuration for the files as they are now: the same `Arc` until one changes, so a
    /// holder of a connection pool compares with [`Arc::ptr_eq`] and makes a new pool if it
    /// differs.
    ///
    /// Where `server_name` is set, the certificate is verified for it whatever name the
    /// connection asks for.
    pub fn current(&self) -> Arc<ClientConfig> {
        self.config.current()
    }

    /// The name to ask for (SNI) when connecting to `host`: the configured one, or the host.
    ///
    /// # Errors
    /// `host` is neither a DNS name nor an IP address.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => parse_name(host.trim_start_matches('[').trim_end_matches(']')),
        }
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName {
        name: name.to_owned(),
    })
}

fn build(
    options: &ClientTlsOptions,
    server_name: Option<&ServerName<'static>>,
    protocols: &[&[u8]],
) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?;
    let builder = with_trust(builder, options, server_name)?;
    let mut config = match (&options.cert_file, &options.key_file) {
        (Some(cert_file), Some(key_file)) => builder
            .with_client_auth_cert(
                files::certificates(cert_file)?,
                files::private_key(key_file)?,
            )
            .map_err(|source| TlsError::KeyPair {
                cert_file: cert_file.clone(),
                key_file: key_file.clone(),
                source,
            })?,
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => {
            return Err(TlsError::HalfPair {
                missing: "key_file",
            });
        }
        (None, Some(_)) => {
            return Err(TlsError::HalfPair {
                missing: "cert_file",
            });
        }
    };
    config.alpn_protocols = owned_alpn(protocols);
    Ok(config)
}

fn with_trust(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    options: &ClientTlsOptions,
    server_name: Option<&ServerName<'static>>,
) -> Result<ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    // The CA is read even if nothing is verified, so that a wrong path shows at once.
    let roots = match &options.ca_file {
        Some(path) => Arc::new(files::roots(path)?),
        None => system_roots(),
    };
    let custom = |trust| Arc::new(Verifier::new(trust));
    Ok(match server_name {
        _ if options.insecure_skip_verify => builder
            .dangerous()
            .with_custom_certificate_verifier(custom(Trust::Anything)),
        Some(name) => builder
            .dangerous()
            .with_custom_certificate_verifier(custom(Trust::Named(roots, name.clone()))),
        None => builder.with_root_certificates(roots),
    })
}

/// The system's trusted certificates, read once: they are a few hundred, and every job without a
/// CA of its own shares them. May be empty, in a small container; then no certificate is trusted.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "failed to read some of the system's trusted certificates");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(load))
}
