//! A client for the endpoints of a leadsman that runs on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use exporter::tls::ClientTlsOptions;
use exporter::web::WebOptions;

use crate::config;
use crate::fetch::{Client, ClientOptions, Endpoint, Redirects, Request};

/// Most that an answer of our own may hold. Bytes.
const BODY_LIMIT: usize = 256 << 20;

/// Which leadsman is asked, and how.
#[derive(Debug, clap::Args)]
pub(super) struct OwnArgs {
    /// Address of the running leadsman, `host:port` or a URL; by default the one it listens on by
    /// its configuration
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Configuration of the running leadsman, for its address and credentials
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Certificates that are trusted instead of the system's. Without it and --address any
    /// certificate is, as it names the host that others know it by
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Client certificate, where leadsman asks for one
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
}

/// Asks a running leadsman.
pub(super) struct OwnClient {
    client: Client,
    endpoint: Endpoint,
}

impl OwnClient {
    /// For the leadsman that runs with a configuration, or listens at an address.
    pub(super) fn new(args: &OwnArgs) -> Result<Self> {
        let web = config::load(args.config.as_deref())?.web;
        let endpoint = match &args.address {
            Some(address) => parse_address(address)?,
            None => own_endpoint(&web)?,
        };
        let options = ClientOptions {
            tls: ClientTlsOptions {
                ca_file: args.ca_file.clone(),
                cert_file: args.cert_file.clone(),
                key_file: args.key_file.clone(),
                insecure_skip_verify: args.address.is_none() && args.ca_file.is_none(),
                ..ClientTlsOptions::default()
            },
            credentials: web.access.credentials.first().cloned(),
            follow_redirects: Redirects::Refuse,
        };
        Ok(Self {
            client: Client::new(&options)?,
            endpoint,
        })
    }

    /// The body of a GET.
    pub(super) fn get(&self, path: &str, timeout: Duration) -> Result<Bytes> {
        let request = Request {
            endpoint: self.endpoint.clone(),
            path: path.to_owned(),
            params: Vec::new(),
            accept: "application/json".into(),
            timeout,
            body_limit: BODY_LIMIT,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let response = runtime
            .block_on(self.client.get(&request))
            .with_context(|| {
                format!(
                    "failed to ask leadsman at {}: does it run? see --address, --config and --cert-file",
                    self.endpoint
                )
            })?;
        Ok(response.body)
    }
}

fn own_endpoint(web: &WebOptions) -> Result<Endpoint> {
    let ip = match web.listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let scheme = if web.access.tls.is_some() {
        "https"
    } else {
        "http"
    };
    Ok(Endpoint::new(
        scheme,
        &SocketAddr::new(ip, web.listen.port()).to_string(),
    )?)
}

fn parse_address(address: &str) -> Result<Endpoint> {
    let (scheme, address) = address.split_once("://").unwrap_or(("http", address));
    Ok(Endpoint::new(scheme, address.trim_end_matches('/'))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_host_and_port() {
        assert_eq!(
            parse_address("127.0.0.1:7171").unwrap(),
            Endpoint::Http("127.0.0.1:7171".into())
        );
        assert_eq!(
            parse_address("https://h:1/").unwrap(),
            Endpoint::Https("h:1".into())
        );
        assert!(parse_address("ftp://h:1").is_err());
    }
}
