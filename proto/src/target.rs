//! Who was sounded.

use crate::Labels;

/// The scheme of a target that is not sounded: its samples are made of spans that it sent.
pub const OF_SPANS: &str = "otlp";

/// A target as everything downstream of discovery sees it: the labels that remain after
/// relabelling, and how it is reached. It carries no secret and no connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Target labels after relabelling, without `__*` labels, with `job` and `instance` and
    /// the external labels of the configuration.
    pub labels: Labels,
    /// `http`, `https` or `unix`: OTLP's `url.scheme`. [`OF_SPANS`] if it is not sounded.
    pub scheme: String,
    /// `host:port`, or the path of a unix socket. OTLP's `server.address` and `server.port`. Empty if
    /// it is not sounded.
    pub address: String,
}

impl Target {
    /// The `job` label.
    pub fn job(&self) -> &str {
        self.labels.get("job").unwrap_or("")
    }

    /// The `instance` label.
    pub fn instance(&self) -> &str {
        self.labels.get("instance").unwrap_or("")
    }

    /// Whether its samples are made of spans that it sent: it cannot be reached.
    pub fn is_of_spans(&self) -> bool {
        self.scheme == OF_SPANS
    }

    /// Identity over restarts: the hash of its labels.
    pub fn id(&self) -> TargetId {
        TargetId(self.labels.hash64())
    }
}

/// Identity of a [`Target`]: [`Labels::hash64`] of its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u64);
