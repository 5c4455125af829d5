//! Carries requests to a receiver. Knows nothing of retries: it sends once and reads the answer.

mod codec;
mod grpc;
mod http;
mod pool;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use super::answer::Answer;
use super::batcher::Request;
use super::signal::Signal;
use super::{Compression, OtlpError, Protocol, ReceiverOptions};
use crate::auth::{AuthError, SecretSource, secret_header};

/// Longest response that is read. A response is a few bytes, or an error's text.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// Header of profile requests, while the signal is in development.
const PROFILES_VERSION: (&str, &str) = ("otlp-profiles-development-version", "1");

/// Sent as `User-Agent`.
const USER_AGENT: &str = concat!("leadsman/", env!("CARGO_PKG_VERSION"));

/// A way to a receiver.
#[derive(Debug)]
pub(super) enum Transport {
    Grpc(grpc::GrpcTransport),
    Http(http::HttpTransport),
}

/// A request as it goes over the wire, so that a retry costs no second compression.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) signal: Signal,
    body: Bytes,
}

impl Transport {
    pub(super) fn new(options: &ReceiverOptions) -> Result<Self, OtlpError> {
        Ok(match options.protocol {
            Protocol::Grpc => Self::Grpc(grpc::GrpcTransport::new(options)?),
            Protocol::HttpProtobuf => Self::Http(http::HttpTransport::new(options)?),
        })
    }

    /// Compresses a request, if this is the transport's business.
    pub(super) async fn prepare(&self, request: &Request) -> Prepared {
        let body = match self {
            Self::Grpc(_) => request.body.clone(),
            Self::Http(http) => http.compress(request.body.clone()).await,
        };
        Prepared {
            signal: request.signal,
            body,
        }
    }

    /// Changes to a compression that more receivers take, and returns it: zstd, gzip, none. `None`
    /// if there is nothing left to change.
    pub(super) fn compress_less(&mut self) -> Option<Compression> {
        let compression = match self {
            Self::Grpc(grpc) => &mut grpc.compression,
            Self::Http(http) => &mut http.compression,
        };
        *compression = compression.fallback()?;
        Some(*compression)
    }

    /// Sends a request once and waits for its answer, no longer than the receiver's timeout.
    pub(super) async fn send(&mut self, request: &Prepared) -> Answer {
        match self {
            Self::Grpc(grpc) => grpc.send(request).await,
            Self::Http(http) => http.send(request).await,
        }
    }
}

/// Headers of every request; the secrets among them are read when they are needed.
#[derive(Debug)]
struct Headers(Vec<(HeaderName, SecretSource)>);

impl Headers {
    fn new(options: &ReceiverOptions) -> Result<Self, OtlpError> {
        let parse = |(name, secret): &(String, SecretSource)| {
            let parsed = name.parse().map_err(|_| OtlpError::Header(name.clone()))?;
            Ok((parsed, secret.clone()))
        };
        options
            .headers
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The headers of a request of `signal`.
    fn read(&self, signal: Signal) -> Result<Vec<(HeaderName, HeaderValue)>, AuthError> {
        let configured = self.0.iter();
        let configured =
            configured.map(|(name, secret)| Ok((name.clone(), secret_header(&secret.read()?)?)));
        let mut headers = configured.collect::<Result<Vec<_>, AuthError>>()?;
        if signal == Signal::Profiles {
            let (name, value) = PROFILES_VERSION;
            headers.push((
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            ));
        }
        Ok(headers)
    }
}

/// The endpoint's URI: a scheme, a host, perhaps a path.
fn parse_endpoint(endpoint: &str) -> Result<Uri, OtlpError> {
    let uri: Uri = endpoint
        .parse()
        .map_err(|_| OtlpError::Endpoint(endpoint.to_owned()))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        _ => Err(OtlpError::Endpoint(endpoint.to_owned())),
    }
}

/// Reads a response, as much of it as is allowed.
async fn read_bounded<B>(body: B) -> Result<Bytes, String>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| error.to_string())
}

/// An error and its causes in one line.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    storage::ErrorChain(error).to_string()
}
