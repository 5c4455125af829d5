//! `web`: our own endpoints.

use std::net::{Ipv4Addr, SocketAddr};

use exporter::web::WebOptions;

use super::access;
use super::scalar::{Wrong, non_empty};
use super::table::Table;
use super::yaml::Node;

/// Where we listen when nothing else is said.
pub(crate) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7171);

pub(super) fn read(table: &mut Table<'_>) -> WebOptions {
    let listen = table.get("listen", access::address);
    let listen = listen.unwrap_or(DEFAULT_LISTEN);
    let access = access::read(table);
    let external_url = table.get("external_url", external_url);
    access::check_exposure(table, listen, &access, "reads everything");
    WebOptions {
        listen,
        access,
        external_url,
    }
}

fn external_url(node: &Node) -> Result<String, Wrong> {
    let text = non_empty(node)?;
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    match is_url && !text.contains(['?', '#', ' ']) {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err(Wrong::value(
            node,
            "a URL, such as https://leadsman.example.com",
        )),
    }
}
