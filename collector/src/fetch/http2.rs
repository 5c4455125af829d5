//! HTTP/2, where a server prefers it.

use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::connect::Stream;
use super::http1::{Answer, Failure};
use super::redirect::Hop;
use super::{FetchError, body};

/// What a server may send ahead. Bytes.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same for all streams of a connection. Bytes.
const CONNECTION_WINDOW: u32 = 512 << 10;

type NoBody = Empty<bytes::Bytes>;

/// A connection to one server.
pub(super) struct Connection(SendRequest<NoBody>);

impl Connection {
    pub(super) async fn new(stream: Stream) -> Result<Self, FetchError> {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(FetchError::from_hyper)?;
        // Its error comes with the request that it ends.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(super) fn is_reusable(&self) -> bool {
        !self.0.is_closed()
    }

    pub(super) async fn get(
        &mut self,
        hop: &Hop,
        headers: HeaderMap,
        limit: usize,
    ) -> Result<Answer, Failure> {
        let mut message = hyper::Request::new(NoBody::new());
        *message.uri_mut() = hop.endpoint.uri(&hop.path_and_query)?;
        *message.headers_mut() = headers;
        let answer = match self.0.ready().await {
            Ok(()) => self.0.send_request(message).await,
            Err(error) => Err(error),
        };
        // Whatever ended it: nothing of an answer came.
        let answer = answer.map_err(|error| Failure::Silent(FetchError::from_hyper(error)))?;
        Ok(read(answer, limit).await?)
    }
}

async fn read(answer: hyper::Response<Incoming>, limit: usize) -> Result<Answer, FetchError> {
    let (head, incoming) = answer.into_parts();
    let text = |name: HeaderName| {
        let value = head.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
            .to_owned()
    };
    let body = match head.status.is_success() {
        true => body::read(incoming, limit).await?,
        false => body::read_start(incoming).await,
    };
    Ok(Answer {
        status: head.status.as_u16(),
        content_type: text(CONTENT_TYPE),
        content_encoding: text(CONTENT_ENCODING),
        location: text(LOCATION),
        body,
    })
}
