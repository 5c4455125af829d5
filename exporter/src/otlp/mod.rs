//! OTLP receivers: one forwarder each, fed from the log at its own durable cursor.

use std::time::Duration;

use crate::auth::SecretSource;
use crate::tls::ClientTlsOptions;

/// How OTLP is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// Protobuf in HTTP POST bodies.
    HttpProtobuf,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip: every receiver takes it.
    Gzip,
    /// zstd: smaller and cheaper, where the receiver takes it.
    Zstd,
}

/// What is sent to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals {
    /// OTLP metrics.
    pub metrics: bool,
    /// OTLP profiles (v1development).
    pub profiles: bool,
    /// OTLP traces.
    pub traces: bool,
}

/// One receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverOptions {
    /// Its name in logs and metrics, and the name of its cursor: unique, file-name safe.
    pub name: String,
    /// `http://host:port` or `https://host:port`; for HTTP with an optional path prefix, to which
    /// `/v1/metrics` and so on are appended.
    pub endpoint: String,
    /// How it is carried.
    pub protocol: Protocol,
    /// What it gets.
    pub signals: Signals,
    /// How requests are compressed.
    pub compression: Compression,
    /// Headers, or gRPC metadata; values may be secrets.
    pub headers: Vec<(String, SecretSource)>,
    /// TLS, used when the endpoint is `https`.
    pub tls: ClientTlsOptions,
    /// Longest time for one request.
    pub timeout: Duration,
    /// Largest message before compression; larger ones are split. Bytes.
    pub max_message_bytes: usize,
    /// A batch goes out when it is this old, however small.
    pub batch_interval: Duration,
}
