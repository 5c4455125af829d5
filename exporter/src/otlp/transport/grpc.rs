//! OTLP over gRPC.

use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT as USER_AGENT_HEADER};
use hyper::http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use super::super::answer::{self, Answer};
use super::codec::BytesCodec;
use super::pool::{Pool, Versions};
use super::{Headers, MAX_RESPONSE_BYTES, Prepared, USER_AGENT, describe, parse_endpoint};
use crate::otlp::{Compression, OtlpError, ReceiverOptions};

/// A gRPC receiver.
#[derive(Debug)]
pub(in crate::otlp) struct GrpcTransport {
    pool: Pool<Body>,
    origin: Uri,
    headers: Headers,
    pub(super) compression: Compression,
    timeout: Duration,
}

impl GrpcTransport {
    pub(super) fn new(options: &ReceiverOptions) -> Result<Self, OtlpError> {
        let origin = parse_endpoint(&options.endpoint)?;
        Ok(Self {
            pool: Pool::new(options, &origin, Versions::Http2)?,
            origin,
            headers: Headers::new(options)?,
            compression: options.compression,
            timeout: options.timeout,
        })
    }

    pub(super) async fn send(&mut self, prepared: &Prepared) -> Answer {
        let headers = match self.headers.read(prepared.signal) {
            Ok(headers) => headers,
            Err(error) => return Answer::unanswered("credentials", describe(&error)),
        };
        let call = self.call(prepared, headers);
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(body)) => answer::success(&body),
            Ok(Err(status)) => failure(&status),
            Err(_) => Answer::unanswered("timeout", "no answer in time"),
        }
    }

    fn call(
        &mut self,
        prepared: &Prepared,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> impl Future<Output = Result<Bytes, Status>> + Send + use<> {
        let client = self.pool.client();
        let mut grpc = Grpc::with_origin(client, self.origin.clone())
            .max_decoding_message_size(MAX_RESPONSE_BYTES);
        if let Some(encoding) = encoding(self.compression) {
            grpc = grpc.send_compressed(encoding);
        }
        let mut request = Request::new(prepared.body.clone());
        let mut metadata = std::mem::take(request.metadata_mut()).into_headers();
        metadata.insert(USER_AGENT_HEADER, HeaderValue::from_static(USER_AGENT));
        metadata.extend(headers);
        *request.metadata_mut() = MetadataMap::from_headers(metadata);
        request.set_timeout(self.timeout);
        let path = PathAndQuery::from_static(prepared.signal.grpc_path());
        async move {
            let response = grpc.unary(request, path, BytesCodec).await?;
            Ok(response.into_inner())
        }
    }
}

fn encoding(compression: Compression) -> Option<CompressionEncoding> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some(CompressionEncoding::Gzip),
        Compression::Zstd => Some(CompressionEncoding::Zstd),
    }
}

/// What a failed call means. A status that the receiver sent has no source; one that was made up
/// for a broken connection carries its cause, and is retried whatever its code.
fn failure(status: &Status) -> Answer {
    match std::error::Error::source(status) {
        Some(cause) => Answer::unanswered(broken_reason(cause), describe(cause)),
        None if is_silence(status) => Answer::unanswered("disconnected", status.message()),
        None => answer::grpc_failure(status.code(), status.message(), status.details()),
    }
}

/// Whether the connection ended without a word of the receiver.
fn is_silence(status: &Status) -> bool {
    status.code() == Code::Internal && status.message() == "Missing response message."
}

fn broken_reason(cause: &(dyn std::error::Error + 'static)) -> &'static str {
    let client = cause.downcast_ref::<hyper_util::client::legacy::Error>();
    match client.is_some_and(hyper_util::client::legacy::Error::is_connect) {
        true => "connect",
        false => "disconnected",
    }
}
