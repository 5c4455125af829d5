//! The intake as its clients see it, over real sockets, and what is in the log.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use proto::{Record, compress};
use reqwest::StatusCode;
use storage::Position;
use storage::log::{Log, LogOptions, ReadFrom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::DropGuard;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use super::*;
use crate::auth::{Credentials, SecretSource};
use crate::otlp::status::{RpcStatus, retry_delay};
use crate::testing::log_options;

/// A running intake, and its log.
struct Running {
    log: Log,
    registry: Registry,
    address: SocketAddr,
    folder: tempfile::TempDir,
    _stop: DropGuard,
}

fn options() -> IntakeOptions {
    IntakeOptions {
        listen: vec![([127, 0, 0, 1], 0).into()],
        access: Access::default(),
        max_request_bytes: 1 << 20,
    }
}

fn start(options: IntakeOptions) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(
        LogOptions {
            queue_bytes: 64 << 10,
            // Whoever sends is not to wait for it.
            sync_interval: Duration::from_secs(3600),
            ..log_options(&folder.path().join("log"))
        },
        Position(0),
    )
    .unwrap();
    let registry = Registry::new();
    let intake = Intake::bind(options, log.appender(), &registry).unwrap();
    let address = intake.local_addrs()[0];
    let shutdown = CancellationToken::new();
    tokio::spawn(intake.run(shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    Running {
        log,
        registry,
        address,
        folder,
        _stop: shutdown.drop_guard(),
    }
}

impl Running {
    async fn post(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("http://{}/v1/traces", self.address);
        let mut request = reqwest::Client::new().post(url).body(body);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-protobuf");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn client(&self) -> TraceServiceClient<Channel> {
        let url = format!("http://{}", self.address);
        TraceServiceClient::connect(url).await.unwrap()
    }

    /// The requests in the log.
    fn logged(&self) -> Vec<Vec<u8>> {
        let from = ReadFrom::Position(Position(0));
        let mut reader = self.log.reader("test", from).unwrap();
        let mut requests = Vec::new();
        while let Some(entry) = reader.try_next().unwrap() {
            match entry.record {
                Record::Traces(request) => requests.push(request.to_vec()),
                other => panic!("{other:?}"),
            }
        }
        requests
    }

    /// The line of a counter.
    #[track_caller]
    fn check_counted(&self, line: &str) {
        let families = self.registry.gather();
        let page = prometheus::TextEncoder::new()
            .encode_to_string(&families)
            .unwrap();
        assert!(page.lines().any(|other| other == line), "{line}: {page}");
    }
}

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    since.as_nanos() as u64
}

fn span(name: &str) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        start_time_unix_nano: now(),
        end_time_unix_nano: now(),
        name: name.to_owned(),
        ..Span::default()
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

#[tokio::test]
async fn what_is_answered_is_in_the_log_as_it_came() {
    let running = start(options());
    let plain = request(vec![span("a"), span("b")]).encode_to_vec();
    let packed = compress::zstd(&plain, 1).unwrap();
    let mut n_taken = 0;
    for (body, encoding) in [
        (plain.clone(), "identity"),
        (compress::gzip(&plain), "gzip"),
        (packed, "zstd"),
    ] {
        let answer = running.post(body, &[("content-encoding", encoding)]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{encoding}");
        assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
        let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
        assert_eq!(response.partial_success, None);
        n_taken += 1;
        assert_eq!(running.logged(), vec![plain.clone(); n_taken], "{encoding}");
    }
    running.check_counted("leadsman_traces_received_spans_total{transport=\"http\"} 6");
    running.check_counted("leadsman_traces_requests_total{code=\"200\",transport=\"http\"} 3");
}

#[tokio::test]
async fn a_grpc_client_is_understood() {
    let running = start(options());
    let sent = request(vec![span("a")]);
    for encoding in [
        None,
        Some(CompressionEncoding::Gzip),
        Some(CompressionEncoding::Zstd),
    ] {
        let mut client = running.client().await;
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding);
        }
        let answer = client.export(sent.clone()).await.unwrap();
        assert_eq!(answer.get_ref().partial_success, None);
    }
    assert_eq!(running.logged(), vec![sent.encode_to_vec(); 3]);
    running.check_counted("leadsman_traces_received_spans_total{transport=\"grpc\"} 3");
    running.check_counted("leadsman_traces_requests_total{code=\"ok\",transport=\"grpc\"} 3");
}

