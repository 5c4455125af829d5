//! An OTLP receiver in this process, gRPC and HTTP, that keeps every request it took.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::profiles::v1development::profiles_service_server::{
    ProfilesService, ProfilesServiceServer,
};
use opentelemetry_proto::tonic::collector::profiles::v1development::{
    ExportProfilesServiceRequest, ExportProfilesServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point::Value};
use prost::Message;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

/// `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK` of the protocol.
const NO_RECORDED_VALUE: u32 = 1;

/// What arrived, in order.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Metrics requests.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// Profiles requests.
    pub profiles: Vec<ExportProfilesServiceRequest>,
    /// Traces requests.
    pub traces: Vec<ExportTraceServiceRequest>,
}

#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Received>>);

impl Inbox {
    fn put(&self, keep: impl FnOnce(&mut Received)) {
        keep(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A running receiver; it ends when dropped.
pub struct OtlpReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    inbox: Inbox,
    _stop: DropGuard,
}

impl OtlpReceiver {
    /// Takes OTLP/gRPC, plain, gzip or zstd, on a free port.
    pub async fn grpc() -> Result<Self> {
        Self::grpc_at(([127, 0, 0, 1], 0).into()).await
    }

    /// Takes OTLP/gRPC at this address.
    pub async fn grpc_at(address: SocketAddr) -> Result<Self> {
        let inbox = Inbox::default();
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let stop = CancellationToken::new();
        let (gzip, zstd) = (CompressionEncoding::Gzip, CompressionEncoding::Zstd);
        let server = tonic::transport::Server::builder()
            .add_service(
                MetricsServiceServer::new(inbox.clone())
                    .accept_compressed(gzip)
                    .accept_compressed(zstd),
            )
            .add_service(
                ProfilesServiceServer::new(inbox.clone())
                    .accept_compressed(gzip)
                    .accept_compressed(zstd),
            )
            .add_service(
                TraceServiceServer::new(inbox.clone())
                    .accept_compressed(gzip)
                    .accept_compressed(zstd),
            )
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        tokio::spawn(server);
        Ok(Self {
            address,
            inbox,
            _stop: stop.drop_guard(),
        })
    }

    /// Takes OTLP/HTTP with protobuf bodies, plain, gzip or zstd.
    pub async fn http() -> Result<Self> {
        let inbox = Inbox::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/v1/metrics", post(http_metrics))
            .route("/v1development/profiles", post(http_profiles))
            .route("/v1/traces", post(http_traces))
            .with_state(inbox.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
        });
        Ok(Self {
            address,
            inbox,
            _stop: stop.drop_guard(),
        })
    }

    /// A copy of what arrived so far.
    pub fn received(&self) -> Received {
        self.inbox
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Metrics of this name with the `service.name` of their resource, in order of arrival.
    pub fn metrics(&self, name: &str) -> Vec<(String, Metric)> {
        let received = self.received();
        let resources = received
            .metrics
            .iter()
            .flat_map(|request| &request.resource_metrics);
        resources
            .flat_map(|resource| {
                let service = resource
                    .resource
                    .as_ref()
                    .and_then(|r| r.attributes.iter().find(|a| a.key == "service.name"))
                    .and_then(|attribute| attribute.value.clone()?.value)
                    .map_or_else(String::new, |value| match value {
                        opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(
                            text,
                        ) => text,
                        other => format!("{other:?}"),
                    });
                let metrics = resource
                    .scope_metrics
                    .iter()
                    .flat_map(|scope| &scope.metrics);
                metrics.map(move |metric| (service.clone(), metric.clone()))
            })
            .filter(|(_, metric)| metric.name == name)
            .collect()
    }

    /// Points `(time in ms, value)` of a gauge or sum of one service, sorted by time.
    pub fn number_points(&self, service: &str, name: &str) -> Vec<(u64, f64)> {
        let metrics = self
            .metrics(name)
            .into_iter()
            .filter(|(of, _)| of == service);
        let mut points: Vec<_> = metrics
            .flat_map(|(_, metric)| match metric.data {
                Some(Data::Gauge(gauge)) => gauge.data_points,
                Some(Data::Sum(sum)) => sum.data_points,
                _ => Vec::new(),
            })
            .filter_map(|point| {
                let value = match point.value? {
                    Value::AsDouble(value) => value,
                    Value::AsInt(value) => value as f64,
                };
                (point.flags == 0).then_some((point.time_unix_nano / 1_000_000, value))
            })
            .collect();
        points.sort_unstable_by_key(|(time, _)| *time);
        points
    }

    /// Points without a value (stale markers) of a gauge or sum of one target, which its
    /// `service.instance.id` names.
    pub fn n_ends(&self, name: &str, instance: &str) -> usize {
        let received = self.received();
        let resources = received
            .metrics
            .iter()
            .flat_map(|request| &request.resource_metrics);
        let of_target = resources.filter(|resource| {
            let resource = resource.resource.as_ref();
            resource.is_some_and(|resource| format!("{:?}", resource.attributes).contains(instance))
        });
        of_target
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
            .filter(|metric| metric.name == name)
            .flat_map(|metric| match metric.data.clone() {
                Some(Data::Gauge(gauge)) => gauge.data_points,
                Some(Data::Sum(sum)) => sum.data_points,
                _ => Vec::new(),
            })
            .filter(|point| point.flags & NO_RECORDED_VALUE != 0)
            .count()
    }

    /// Functions named in the dictionaries of all profiles that arrived.
    pub fn functions(&self) -> std::collections::BTreeSet<String> {
        let received = self.received();
        let dictionaries = received
            .profiles
            .iter()
            .filter_map(|request| request.dictionary.as_ref());
        dictionaries
            .flat_map(|dictionary| {
                let name = |idx: i32| {
                    dictionary
                        .string_table
                        .get(usize::try_from(idx).ok()?)
                        .cloned()
                };
                dictionary
                    .function_table
                    .iter()
                    .filter_map(move |f| name(f.name_strindex))
            })
            .collect()
    }
}

#[tonic::async_trait]
impl MetricsService for Inbox {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.put(|received| received.metrics.push(request.into_inner()));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl ProfilesService for Inbox {
    async fn export(
        &self,
        request: Request<ExportProfilesServiceRequest>,
    ) -> Result<Response<ExportProfilesServiceResponse>, Status> {
        self.put(|received| received.profiles.push(request.into_inner()));
        Ok(Response::new(ExportProfilesServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.put(|received| received.traces.push(request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn http_metrics(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    take(&headers, &body, |message| {
        inbox.put(|received| received.metrics.push(message));
    })
}

async fn http_profiles(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    take(&headers, &body, |message| {
        inbox.put(|received| received.profiles.push(message));
    })
}

async fn http_traces(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    take(&headers, &body, |message| {
        inbox.put(|received| received.traces.push(message));
    })
}

fn take<M: Message + Default>(
    headers: &HeaderMap,
    body: &[u8],
    keep: impl FnOnce(M),
) -> StatusCode {
    let encoding = headers
        .get("content-encoding")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let Ok(plain) = unpack(encoding, body) else {
        return StatusCode::BAD_REQUEST;
    };
    match M::decode(plain.as_slice()) {
        Ok(message) => {
            keep(message);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

pub(crate) fn unpack(encoding: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut plain = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body)
            .read_to_end(&mut plain)
            .map(|_| plain),
        "zstd" => zstd::decode_all(body),
        _ => Ok(body.to_vec()),
    }
}
