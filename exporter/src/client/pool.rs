//! Connections to a receiver, made anew when the TLS files change.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use crate::tls::{ClientTls, ClientTlsOptions, TlsError, crypto_provider};

/// Longest wait for a connection; the request's timeout applies besides.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle HTTP/2 connection is tried so often, so that a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The client of a pool.
pub(crate) type PoolClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Which versions of HTTP are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// HTTP/2 from the first byte, as gRPC needs it.
    Http2,
    /// What TLS agrees on; HTTP/1.1 without TLS.
    Negotiated,
}

/// Why there can be no connections.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// The TLS files cannot be used.
    #[error("tls cannot be set up")]
    Tls(#[from] TlsError),
    /// The TLS library refuses its defaults.
    #[error("tls cannot be set up")]
    Rustls(#[source] rustls::Error),
}

/// Connections to one receiver.
#[derive(Debug)]
pub(crate) struct Pool {
    tls: Option<Arc<ClientTls>>,
    config: Arc<ClientConfig>,
    versions: Versions,
    client: PoolClient,
}

impl Pool {
    /// A pool for the endpoint's scheme. Connects when first used.
    pub(crate) fn new(
        tls: &ClientTlsOptions,
        endpoint: &Uri,
        versions: Versions,
    ) -> Result<Self, PoolError> {
        let (tls, config) = match endpoint.scheme_str() {
            Some("https") => {
                // The connector adds the protocols itself.
                let tls = Arc::new(ClientTls::with_alpn(tls, &[])?);
                let config = tls.current();
                (Some(tls), config)
            }
            _ => (None, Arc::new(no_tls()?)),
        };
        let client = build(tls.clone(), &config, versions);
        Ok(Self {
            tls,
            config,
            versions,
            client,
        })
    }

    /// The client to use now.
    pub(crate) fn client(&mut self) -> PoolClient {
        if let Some(tls) = &self.tls {
            let current = tls.current();
            if !Arc::ptr_eq(&current, &self.config) {
                self.client = build(Some(Arc::clone(tls)), &current, self.versions);
                self.config = current;
            }
        }
        self.client.clone()
    }
}

fn build(
    tls: Option<Arc<ClientTls>>,
    config: &Arc<ClientConfig>,
    versions: Versions,
) -> PoolClient {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(ClientConfig::clone(config))
        .https_or_http()
        .with_server_name_resolver(move |uri: &Uri| server_name(tls.as_deref(), uri));
    let connector = match versions {
        Versions::Http2 => connector.enable_http2().wrap_connector(tcp),
        Versions::Negotiated => connector.enable_all_versions().wrap_connector(tcp),
    };
    Client::builder(TokioExecutor::new())
        .http2_only(versions == Versions::Http2)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .build(connector)
}

fn server_name(
    tls: Option<&ClientTls>,
    uri: &Uri,
) -> Result<ServerName<'static>, Box<dyn std::error::Error + Sync + Send>> {
    let tls = tls.ok_or("no tls is configured")?;
    Ok(tls.server_name(uri.host().unwrap_or_default())?)
}

/// What the connector is given where TLS is not used; it trusts nobody.
fn no_tls() -> Result<ClientConfig, PoolError> {
    let builder = ClientConfig::builder_with_provider(crypto_provider());
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(PoolError::Rustls)?;
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
