//! Unary calls of Connect (<https://connectrpc.com/docs/protocol/>): a body of one message in, one out,
//! errors as JSON.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use prost::Message;
use proto::selector::SelectorError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::ErrorChain;
use storage::archive::{Recall, RecallError};

use super::json;
use crate::web::App;
use crate::web::api::{ApiError, Body, TakesGzip};
use crate::web::questions::AskError;

/// Questions are short. Bytes, before and after decompression.
const MAX_BODY: usize = 1 << 20;
const PROTO: HeaderValue = HeaderValue::from_static("application/proto");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What went wrong, in Connect's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Code {
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    ResourceExhausted,
    FailedPrecondition,
    Unimplemented,
    Internal,
    Unavailable,
}

impl Code {
    /// Its name, and the status of the answer.
    fn parts(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidArgument => ("invalid_argument", StatusCode::BAD_REQUEST),
            Self::DeadlineExceeded => ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::ResourceExhausted => ("resource_exhausted", StatusCode::TOO_MANY_REQUESTS),
            Self::FailedPrecondition => ("failed_precondition", StatusCode::BAD_REQUEST),
            Self::Unimplemented => ("unimplemented", StatusCode::NOT_IMPLEMENTED),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(in crate::web) struct ConnectError {
    code: Code,
    /// For people.
    message: String,
    /// Connect has answers of HTTP's own for what is no call at all.
    status: StatusCode,
}

impl ConnectError {
    pub(in crate::web) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            status: code.parts().1,
        }
    }

    /// The request cannot be meant so.
    pub(in crate::web) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }
}

impl From<AskError> for ConnectError {
    fn from(error: AskError) -> Self {
        let code = match &error {
            AskError::Busy => Code::Unavailable,
            AskError::Panicked => Code::Internal,
            AskError::Recall(error) => code_of(error),
        };
        if code == Code::Internal {
            tracing::warn!(error = %ErrorChain(&error), "failed to read the archive for an answer");
        }
        Self::new(code, ErrorChain(&error).to_string())
    }
}

fn code_of(error: &RecallError) -> Code {
    match error {
        RecallError::Merge(_) | RecallError::Kinds { .. } => Code::FailedPrecondition,
        RecallError::TooManySeries { .. }
        | RecallError::TooManyPoints { .. }
        | RecallError::TooManyFindings { .. }
        | RecallError::TooMuchMemory { .. } => Code::ResourceExhausted,
        RecallError::Changing { .. } | RecallError::Stopped => Code::Unavailable,
        _ => Code::Internal,
    }
}

impl From<RecallError> for ConnectError {
    fn from(error: RecallError) -> Self {
        AskError::from(error).into()
    }
}