#[tokio::test]
async fn spans_without_ids_are_left_out_and_said() {
    let running = start(options());
    let nameless = Span {
        trace_id: vec![1; 3],
        ..span("bad")
    };
    let old = Span {
        start_time_unix_nano: 1,
        ..span("old")
    };
    let good = span("good");
    let sent = request(vec![nameless, good.clone(), old]);
    let answer = running.client().await.export(sent.clone()).await.unwrap();
    let partial = answer.into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert_eq!(
        partial.error_message,
        "spans were left out: 1 without a valid trace id, 1 that began in the future or too long ago"
    );
    let answer = running.post(sent.encode_to_vec(), &[]).await;
    let response = ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    assert_eq!(response.partial_success, Some(partial));
    assert_eq!(
        running.logged(),
        vec![request(vec![good]).encode_to_vec(); 2]
    );
    running.check_counted("leadsman_traces_rejected_spans_total{reason=\"trace_id\"} 2");
    running.check_counted("leadsman_traces_rejected_spans_total{reason=\"time\"} 2");
}

/// What cannot be taken has a status, a message for people, and nothing in the log.
#[tokio::test]
async fn garbage_is_refused_and_not_logged() {
    let running = start(options());
    let good = request(vec![span("a")]).encode_to_vec();
    let check = async |body: Vec<u8>, headers: &[(&str, &str)], status: u16, message: &str| {
        let answer = running.post(body, headers).await;
        assert_eq!(answer.status().as_u16(), status, "{message}");
        assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
        let told = RpcStatus::decode(answer.bytes().await.unwrap()).unwrap();
        assert!(told.message.contains(message), "{told:?}");
    };
    check(
        b"\xff\xfe not protobuf".to_vec(),
        &[],
        400,
        "not an ExportTraceServiceRequest",
    )
    .await;
    check(good[..good.len() - 3].to_vec(), &[], 400, "cut short").await;
    check(
        b"{}".to_vec(),
        &[("content-type", "application/json")],
        415,
        "x-protobuf",
    )
    .await;
    check(
        good.clone(),
        &[("content-encoding", "br")],
        415,
        "\"br\" is not known",
    )
    .await;
    check(vec![0; 2 << 20], &[], 413, "longer than 1048576 bytes").await;
    let bomb = compress::gzip(&vec![0; 64 << 20]);
    check(
        bomb,
        &[("content-encoding", "gzip")],
        413,
        "longer than 1048576 bytes",
    )
    .await;
    let mut cut = compress::gzip(&good);
    cut.truncate(cut.len() - 4);
    check(cut, &[("content-encoding", "gzip")], 400, "damaged gzip").await;
    let many = request(vec![Span::default(); 20_001]).encode_to_vec();
    check(many, &[], 413, "more than 20000 spans").await;
    assert_eq!(running.logged(), Vec::<Vec<u8>>::new());
    running.check_counted("leadsman_traces_requests_total{code=\"413\",transport=\"http\"} 3");
}

#[tokio::test]
async fn other_services_and_paths_are_told_what_there_is() {
    let running = start(options());
    let mut client = MetricsServiceClient::connect(format!("http://{}", running.address))
        .await
        .unwrap();
    let status = client
        .export(ExportMetricsServiceRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert!(
        status.message().contains("TraceService/Export"),
        "{status:?}"
    );
    for (path, expected) in [("/v1/metrics", 404), ("/", 404), ("/v1/traces", 405)] {
        let url = format!("http://{}{path}", running.address);
        let answer = reqwest::get(url).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path}");
        let told = RpcStatus::decode(answer.bytes().await.unwrap()).unwrap();
        assert_eq!(told.code, 12);
    }
}

