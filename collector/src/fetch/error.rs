//! Why a fetch failed, in words for people and as a short reason for metrics.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use exporter::auth::AuthError;
use exporter::tls::TlsError;
use proto::compress::CompressError;
use storage::ErrorChain;

use super::ConnectError;

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address and path do not make a URL.
    #[error("invalid url {url}")]
    Url {
        /// As far as it was put together.
        url: String,
    },
    /// Certificates or keys cannot be used.
    #[error("failed to set up tls")]
    TlsSetup(#[from] TlsError),
    /// A secret cannot be read.
    #[error("failed to read credentials")]
    Credentials(#[from] AuthError),
    /// It took too long.
    #[error("no complete answer within {after:?}")]
    Timeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// No connection.
    #[error("failed to connect")]
    Connect(#[from] ConnectError),
    /// TLS failed after the handshake, as when the server asks in vain for a certificate.
    #[error("tls connection refused by the server")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
    /// The server closed the connection after it had asked for a client certificate and got none.
    #[error("server wants a client certificate (tls_config: cert_file, key_file)")]
    CertificateWanted(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection broke, or what came is not HTTP.
    #[error("failed to read the answer")]
    Http(#[source] Box<dyn StdError + Send + Sync>),
    /// Any status but 200…299.
    #[error("server answered {status}{}", message_suffix(.message))]
    Status {
        /// HTTP status.
        status: u16,
        /// The start of the body, on one line.
        message: String,
    },
    /// The body is longer than allowed, as it came or after decompression.
    #[error("body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body's compression is damaged or unknown.
    #[error("failed to decompress the body")]
    Decode(#[source] CompressError),
    /// The `Content-Encoding` is not one that was asked for.
    #[error("unknown content encoding {encoding:?}")]
    Encoding {
        /// As the server named it.
        encoding: String,
    },
    /// A redirect that is not followed.
    #[error("redirect to {to} not followed: {why}")]
    Redirect {
        /// The `Location` header.
        to: String,
        /// Why not.
        why: &'static str,
    },
}

impl FetchError {
    /// A short name of the kind of failure, for a metric's label.
    pub fn reason(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Url { .. } => "invalid_url",
            Self::TlsSetup(_) => "tls_setup",
            Self::Credentials(_) => "credentials",
            Self::Timeout { .. } => "timeout",
            Self::Connect(error) => error.reason(),
            Self::Tls(_) | Self::CertificateWanted(_) => "tls",
            Self::Http(_) => "http",
            Self::Status { status, .. } => return Cow::Owned(format!("status_{status}")),
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::Decode(_) | Self::Encoding { .. } => "decode",
            Self::Redirect { .. } => "redirect",
        })
    }

    /// What ended a connection of HTTP/2.
    pub(super) fn from_hyper(error: hyper::Error) -> Self {
        Self::broken(Box::new(error))
    }

    /// What ended a connection.
    pub(super) fn from_io(error: io::Error) -> Self {
        Self::broken(Box::new(error))
    }

    fn broken(error: Box<dyn StdError + Send + Sync>) -> Self {
        match is_tls(&*error) {
            true => Self::Tls(error),
            false => Self::Http(error),
        }
    }
}

/// An error with its causes on one line: `failed to connect: 127.0.0.1:1: connection refused`.
pub(crate) fn report(error: &(dyn StdError + 'static)) -> String {
    ErrorChain(error).to_string()
}

fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An io::Error hides what it wraps from `source` and shows only that one's source.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if wrapped
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .is_some()
        {
            return true;
        }
        next = error.source();
    }
    // HTTP/2 keeps nothing of an I/O error but its text, which is that of `AlertReceived`.
    report(error).contains("received fatal alert")
}

fn message_suffix(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}
