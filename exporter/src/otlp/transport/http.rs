//! OTLP over HTTP, with protobuf bodies.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    USER_AGENT as USER_AGENT_HEADER,
};
use hyper::{Method, Request, Response, Uri};

use super::super::answer::{self, Answer};
use super::super::signal::Signal;
use super::pool::{Pool, Versions};
use super::{Headers, Prepared, USER_AGENT, describe, parse_endpoint, read_bounded};
use crate::otlp::{Compression, OtlpError, ReceiverOptions};

/// zstd's own default: faster than gzip's fastest here, and smaller.
const ZSTD_LEVEL: i32 = 3;

/// An HTTP receiver.
#[derive(Debug)]
pub(in crate::otlp) struct HttpTransport {
    pool: Pool<Full<Bytes>>,
    endpoint: Uri,
    headers: Headers,
    pub(super) compression: Compression,
    timeout: Duration,
}

impl HttpTransport {
    pub(super) fn new(options: &ReceiverOptions) -> Result<Self, OtlpError> {
        let endpoint = parse_endpoint(&options.endpoint)?;
        Ok(Self {
            pool: Pool::new(options, &endpoint, Versions::Negotiated)?,
            endpoint,
            headers: Headers::new(options)?,
            compression: options.compression,
            timeout: options.timeout,
        })
    }

    /// Compresses a body, off the runtime's threads: megabytes take tens of milliseconds.
    pub(super) async fn compress(&self, body: Bytes) -> Bytes {
        let compression = self.compression;
        let plain = body.clone();
        let compressed = tokio::task::spawn_blocking(move || compress(compression, &body)).await;
        match compressed {
            Ok(compressed) => compressed.unwrap_or(plain),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    pub(super) async fn send(&mut self, prepared: &Prepared) -> Answer {
        let headers = match self.headers.read(prepared.signal) {
            Ok(headers) => headers,
            Err(error) => return Answer::unanswered("credentials", describe(&error)),
        };
        let request = match self.request(prepared, headers) {
            Ok(request) => request,
            Err(error) => return Answer::unanswered("request", describe(&error)),
        };
        let client = self.pool.client();
        let exchange = async move {
            match client.request(request).await {
                Ok(response) => read(response).await,
                Err(error) if error.is_connect() => Answer::unanswered("connect", describe(&error)),
                Err(error) => Answer::unanswered("disconnected", describe(&error)),
            }
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Answer::unanswered("timeout", "no answer in time"),
        }
    }

    fn request(
        &self,
        prepared: &Prepared,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri(&self.endpoint, prepared.signal)?)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT_HEADER, USER_AGENT);
        if let Some(encoding) = encoding(self.compression) {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let mut request = request.body(Full::new(prepared.body.clone()))?;
        request.headers_mut().extend(headers);
        Ok(request)
    }
}

/// The endpoint with the signal's path behind its own.
fn uri(endpoint: &Uri, signal: Signal) -> Result<Uri, hyper::http::Error> {
    let prefix = endpoint.path().trim_end_matches('/');
    Uri::builder()
        .scheme(endpoint.scheme_str().unwrap_or("http"))
        .authority(
            endpoint
                .authority()
                .map_or("", |authority| authority.as_str()),
        )
        .path_and_query(format!("{prefix}{}", signal.http_path()))
        .build()
}

fn encoding(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Zstd => Some("zstd"),
    }
}

/// `None`: as it is.
fn compress(compression: Compression, body: &[u8]) -> Option<Bytes> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some(proto::compress::gzip(body).into()),
        Compression::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL).ok().map(Bytes::from),
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Answer {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| answer::retry_after(value, SystemTime::now()));
    let body = read_bounded(response.into_body()).await;
    match body {
        Ok(body) if status.is_success() => answer::success(&body),
        Ok(body) => answer::http_failure(status.as_u16(), &body, retry_after),
        Err(error) if status.is_success() => Answer::unanswered("disconnected", error),
        Err(error) => answer::http_failure(status.as_u16(), error.as_bytes(), retry_after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_path_goes_behind_the_endpoints() {
        let check = |endpoint: &str, expected: &str| {
            let uri = uri(&endpoint.parse().unwrap(), Signal::Metrics).unwrap();
            assert_eq!(uri.to_string(), expected);
        };
        check("http://a:4318", "http://a:4318/v1/metrics");
        check("https://a/api/v1/otlp/", "https://a/api/v1/otlp/v1/metrics");
    }
}
