//! `web`: our own endpoints.

use std::net::{Ipv4Addr, SocketAddr};

use exporter::web::WebOptions;

use super::http;
use super::scalar::{Wrong, boolean, non_empty};
use super::table::Table;
use super::yaml::Node;

/// Where we listen when nothing else is said.
pub(crate) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7171);

pub(super) fn read(table: &mut Table<'_>) -> WebOptions {
    let listen = table.get("listen", listen).unwrap_or(DEFAULT_LISTEN);
    let tls = table.table("tls_config", http::server_tls).flatten();
    let basic = table.table("basic_auth", http::basic_auth).flatten();
    let bearer = table.table("authorization", http::authorization).flatten();
    let options = WebOptions {
        listen,
        tls,
        credentials: basic.into_iter().chain(bearer).collect(),
        allow_unauthenticated: table.get("allow_unauthenticated", boolean).unwrap_or(false),
        external_url: table.get("external_url", base_of_links),
    };
    check_exposure(table, &options);
    options
}

/// Whoever reaches us sees every metric and may profile us: not by accident.
fn check_exposure(table: &Table<'_>, options: &WebOptions) {
    let asks_for_certificates = options
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_ca_file.is_some());
    // What is there but wrong has been said.
    let meant = (table.has("tls_config") && options.tls.is_none())
        || table.has("basic_auth")
        || table.has("authorization");
    let asks = asks_for_certificates || !options.credentials.is_empty() || meant;
    let open = !options.listen.ip().is_loopback() && !asks;
    if open && options.allow_unauthenticated {
        table.warn(
            "allow_unauthenticated",
            "anyone who reaches this address reads everything",
        );
    } else if open {
        let problem = format!(
            "{} is not loopback, and nobody is asked who they are",
            options.listen
        );
        let allowed = "a loopback address; or basic_auth, authorization, tls_config with \
                       client_ca_file; or allow_unauthenticated: true";
        table.fail("listen", problem, allowed);
    }
}

/// A URL that links begin with, without a slash at the end.
pub(super) fn base_of_links(node: &Node) -> Result<String, Wrong> {
    let text = non_empty(node)?;
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    match is_url && !text.contains(['?', '#', ' ']) {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err(Wrong::value(
            node,
            "a URL without ? and #, such as https://leadsman.example.com",
        )),
    }
}

fn listen(node: &Node) -> Result<SocketAddr, Wrong> {
    let text = non_empty(node)?;
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse()
        .map_err(|_| Wrong::value(node, "an IP address and a port, such as 127.0.0.1:7171"))
}
