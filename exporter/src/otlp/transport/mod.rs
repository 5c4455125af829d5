//! Carries requests to a receiver. Knows nothing of retries: it sends once and reads the answer.

mod encoding;
pub(in crate::otlp) mod grpc;
mod headers;
mod http;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::USER_AGENT as USER_AGENT_HEADER;
use hyper::{Method, Request as HttpRequest, Uri};

use self::encoding::Encoding;
use self::headers::Headers;
use super::answer::Answer;
use super::request::Request;
use super::signal::Signal;
use super::{Compression, OtlpError, Protocol, ReceiverOptions};
use crate::client::{Pool, USER_AGENT, Versions};

/// A way to a receiver.
#[derive(Debug)]
pub(super) struct Transport {
    protocol: Protocol,
    pool: Pool,
    endpoint: Uri,
    headers: Headers,
    encoding: Encoding,
    timeout: Duration,
}

/// A request as it goes over the wire, so that a retry costs no second compression.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    signal: Signal,
    compression: Compression,
    pub(super) body: Bytes,
}

impl Transport {
    pub(super) fn new(options: &ReceiverOptions) -> Result<Self, OtlpError> {
        let endpoint = parse_endpoint(&options.endpoint)?;
        let versions = match options.protocol {
            Protocol::Grpc => Versions::Http2,
            Protocol::HttpProtobuf => Versions::Negotiated,
        };
        Ok(Self {
            protocol: options.protocol,
            pool: Pool::new(&options.tls, &endpoint, versions)?,
            endpoint,
            headers: Headers::new(options)?,
            encoding: Encoding::new(options.compression),
            timeout: options.timeout,
        })
    }

    /// Compresses a request and frames it as the protocol wants it.
    pub(super) async fn prepare(&self, request: &Request) -> Prepared {
        let protocol = self.protocol;
        let frame = move |compression, body: Bytes| match protocol {
            Protocol::Grpc => grpc::frame(compression, &body),
            Protocol::HttpProtobuf => body,
        };
        let current = self.encoding.current();
        let (compression, body) = encoding::encode(current, request.body.clone(), frame).await;
        Prepared {
            signal: request.signal,
            compression,
            body,
        }
    }

    /// Sends a request once and waits for its answer, no longer than the receiver's timeout.
    /// What we sent of secrets is not in the answer.
    pub(super) async fn send(&mut self, prepared: &Prepared) -> Answer {
        let request = match self.request(prepared) {
            Ok(request) => request,
            Err(answer) => return answer,
        };
        let client = self.pool.client();
        let protocol = self.protocol;
        let exchange = async move {
            match client.request(request).await {
                Ok(response) => match protocol {
                    Protocol::Grpc => grpc::read(response).await,
                    Protocol::HttpProtobuf => http::read(response).await,
                },
                Err(error) if error.is_connect() => Answer::unanswered("connect", describe(&error)),
                Err(error) => Answer::unanswered("disconnected", describe(&error)),
            }
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer.with_detail(|detail| self.headers.redact(detail)),
            Err(_) => Answer::unanswered("timeout", "no answer in time"),
        }
    }

    /// The receiver took a request. Returns what it is compressed with if that is not what is
    /// configured, and news.
    pub(super) fn accepted(&mut self) -> Option<Compression> {
        self.encoding.accepted()
    }

    /// Whether a refusal may be due to the compression: the request is then to be prepared anew,
    /// with one that more receivers take.
    pub(super) fn compresses_less_after(&mut self, answer: &Answer) -> bool {
        self.encoding.steps_down(answer)
    }

    fn request(&self, prepared: &Prepared) -> Result<HttpRequest<Full<Bytes>>, Answer> {
        let headers = self
            .headers
            .read(prepared.signal)
            .map_err(|error| Answer::unanswered("credentials", describe(&error)))?;
        let unsendable = |error| Answer::unanswered("request", describe(&error));
        let path = prepared.signal.path(self.protocol);
        let head = HttpRequest::builder()
            .method(Method::POST)
            .uri(uri(&self.endpoint, path).map_err(unsendable)?)
            .header(USER_AGENT_HEADER, USER_AGENT);
        let head = match self.protocol {
            Protocol::Grpc => grpc::head(head, prepared.compression, self.timeout),
            Protocol::HttpProtobuf => http::head(head, prepared.compression),
        };
        let mut request = head
            .body(Full::new(prepared.body.clone()))
            .map_err(unsendable)?;
        request.headers_mut().extend(headers);
        Ok(request)
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

/// The endpoint with a signal's path behind its own.
fn uri(endpoint: &Uri, path: &str) -> Result<Uri, hyper::http::Error> {
    let prefix = endpoint.path().trim_end_matches('/');
    Uri::builder()
        .scheme(endpoint.scheme_str().unwrap_or("http"))
        .authority(
            endpoint
                .authority()
                .map_or("", |authority| authority.as_str()),
        )
        .path_and_query(format!("{prefix}{path}"))
        .build()
}

/// An error and its causes in one line.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    storage::ErrorChain(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_path_goes_behind_the_endpoints() {
        let check = |endpoint: &str, expected: &str| {
            let path = Signal::Metrics.path(Protocol::HttpProtobuf);
            let uri = uri(&endpoint.parse().unwrap(), path).unwrap();
            assert_eq!(uri.to_string(), expected);
        };
        check("http://a:4318", "http://a:4318/v1/metrics");
        check("https://a/api/v1/otlp/", "https://a/api/v1/otlp/v1/metrics");
    }
}
