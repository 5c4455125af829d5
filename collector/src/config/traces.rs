//! `traces`: spans of other programs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use exporter::otlp::{IntakeOptions, ReceiverOptions};
use hyper::Uri;

use super::access;
use super::scalar::{boolean, list, size};
use super::table::Table;

/// Where OTLP is sent when nothing else is said: over gRPC, and over HTTP.
const DEFAULT_LISTEN: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4317),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4318),
];
/// What gRPC servers take unless they are told otherwise. Bytes.
const DEFAULT_REQUEST_BYTES: usize = 4 << 20;

/// The section, which listens to nothing unless it is switched on.
pub(super) fn read(table: &mut Table<'_>) -> IntakeOptions {
    let is_on = table.get("enabled", boolean).unwrap_or(false);
    let listen = table.get("listen", list(access::address));
    let listen = listen.unwrap_or_else(|| DEFAULT_LISTEN.to_vec());
    let access = access::read(table);
    let max_request = table.get("max_request_size", size(64 << 10..=64 << 20));
    for address in listen.iter().filter(|_| is_on) {
        access::check_exposure(table, *address, &access, "may send traces");
    }
    if is_on && listen.is_empty() {
        table.fail("listen", "no address", "a list of addresses");
    }
    IntakeOptions {
        listen: if is_on { listen } else { Vec::new() },
        access,
        max_request_bytes: max_request
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(DEFAULT_REQUEST_BYTES),
    }
}

/// What cannot be beside other sections.
pub(super) fn check(table: &Table<'_>, traces: &IntakeOptions, receivers: &[ReceiverOptions]) {
    let sent = receivers.iter().filter(|receiver| receiver.signals.traces);
    for receiver in sent.filter(|receiver| leads_to(&receiver.endpoint, &traces.listen)) {
        let problem = format!(
            "{} is where traces are taken: they would go round for ever",
            receiver.endpoint
        );
        table.fail(
            "otlp",
            problem,
            "another address; or signals without traces",
        );
    }
}

/// Whether an endpoint is one of our addresses, as far as that can be seen.
fn leads_to(endpoint: &str, listen: &[SocketAddr]) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: Option<IpAddr> = match host {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        host => host.parse().ok(),
    };
    listen.iter().any(|listen| {
        let is_same =
            |ip: IpAddr| ip == listen.ip() || (listen.ip().is_unspecified() && ip.is_loopback());
        uri.port_u16() == Some(listen.port()) && ip.is_some_and(is_same)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_addresses_are_known_as_endpoints() {
        let check = |endpoint, listen: &str, expected| {
            let listen = [listen.parse().unwrap()];
            assert_eq!(leads_to(endpoint, &listen), expected, "{endpoint}");
        };
        check("http://127.0.0.1:4317", "127.0.0.1:4317", true);
        check("http://localhost:4318/prefix", "127.0.0.1:4318", true);
        check("http://127.0.0.1:4317", "0.0.0.0:4317", true);
        check("http://[::1]:4317", "[::]:4317", true);
        check("http://127.0.0.1:4319", "127.0.0.1:4317", false);
        check("http://10.0.0.1:4317", "127.0.0.1:4317", false);
        check("http://jaeger:4317", "127.0.0.1:4317", false);
    }
}
