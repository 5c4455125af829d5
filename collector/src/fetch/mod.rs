//! Fetching: HTTP/1.1, HTTP/2, TLS and unix sockets, with bodies bounded after decompression.
//!
//! This module does not know what a body means, nor when to fetch it. Proxies of the environment
//! are not used: targets are near.

mod body;
mod certificate;
mod client;
mod connect;
mod error;
mod heavy;
mod http1;
mod http2;
mod pool;
mod redirect;
mod request;
#[cfg(test)]
pub(crate) mod tests;

pub use client::Client;
pub use connect::ConnectError;
pub use error::FetchError;
pub(crate) use error::report;
pub(crate) use heavy::heavy;
pub(crate) use http1::pieces::outcome as outcome_in_pieces;
pub use request::{Endpoint, Request, Response};

use exporter::auth::Credentials;
use exporter::tls::ClientTlsOptions;

/// How a target is spoken to, apart from its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// TLS, used when the scheme is `https`.
    pub tls: ClientTlsOptions,
    /// Sent with each request to the target's own host, never elsewhere.
    pub credentials: Option<Credentials>,
    /// What a redirect does.
    pub follow_redirects: Redirects,
}

impl ClientOptions {
    /// An error with its causes on one line, without the secrets that the target was sent.
    pub(crate) fn report(&self, error: &(dyn std::error::Error + 'static)) -> String {
        self.redact(report(error))
    }

    /// `text`, which a target had a part in, without the secrets that it was sent.
    pub(crate) fn redact(&self, text: String) -> String {
        match &self.credentials {
            Some(credentials) => credentials.redact(&text),
            None => text,
        }
    }
}

/// What a redirect does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// It is followed; credentials stay with the host they are for.
    #[default]
    Follow,
    /// It is the answer, and so an error.
    Refuse,
}
