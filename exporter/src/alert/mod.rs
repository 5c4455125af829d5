//! Telling people of findings: Alertmanagers and webhooks.
//!
//! Findings of the log → which troubles a receiver has to know of (`book` for Alertmanagers, which
//! are told again and again; `outbox` for webhooks, which are told once) → JSON (`message`) → one
//! try over HTTP (`post`) → again after a wait, or the cursor moves on (`notifier`). What a silence
//! covers is held back until it is over; what was told before a silence began is told to its end.
//!
//! This module does not know how findings are made, nor how labels are rewritten: it is given a
//! function.

mod book;
mod labels;
mod message;
mod metrics;
mod notifier;
mod outbox;
mod past;
mod post;
mod silence;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proto::Labels;
use proto::finding::Severity;

use crate::auth::{Credentials, SecretSource};
use crate::tls::{ClientTlsOptions, TlsError};

pub use self::labels::{labels_of, name_of};
pub use self::metrics::AlertMetrics;
pub use self::notifier::Notifier;
pub use self::past::Past;
pub use self::silence::{Silence, Silences, Weekdays, Weekly};
pub use self::tally::Tally;

/// Rewrites the labels of an alert; `None` if it is not to be sent.
pub type Relabel = Arc<dyn Fn(Labels) -> Option<Labels> + Send + Sync>;

/// What a receiver speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Alertmanager's API v2: everything that fires, again and again.
    Alertmanager,
    /// Alertmanager's webhook format, version 4: each change of state once.
    Webhook,
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertReceiver {
    /// Its name in logs and metrics, and the name of its cursor: unique, file-name safe.
    pub name: String,
    /// Where alerts are posted: for an Alertmanager its address with the path prefix, for a webhook
    /// the whole URL.
    pub url: ReceiverUrl,
    /// What it speaks.
    pub speech: Speech,
    /// Credentials, if it wants some.
    pub credentials: Option<Credentials>,
    /// Other headers; values may be secrets.
    pub headers: Vec<(String, SecretSource)>,
    /// TLS, used when the URL is `https`.
    pub tls: ClientTlsOptions,
    /// Longest time for one request.
    pub timeout: Duration,
    /// Less severe findings are not sent.
    pub min_severity: Severity,
}

/// A URL, whose path and query may be a secret: `Debug` shows its host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiverUrl(pub String);

impl fmt::Debug for ReceiverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri: Option<hyper::Uri> = self.0.parse().ok();
        let host = uri.as_ref().and_then(hyper::Uri::host).unwrap_or("?");
        write!(f, "<url at {host}>")
    }
}

/// What holds for all receivers. Cheap to clone.
#[derive(Clone)]
pub struct AlertRules {
    /// What is held back.
    pub silences: Arc<Silences>,
    /// `alert_relabel_configs`, for Alertmanagers.
    pub relabel: Relabel,
    /// How often an Alertmanager is told again of what fires.
    pub resend_interval: Duration,
    /// Our own address as people reach it, for links.
    pub external_url: String,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            silences: Arc::default(),
            relabel: Arc::new(Some),
            resend_interval: Duration::from_secs(60),
            external_url: String::new(),
        }
    }
}

impl fmt::Debug for AlertRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertRules")
            .field("silences", &self.silences)
            .field("resend_interval", &self.resend_interval)
            .field("external_url", &self.external_url)
            .finish_non_exhaustive()
    }
}

/// Why a receiver cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The URL is none of ours. It is not repeated: it may be a secret.
    #[error("the url of receiver {0} is not http://HOST:PORT/… or https://HOST:PORT/…")]
    Url(String),
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