impl From<SelectorError> for ConnectError {
    fn from(error: SelectorError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// What is wrong with a query of the older paths.
impl From<ApiError> for ConnectError {
    fn from(error: ApiError) -> Self {
        let code = match error.status {
            StatusCode::BAD_REQUEST => Code::InvalidArgument,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            StatusCode::UNPROCESSABLE_ENTITY => Code::ResourceExhausted,
            _ => Code::Internal,
        };
        Self::new(code, error.message)
    }
}

impl IntoResponse for ConnectError {
    fn into_response(self) -> Response {
        let (code, _) = self.code.parts();
        let body = serde_json::json!({"code": code, "message": self.message}).to_string();
        let content_type = (header::CONTENT_TYPE, JSON);
        let nosniff = (header::X_CONTENT_TYPE_OPTIONS, crate::web::api::NOSNIFF);
        let mut response = (self.status, [content_type, nosniff], body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            let allowed = HeaderValue::from_static("application/proto, application/json");
            headers.insert("accept-post", allowed);
        }
        if self.code == Code::Unavailable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Codec {
    Proto,
    Json,
}

impl Codec {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/proto") {
            Some(Self::Proto)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// Reads a message. No body is a message without fields.
    pub(in crate::web) fn read<T: Message + Default + DeserializeOwned>(
        self,
        body: &[u8],
    ) -> Result<T, ConnectError> {
        match self {
            Self::Proto => T::decode(body).map_err(|error| {
                ConnectError::invalid(format!("the body is no such message: {error}"))
            }),
            Self::Json if body.trim_ascii().is_empty() => Ok(T::default()),
            Self::Json => json::read(body).map_err(|error| {
                ConnectError::invalid(format!("the body is no such message in JSON: {error}"))
            }),
        }
    }
}

/// What a method answers with.
pub(in crate::web) trait Answer: Send + 'static {
    /// Writes it. Takes a while for a large one: not for the thread that takes soundings.
    fn write(&self, codec: Codec) -> Result<Vec<u8>, ConnectError>;
}

impl<T: Message + Serialize + 'static> Answer for T {
    fn write(&self, codec: Codec) -> Result<Vec<u8>, ConnectError> {
        match codec {
            Codec::Proto => Ok(self.encode_to_vec()),
            Codec::Json => serde_json::to_vec(self).map_err(|error| {
                let message = format!("failed to write the answer as JSON: {error}");
                ConnectError::new(Code::Internal, message)
            }),
        }
    }
}

/// A call that has come in whole.
pub(in crate::web) struct Call {
    pub(in crate::web) codec: Codec,
    body: Bytes,
    takes_gzip: TakesGzip,
    timeout: Option<Duration>,
}

impl Call {
    /// Reads a request.
    pub(in crate::web) async fn of(request: Request) -> Result<Self, ConnectError> {
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        let codec = Codec::of(headers).ok_or_else(|| ConnectError {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..ConnectError::new(
                Code::Unimplemented,
                "the content type has to be application/proto or application/json",
            )
        })?;
        let encoding = headers.get(header::CONTENT_ENCODING);
        let is_gzip = match encoding.map(HeaderValue::as_bytes) {
            None | Some(b"identity") => false,
            Some(b"gzip") => true,
            Some(_) => {
                let message = "the body has to be plain or gzip";
                return Err(ConnectError::new(Code::Unimplemented, message));
            }
        };
        let timeout = timeout(headers)?;
        let takes_gzip = headers.into();
        let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
            let message = format!("the body is longer than {MAX_BODY} bytes, or was cut short");
            ConnectError::new(Code::ResourceExhausted, message)
        })?;
        Ok(Self {
            codec,
            body: if is_gzip { unpacked(&body)? } else { body },
            takes_gzip,
            timeout,
        })
    }

    /// Reads the message, and answers what `method` makes of it.
    pub(in crate::web) async fn answer<Q, A>(
        self,
        app: &App,
        method: impl FnOnce(&Recall, Q) -> Result<A, ConnectError> + Send + 'static,
    ) -> Result<Response, ConnectError>
    where
        Q: Message + Default + DeserializeOwned + 'static,
        A: Answer,
    {
        let codec = self.codec;
        let question = codec.read::<Q>(&self.body)?;
        let content_type = match codec {
            Codec::Proto => PROTO,
            Codec::Json => JSON,
        };
        let takes_gzip = self.takes_gzip;
        let asked = app.questions.ask(move |recall| {
            let bytes = method(recall, question)?.write(codec)?;
            Ok(Body::new(bytes, content_type, takes_gzip))
        });
        let late = || {
            let message = "the answer took longer than the client waits";
            Err(ConnectError::new(Code::DeadlineExceeded, message))
        };
        let body = match self.timeout {
            None => asked.await,
            Some(Duration::ZERO) => late(),
            Some(timeout) => match tokio::time::timeout(timeout, asked).await {
                Ok(body) => body,
                Err(_) => late(),
            },
        };
        Ok(body?.into_response())
    }
}

fn unpacked(body: &[u8]) -> Result<Bytes, ConnectError> {
    match proto::compress::decompress(body, MAX_BODY) {
        Ok(body) => Ok(Bytes::from(body.into_owned())),
        Err(proto::compress::CompressError::LimitExceeded { limit }) => {
            let message = format!("the body is longer than {limit} bytes when it is unpacked");
            Err(ConnectError::new(Code::ResourceExhausted, message))
        }
        Err(error) => Err(ConnectError::invalid(ErrorChain(&error).to_string())),
    }
}

/// How long the client waits: ten digits of milliseconds at most.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ConnectError> {
    let Some(value) = headers.get("connect-timeout-ms") else {
        return Ok(None);
    };
    let millis = value.to_str().ok().filter(|text| text.len() <= 10);
    let millis: Option<u64> = millis.and_then(|text| text.parse().ok());
    let millis = millis.ok_or_else(|| {
        ConnectError::invalid("connect-timeout-ms has to be a number of ten digits at most")
    })?;
    Ok(Some(Duration::from_millis(millis)))
}