#[tokio::test]
async fn what_is_no_grpc_message_is_refused_with_a_status() {
    let running = start(options());
    let good = request(vec![span("a")]).encode_to_vec();
    let framed = |flag: u8, message: &[u8]| {
        let length = (message.len() as u32).to_be_bytes();
        [&[flag][..], &length[..], message].concat()
    };
    let send = async |body: Vec<u8>, encoding: &str| {
        let url = format!(
            "http://{}/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            running.address
        );
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .http2_prior_knowledge()
            .build()
            .unwrap();
        let answer = client
            .post(url)
            .header("content-type", "application/grpc")
            .header("grpc-encoding", encoding)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        (
            header("grpc-status").unwrap(),
            header("grpc-message").unwrap(),
        )
    };
    let (code, message) = send(b"\0\0".to_vec(), "identity").await;
    assert_eq!((&*code, &*message), ("3", "the gRPC message is cut short"));
    let (code, _) = send([framed(0, &good), vec![0]].concat(), "identity").await;
    assert_eq!(code, "3");
    let (code, message) = send(framed(1, &compress::gzip(&good)), "identity").await;
    assert_eq!(code, "3", "{message}");
    let (code, message) = send(framed(1, b"x"), "snappy").await;
    assert_eq!(code, "12", "{message}");
    let (code, message) = send(framed(1, &compress::gzip(&vec![0; 64 << 20])), "gzip").await;
    assert_eq!(code, "8", "{message}");
    let (code, message) = send(framed(0, "ü".as_bytes()), "identity").await;
    assert_eq!(code, "3", "{message}");
    assert_eq!(running.logged(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn credentials_are_asked_for_in_both_protocols() {
    let token = SecretSource::Inline("planted".into());
    let access = Access {
        credentials: vec![Credentials::Token {
            scheme: "Bearer".into(),
            token,
        }],
        ..Access::default()
    };
    let running = start(IntakeOptions {
        access,
        ..options()
    });
    let sent = request(vec![span("a")]);
    let answer = running.post(sent.encode_to_vec(), &[]).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.headers()["www-authenticate"],
        "Bearer realm=\"leadsman\""
    );
    let status = running
        .client()
        .await
        .export(sent.clone())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    assert!(running.logged().is_empty());
    let header = ("authorization", "Bearer planted");
    let answer = running.post(sent.encode_to_vec(), &[header]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut with = tonic::Request::new(sent);
    with.metadata_mut()
        .insert("authorization", "Bearer planted".parse().unwrap());
    running.client().await.export(with).await.unwrap();
    assert_eq!(running.logged().len(), 2);
}

#[test]
fn an_open_address_without_protection_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let options = IntakeOptions {
        listen: vec![([0, 0, 0, 0], 0).into()],
        ..options()
    };
    let log = Log::open(
        LogOptions {
            memory_tail_bytes: 0,
            ..log_options(&folder.path().join("log"))
        },
        Position(0),
    )
    .unwrap();
    let refused = Intake::bind(options, log.appender(), &Registry::new());
    let error = refused.err().unwrap().to_string();
    assert!(error.contains("set traces.authorization"), "{error}");
}

/// A disk that takes nothing: the folder of the log is a file.
#[tokio::test]
async fn while_the_log_refuses_clients_are_to_try_again() {
    let running = start(options());
    let log = running.folder.path().join("log");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::write(&log, "").unwrap();
    let body = request(vec![span(&"x".repeat(60_000))]).encode_to_vec();
    // The first fills the queue; it is not durable, and is not answered as if it were.
    let url = format!("http://{}/v1/traces", running.address);
    let waiting = tokio::spawn(
        reqwest::Client::new()
            .post(url)
            .header("content-type", "application/x-protobuf")
            .body(body.clone())
            .send(),
    );
    let is_faulty = async {
        while running.log.is_writable()() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout_of_test(is_faulty).await;
    let answer = running.post(body.clone(), &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "5");
    let decoded = ExportTraceServiceRequest::decode(&*body).unwrap();
    let status = running.client().await.export(decoded).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(retry_delay(status.details()), Some(Duration::from_secs(5)));
    assert!(!waiting.is_finished());
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    let answer = timeout_of_test(waiting).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "the disk is back");
    assert_eq!(running.logged(), [body]);
}

async fn timeout_of_test<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(20), future).await;
    done.expect("in time")
}

/// A body that comes by the byte holds a place for a while, and no longer.
#[tokio::test]
async fn slow_bodies_are_given_up() {
    let running = start(options());
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\
                content-type: application/x-protobuf\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let answer = running
        .post(request(vec![span("a")]).encode_to_vec(), &[])
        .await;
    assert_eq!(
        answer.status(),
        StatusCode::OK,
        "others are served meanwhile"
    );
    let mut answer = Vec::new();
    timeout_of_test(slow.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_long_request_is_read_aside() {
    let running = start(options());
    let spans = (0..400).map(|idx| span(&format!("{idx}-{}", "x".repeat(1000))));
    let plain = request(spans.collect()).encode_to_vec();
    let gzip = compress::gzip(&plain);
    for (body, encoding) in [(plain.clone(), "identity"), (gzip, "gzip")] {
        let answer = running.post(body, &[("content-encoding", encoding)]).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(running.logged(), vec![plain; 2]);
}
