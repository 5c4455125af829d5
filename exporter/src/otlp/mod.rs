//! OTLP receivers: one forwarder each, fed from the log at its own durable cursor.
//!
//! Records of the log → requests (`batcher`) → one try over gRPC or HTTP (`transport`) → what
//! the answer means (`answer`) → again after a wait, or the cursor moves on
//! (`forwarder`). One request is under way at a time: the order of the log is kept.
//!
//! The other way round, `intake` takes the spans of other programs into the log.

mod answer;
mod batcher;
mod forwarder;
#[doc(hidden)]
pub mod fuzz;
mod intake;
mod metrics;
mod request;
mod signal;
mod status;
#[cfg(test)]
mod tests;
mod transport;

use std::time::Duration;

pub use self::forwarder::Forwarder;
pub use self::intake::{Intake, IntakeError, IntakeOptions};
pub use self::metrics::OtlpMetrics;

use crate::auth::SecretSource;
use crate::client::PoolError;
use crate::tls::{ClientTlsOptions, TlsError};

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
    /// zstd: cheaper. A receiver that does not take it gets gzip.
    Zstd,
}

impl Compression {
    /// What more receivers take.
    fn fallback(self) -> Option<Self> {
        match self {
            Self::Zstd => Some(Self::Gzip),
            Self::Gzip => Some(Self::None),
            Self::None => None,
        }
    }
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
    /// OTLP logs: findings.
    pub logs: bool,
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

/// Why a receiver cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The endpoint is not a URL of ours.
    #[error("endpoint {0:?} is not http://HOST:PORT or https://HOST:PORT")]
    Endpoint(String),
    /// A header's name cannot be one.
    #[error("header name {0:?} is not valid")]
    Header(String),
    /// The TLS files cannot be used.
    #[error("tls cannot be set up")]
    Tls(#[from] TlsError),
    /// The TLS library refuses its defaults.
    #[error("tls cannot be set up")]
    Rustls(#[source] rustls::Error),
}

impl From<PoolError> for OtlpError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Tls(error) => Self::Tls(error),
            PoolError::Rustls(error) => Self::Rustls(error),
        }
    }
}
