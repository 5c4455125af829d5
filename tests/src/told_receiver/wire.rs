//! OTLP on the wire, as the receiver's end writes and reads it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
use prost::Message as _;
use tokio_util::io::ReaderStream;
use tonic::Code;

use crate::otlp_receiver::unpack;

/// How a request came.
pub(super) enum Wire {
    /// In a gRPC frame, compressed with this.
    Grpc(String),
    /// In the body, compressed with this.
    Http(String),
}

/// What a request held.
pub(super) struct Message {
    /// Its length before compression.
    pub(super) n_bytes: usize,
    /// Points of `scrapes_total`: (time in ms, value).
    pub(super) points: Vec<(u64, f64)>,
    /// All points.
    pub(super) n_points: usize,
}

impl Wire {
    pub(super) fn of(head: &Parts) -> Self {
        let text = |name| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or("").to_owned()
        };
        match text("content-type").starts_with("application/grpc") {
            true => Self::Grpc(text("grpc-encoding")),
            false => Self::Http(text("content-encoding")),
        }
    }

    pub(super) fn is_grpc(&self) -> bool {
        matches!(self, Self::Grpc(_))
    }

    /// What the message is compressed with, or nothing.
    pub(super) fn encoding(&self) -> &str {
        match self {
            Self::Grpc(encoding) | Self::Http(encoding) => encoding,
        }
    }

    pub(super) fn read(&self, body: &[u8]) -> Result<Message> {
        let plain = match self {
            Self::Http(encoding) => unpack(encoding, body)?,
            Self::Grpc(encoding) => {
                let (flag, rest) = body.split_first().context("an empty body")?;
                let (length, message) = rest.split_at_checked(4).context("half a prefix")?;
                let length = u32::from_be_bytes(length.try_into()?);
                ensure!(
                    length as usize == message.len(),
                    "{length} is not its length"
                );
                ensure!(
                    (*flag == 1) != encoding.is_empty(),
                    "flag {flag}, {encoding:?}"
                );
                unpack(encoding, message)?
            }
        };
        message(&plain)
    }

    /// The request was taken, but for so many points.
    pub(super) fn success(&self, rejected_data_points: i64) -> Response {
        let partial = ExportMetricsPartialSuccess {
            rejected_data_points,
            error_message: "as told".to_owned(),
        };
        let response = ExportMetricsServiceResponse {
            partial_success: (rejected_data_points > 0).then_some(partial),
        };
        let message = response.encode_to_vec();
        if !self.is_grpc() {
            return message.into_response();
        }
        let mut framed = vec![0];
        framed.extend((message.len() as u32).to_be_bytes());
        framed.extend(message);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let body = Full::new(Bytes::from(framed));
        self.begin(Body::new(body.with_trailers(async { Some(Ok(trailers)) })))
    }

    /// The request is too long.
    pub(super) fn too_long(&self) -> Response {
        match self.is_grpc() {
            true => grpc_status(
                Code::ResourceExhausted,
                "grpc: received message larger than max (2 vs. 1)",
                None,
            ),
            false => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    }

    /// The answer of a success, without end.
    pub(super) fn endless(&self) -> Response {
        self.begin(Body::from_stream(ReaderStream::new(tokio::io::repeat(
            b'x',
        ))))
    }

    /// The head of a success; the rest never comes.
    pub(super) fn endless_silence(&self) -> Response {
        let (silent, kept) = tokio::io::duplex(1);
        tokio::spawn(async move {
            let _open = kept;
            std::future::pending::<()>().await;
        });
        self.begin(Body::from_stream(ReaderStream::new(silent)))
    }

    fn begin(&self, body: Body) -> Response {
        match self {
            Self::Grpc(_) => ([("content-type", "application/grpc")], body).into_response(),
            Self::Http(_) => body.into_response(),
        }
    }
}

/// A gRPC status, with a `RetryInfo` if there is a wait.
pub(super) fn grpc_status(code: Code, text: &str, wait: Option<Duration>) -> Response {
    let details = wait.map(retry_info).unwrap_or_default();
    let status = tonic::Status::with_details(code, text, details.into());
    status.into_http::<Body>()
}

/// A `google.rpc.Status` with a `google.rpc.RetryInfo`.
fn retry_info(wait: Duration) -> Vec<u8> {
    let mut duration = Vec::new();
    prost::encoding::uint64::encode(1, &wait.as_secs(), &mut duration);
    prost::encoding::uint32::encode(2, &wait.subsec_nanos(), &mut duration);
    let mut info = Vec::new();
    prost::encoding::bytes::encode(1, &duration, &mut info);
    let mut any = Vec::new();
    let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    prost::encoding::string::encode(1, &type_url, &mut any);
    prost::encoding::bytes::encode(2, &info, &mut any);
    let mut status = Vec::new();
    prost::encoding::bytes::encode(3, &any, &mut status);
    status
}

fn message(plain: &[u8]) -> Result<Message> {
    let request = ExportMetricsServiceRequest::decode(plain)?;
    let mut message = Message {
        n_bytes: plain.len(),
        points: Vec::new(),
        n_points: 0,
    };
    let scopes = request
        .resource_metrics
        .into_iter()
        .flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let points = match metric.data.context("a metric without data")? {
            Data::Gauge(gauge) => gauge.data_points,
            Data::Sum(sum) => sum.data_points,
            other => anyhow::bail!("the target has no such metric: {other:?}"),
        };
        message.n_points += points.len();
        let recorded = points.into_iter().filter(|point| point.flags == 0);
        for point in recorded.filter(|_| metric.name == "scrapes_total") {
            let Some(Value::AsDouble(value)) = point.value else {
                anyhow::bail!("not a double: {point:?}");
            };
            message
                .points
                .push((point.time_unix_nano / 1_000_000, value));
        }
    }
    Ok(message)
}
