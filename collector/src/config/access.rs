//! Who may use an endpoint of ours: `tls_config`, `basic_auth`, `authorization` and
//! `allow_unauthenticated`.

use std::net::SocketAddr;

use exporter::listen::Access;

use super::http;
use super::scalar::{Wrong, boolean, non_empty};
use super::table::Table;
use super::yaml::Node;

/// The keys of a section that listens.
pub(super) fn read(table: &mut Table<'_>) -> Access {
    let tls = table.table("tls_config", http::server_tls).flatten();
    let basic = table.table("basic_auth", http::basic_auth).flatten();
    let bearer = table.table("authorization", http::authorization).flatten();
    Access {
        tls,
        credentials: basic.into_iter().chain(bearer).collect(),
        allow_unauthenticated: table.get("allow_unauthenticated", boolean).unwrap_or(false),
    }
}

/// Strangers do not come in by accident. `what` is what they could do.
pub(super) fn check_exposure(
    table: &Table<'_>,
    listen: SocketAddr,
    access: &Access,
    what: &'static str,
) {
    // What is there but wrong has been said.
    let meant = (table.has("tls_config") && access.tls.is_none())
        || table.has("basic_auth")
        || table.has("authorization");
    let open = !listen.ip().is_loopback() && !access.asks() && !meant;
    if open && access.allow_unauthenticated {
        let problem = format!("anyone who reaches this address {what}");
        table.warn("allow_unauthenticated", &problem);
    } else if open {
        let problem = format!("{listen} is not loopback, and nobody is asked who they are");
        let allowed = "a loopback address; or basic_auth, authorization, tls_config with \
                       client_ca_file; or allow_unauthenticated: true";
        table.fail("listen", problem, allowed);
    }
}

/// An address to listen on.
pub(super) fn address(node: &Node) -> Result<SocketAddr, Wrong> {
    let text = non_empty(node)?;
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse()
        .map_err(|_| Wrong::value(node, "an IP address and a port, such as 127.0.0.1:7171"))
}
