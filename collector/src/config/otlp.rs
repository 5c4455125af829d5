//! `otlp`: receivers.

use std::collections::HashSet;
use std::time::Duration;

use exporter::auth::SecretSource;
use exporter::otlp::{Compression, Protocol, ReceiverOptions, Signals};
use hyper::Uri;
use hyper::header::HeaderName;

use super::http;
use super::scalar::{Wrong, duration, list, mapping, non_empty, one_of, size, string};
use super::table::Table;
use super::yaml::Node;

const PROTOCOLS: [(&str, Protocol); 2] = [
    ("grpc", Protocol::Grpc),
    ("http/protobuf", Protocol::HttpProtobuf),
];
const COMPRESSIONS: [(&str, Compression); 3] = [
    ("zstd", Compression::Zstd),
    ("gzip", Compression::Gzip),
    ("none", Compression::None),
];

/// The receivers, each with a name of its own: it is also the name of the cursor.
pub(super) fn read_all(table: &mut Table<'_>) -> Vec<ReceiverOptions> {
    let mut names = HashSet::new();
    let receivers = table.tables("otlp", |table| {
        let receiver = read(table)?;
        if !names.insert(receiver.name.clone()) {
            let problem = format!("a second receiver {:?}", receiver.name);
            table.fail("name", problem, "a name of its own for each receiver");
        }
        Some(receiver)
    });
    receivers.into_iter().flatten().collect()
}

/// One receiver; `None` if it has no endpoint.
fn read(table: &mut Table<'_>) -> Option<ReceiverOptions> {
    let endpoint = table.required("endpoint", http::ENDPOINTS, endpoint);
    let protocol = table
        .get("protocol", one_of(&PROTOCOLS))
        .unwrap_or(Protocol::Grpc);
    let name = table.get("name", name);
    let signals = table.get("signals", signals);
    let compression = table.get("compression", one_of(&COMPRESSIONS));
    let headers = headers(table);
    let tls = table.section("tls_config", http::client_tls);
    let seconds = |least, most| duration(Duration::from_secs(least)..=Duration::from_secs(most));
    // Ten seconds is what OTLP exporters wait by default.
    let timeout = table
        .get("timeout", seconds(1, 600))
        .unwrap_or(Duration::from_secs(10));
    // gRPC servers take 4 MiB unless they are told otherwise.
    let max_message = table
        .get("max_message_size", size(64 << 10..=64 << 20))
        .unwrap_or(3 << 20);
    let batch_interval = table
        .get(
            "batch_interval",
            duration(Duration::from_millis(100)..=Duration::from_secs(10 * 60)),
        )
        .unwrap_or(Duration::from_secs(5));
    let endpoint = endpoint?;
    Some(ReceiverOptions {
        name: name.unwrap_or_else(|| format!("{}-{}", prefix(protocol), default_name(&endpoint))),
        endpoint: endpoint.to_string().trim_end_matches('/').to_owned(),
        protocol,
        signals: signals.unwrap_or(Signals {
            metrics: true,
            profiles: true,
            traces: true,
            logs: true,
        }),
        compression: compression.unwrap_or(Compression::Zstd),
        headers,
        tls,
        timeout,
        max_message_bytes: usize::try_from(max_message).unwrap_or(3 << 20),
        batch_interval,
    })
}

fn endpoint(node: &Node) -> Result<Uri, Wrong> {
    http::endpoint(node, "header_files with an authorization")
}

/// The name becomes a file name.
pub(super) fn name(node: &Node) -> Result<String, Wrong> {
    let name = non_empty(node)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.chars().all(plain) && !name.starts_with('.') && name.len() <= 64 {
        Ok(name)
    } else {
        Err(Wrong::value(
            node,
            "up to 64 letters, digits, '-', '_' and '.'",
        ))
    }
}

/// What a protocol's default names begin with.
fn prefix(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "grpc",
        Protocol::HttpProtobuf => "http",
    }
}

/// Such as `127.0.0.1-4317`.
pub(super) fn default_name(endpoint: &Uri) -> String {
    let host = endpoint.host().unwrap_or_default();
    let port = match (endpoint.port_u16(), endpoint.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("https")) => 443,
        (None, _) => 80,
    };
    let name = format!("{host}-{port}{}", endpoint.path().trim_end_matches('/'));
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect()
}

fn signals(node: &Node) -> Result<Signals, Wrong> {
    let chosen = list(one_of(&[
        ("metrics", 0),
        ("profiles", 1),
        ("traces", 2),
        ("logs", 3),
    ]))(node)?;
    if chosen.is_empty() {
        return Err(Wrong::value(
            node,
            "a list of metrics, profiles, traces, logs",
        ));
    }
    Ok(Signals {
        metrics: chosen.contains(&0),
        profiles: chosen.contains(&1),
        traces: chosen.contains(&2),
        logs: chosen.contains(&3),
    })
}

/// `headers` and `header_files`.
pub(super) fn headers(table: &mut Table<'_>) -> Vec<(String, SecretSource)> {
    let inline = table.get("headers", mapping(string)).unwrap_or_default();
    let files = table
        .get("header_files", mapping(non_empty))
        .unwrap_or_default();
    let mut headers = Vec::new();
    for (name, value) in inline {
        check_header_name(table, "headers", &name);
        headers.extend(http::inline_secret(table, "headers", value).map(|secret| (name, secret)));
    }
    for (name, path) in files {
        check_header_name(table, "header_files", &name);
        let path = table.resolve(&path);
        if let Some(warning) = http::loose_permissions(&path) {
            table.warn("header_files", &warning);
        }
        headers.push((name, SecretSource::File(path)));
    }
    headers
}

fn check_header_name(table: &Table<'_>, key: &'static str, name: &str) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        table.fail(
            key,
            format!("wrong header name {name:?}"),
            "letters, digits and '-'",
        );
    }
}
