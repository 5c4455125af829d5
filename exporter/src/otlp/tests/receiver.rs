//! A receiver that takes OTLP over gRPC and HTTP, answers as it is told, and keeps what it got.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes as BodyBytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use axum::{Router, body::Body};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
    logs_service_server::{LogsService, LogsServiceServer},
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    metrics_service_server::{MetricsService, MetricsServiceServer},
};
use opentelemetry_proto::tonic::collector::profiles::v1development::{
    ExportProfilesServiceRequest, ExportProfilesServiceResponse,
    profiles_service_server::{ProfilesService, ProfilesServiceServer},
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Response, Status};

use super::super::signal::Signal;

const SIGNALS: [Signal; 4] = [
    Signal::Metrics,
    Signal::Profiles,
    Signal::Traces,
    Signal::Logs,
];

/// How a request is answered.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Taken, but for so many items.
    Partial(i64),
    /// A gRPC status with details.
    Grpc(Code, Vec<u8>),
    /// An HTTP status, with `Retry-After` if it is not empty.
    Http(u16, &'static str),
    /// No answer within any test's time.
    Hang,
}

/// A request as it came, decompressed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Received {
    pub(super) signal: Signal,
    pub(super) body: Vec<u8>,
    pub(super) headers: HeaderMap,
}

/// What the services share.
#[derive(Clone)]
pub(super) struct Receiver {
    /// Compressions that are taken over gRPC.
    encodings: &'static [CompressionEncoding],
    /// Longer messages are refused, and not kept.
    max_message_bytes: usize,
    script: Arc<Mutex<VecDeque<Reply>>>,
    received: watch::Sender<Vec<Received>>,
}

impl Receiver {
    /// Answers with the script first, and takes everything after it.
    pub(super) fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        Self {
            encodings: &[CompressionEncoding::Gzip, CompressionEncoding::Zstd],
            max_message_bytes: usize::MAX,
            script,
            received: watch::Sender::new(Vec::new()),
        }
    }

    /// Takes no zstd over gRPC, as many do not.
    pub(super) fn without_zstd(self) -> Self {
        Self {
            encodings: &[CompressionEncoding::Gzip],
            ..self
        }
    }

    /// Takes no longer messages.
    pub(super) fn taking_at_most(self, max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes,
            ..self
        }
    }

    /// Listens on a free port.
    pub(super) async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, self.router()).into_future());
        address
    }

    /// Waits until so many requests came, refused ones included.
    pub(super) async fn wait_for(&self, n_requests: usize) -> Vec<Received> {
        let mut received = self.received.subscribe();
        let arrived = received.wait_for(|received| received.len() >= n_requests);
        let arrived = tokio::time::timeout(Duration::from_secs(20), arrived).await;
        arrived.expect("requests in time").unwrap().clone()
    }

    /// What came so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    pub(super) fn router(&self) -> Router {
        let mut metrics = MetricsServiceServer::new(self.clone());
        let mut profiles = ProfilesServiceServer::new(self.clone());
        let mut traces = TraceServiceServer::new(self.clone());
        let mut logs = LogsServiceServer::new(self.clone());
        for encoding in self.encodings {
            metrics = metrics.accept_compressed(*encoding);
            profiles = profiles.accept_compressed(*encoding);
            traces = traces.accept_compressed(*encoding);
            logs = logs.accept_compressed(*encoding);
        }
        SIGNALS
            .into_iter()
            .fold(Router::new(), |router, signal| {
                router.route(signal.http_path(), post(take))
            })
            .with_state(self.clone())
            .route_service(Signal::Metrics.grpc_path(), metrics)
            .route_service(Signal::Profiles.grpc_path(), profiles)
            .route_service(Signal::Traces.grpc_path(), traces)
            .route_service(Signal::Logs.grpc_path(), logs)
    }

    /// Keeps a request and says how to answer it.
    fn keep(&self, signal: Signal, body: Vec<u8>, headers: HeaderMap) -> Option<Reply> {
        let reply = self.script.lock().unwrap().pop_front();
        self.received.send_modify(|all| {
            all.push(Received {
                signal,
                body,
                headers,
            });
        });
        reply
    }

    async fn call<M: Message>(&self, signal: Signal, request: Request<M>) -> Result<i64, Status> {
        let headers = request.metadata().clone().into_headers();
        if request.get_ref().encoded_len() > self.max_message_bytes {
            return Err(Status::resource_exhausted(
                "received message larger than max",
            ));
        }
        match self.keep(signal, request.get_ref().encode_to_vec(), headers) {
            None => Ok(0),
            Some(Reply::Partial(n_rejected)) => Ok(n_rejected),
            Some(Reply::Grpc(code, details)) => {
                Err(Status::with_details(code, "as told", details.into()))
            }
            Some(Reply::Hang) => std::future::pending().await,
            Some(Reply::Http(..)) => panic!("an HTTP reply for a gRPC request"),
        }
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let rejected_data_points = self.call(Signal::Metrics, request).await?;
        let partial_success = (rejected_data_points > 0).then(|| ExportMetricsPartialSuccess {
            rejected_data_points,
            error_message: "as told".to_owned(),
        });
        Ok(Response::new(ExportMetricsServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl ProfilesService for Receiver {
    async fn export(
        &self,
        request: Request<ExportProfilesServiceRequest>,
    ) -> Result<Response<ExportProfilesServiceResponse>, Status> {
        self.call(Signal::Profiles, request).await?;
        Ok(Response::new(ExportProfilesServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.call(Signal::Traces, request).await?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.call(Signal::Logs, request).await?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

async fn take(
    State(receiver): State<Receiver>,
    uri: Uri,
    headers: HeaderMap,
    body: BodyBytes,
) -> HttpResponse {
    let signal = SIGNALS
        .into_iter()
        .find(|s| s.http_path() == uri.path())
        .unwrap();
    let plain = proto::compress::decompress(&body, 64 << 20)
        .unwrap()
        .into_owned();
    if plain.len() > receiver.max_message_bytes {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    match receiver.keep(signal, plain, headers) {
        None => Body::empty().into_response(),
        Some(Reply::Partial(rejected_data_points)) => {
            let partial = ExportMetricsPartialSuccess {
                rejected_data_points,
                error_message: "as told".to_owned(),
            };
            let response = ExportMetricsServiceResponse {
                partial_success: Some(partial),
            };
            response.encode_to_vec().into_response()
        }
        Some(Reply::Http(status, retry_after)) => {
            let status = StatusCode::from_u16(status).unwrap();
            match retry_after {
                "" => status.into_response(),
                seconds => (status, [("retry-after", seconds)]).into_response(),
            }
        }
        Some(Reply::Hang) => std::future::pending().await,
        Some(Reply::Grpc(..)) => panic!("a gRPC reply for an HTTP request"),
    }
}
