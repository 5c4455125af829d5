//! The server as its clients see it, over real sockets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::profile::Profile;
use proto::{Labels, Record, Target, UnixMillis};
use reqwest::StatusCode;
use storage::Position;
use storage::archive::Recall;
use storage::log::{Log, ReadFrom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::auth::{Credentials, SecretSource};
use crate::testing::log_options;
use crate::tls::ServerTlsOptions;

/// Hands out a fixed profile, or says that one is being taken.
struct FixedProfiler;

impl SelfProfiler for FixedProfiler {
    fn cpu(&self, duration: Duration) -> ProfileFuture<'_> {
        let nanos = duration.as_nanos() as i64;
        Box::pin(async move {
            Ok(Profile {
                duration_nanos: nanos,
                ..Profile::default()
            })
        })
    }

    fn heap(&self) -> ProfileFuture<'_> {
        Box::pin(async { Err(SelfProfileError::Busy) })
    }
}

/// A running server; it stops when this is dropped.
pub(super) struct Running {
    app: App,
    pub(super) address: SocketAddr,
    _stop: DropGuard,
}

pub(super) fn options() -> WebOptions {
    WebOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        access: Access::default(),
        external_url: None,
    }
}

fn guarded(access: Access) -> WebOptions {
    WebOptions {
        access,
        ..options()
    }
}

const FILES: &[(&str, &[u8])] = &[
    (
        "index.html",
        b"<!doctype html><script src=\"/pages/core/a.js\">",
    ),
    ("core/a.js", b"export const a = 1;"),
];

fn app() -> App {
    App {
        registry: prometheus::Registry::new(),
        live: LiveView::new(),
        targets: Arc::new(TargetReport::default),
        faults: Arc::new(Vec::new),
        questions: Questions::new(Recall::open(Path::new("/nowhere"))),
        ready: Arc::new(AtomicBool::new(false)),
        tables: StoredTables::new("/nowhere".into()),
        signals: Prepared::new("application/json", b"{\"signals\": []}".as_slice().into()),
        pages: Pages::new(FILES),
        profiler: Arc::new(FixedProfiler),
    }
}

fn start(options: WebOptions) -> Running {
    start_app(options, app())
}

/// One that answers from the archive in a folder.
pub(super) fn start_over(archive: &Path) -> Running {
    let questions = Questions::new(Recall::open(archive));
    let tables = StoredTables::new(archive.to_owned());
    let app = App {
        questions,
        tables,
        ..app()
    };
    start_app(options(), app)
}

fn start_app(options: WebOptions, app: App) -> Running {
    let server = Server::bind(options, app.clone()).unwrap();
    let shutdown = CancellationToken::new();
    let address = server.local_addr();
    tokio::spawn(server.run(shutdown.clone()));
    Running {
        app,
        address,
        _stop: shutdown.drop_guard(),
    }
}

impl Running {
    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.get_with(path, &[]).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut request = reqwest::Client::new().get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn readiness_follows_the_flag_and_health_does_not() {
    let server = start(options());
    assert_eq!(
        server.get("/-/ready").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(server.get("/-/healthy").await.status(), StatusCode::OK);
    server.app.ready.store(true, Ordering::Release);
    assert_eq!(server.get("/-/ready").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_name_that_is_not_ours_gets_no_data_and_is_told_why() {
    let server = start(options());
    for path in ["/metrics", "/api/v1/targets", "/-/healthy", "/"] {
        let answer = server
            .get_with(path, &[("host", "evil.example:7171")])
            .await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
        let message = answer.text().await.unwrap();
        assert!(
            message.contains("evil.example\": use its address"),
            "{message}"
        );
    }
    let answer = server
        .get_with("/metrics", &[("host", "localhost:7171")])
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_text_by_default_and_openmetrics_where_asked_for() {
    let server = start(options());
    server.get("/-/healthy").await;
    let text = server.get("/metrics").await;
    assert_eq!(
        text.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = text.text().await.unwrap();
    assert!(
        text.contains("leadsman_http_responses_total{code=\"200\"} 1\n"),
        "{text}"
    );
    let accept = ("accept", "application/openmetrics-text; version=1.0.0");
    let openmetrics = server.get_with("/metrics", &[accept]).await;
    assert_eq!(
        openmetrics.headers()["content-type"],
        openmetrics::CONTENT_TYPE
    );
    assert!(openmetrics.text().await.unwrap().ends_with("# EOF\n"));
}

#[tokio::test]
async fn long_pages_are_compressed_where_the_client_takes_it() {
    let server = start(options());
    for idx in 0..50 {
        let counter = prometheus::IntCounter::new(format!("c{idx}_total"), "Help.").unwrap();
        server.app.registry.register(Box::new(counter)).unwrap();
    }
    let gzipped = server
        .get_with("/metrics", &[("accept-encoding", "gzip")])
        .await;
    assert_eq!(gzipped.headers()["content-encoding"], "gzip");
    let body = gzipped.bytes().await.unwrap();
    let plain = proto::compress::decompress(&body, 1 << 20).unwrap();
    assert!(String::from_utf8_lossy(&plain).contains("c49_total 0\n"));
    let refused = server
        .get_with("/metrics", &[("accept-encoding", "gzip;q=0")])
        .await;
    assert!(!refused.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn an_unknown_target_is_not_found() {
    let answer = start(options()).get("/metrics?target=etcd%2Fa%3A1").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let body = answer.text().await.unwrap();
    assert_eq!(
        body,
        "no samples of a target \"etcd/a:1\"; there are: none\n"
    );
}

#[tokio::test]
async fn a_target_is_passed_through_from_the_log() {
    let server = start(options());
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(log_options(dir.path()), Position(0)).unwrap();
    let reader = log.reader("live", ReadFrom::Tail).unwrap();
    let shutdown = CancellationToken::new();
    let following = tokio::spawn(server.app.live.clone().run(reader, shutdown));
    let batch = Record::Metrics(Arc::new(up_of("etcd", "a:1")));
    log.appender()
        .append(batch)
        .await
        .unwrap()
        .durable()
        .await
        .unwrap();
    log.close().await.unwrap();
    following.await.unwrap();
    let page = server.get("/metrics?target=etcd%2Fa%3A1").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.text().await.unwrap(), "# TYPE up gauge\nup 1\n");
}

fn up_of(job: &str, instance: &str) -> MetricBatch {
    let own = [("job", job), ("instance", instance)];
    let target = Target {
        labels: Labels::from_pairs(own),
        scheme: "http".into(),
        address: instance.into(),
    };
    let labels = Labels::from_pairs([("__name__", "up"), own[0], own[1]]);
    let series = Series {
        id: SeriesId(labels.hash64()),
        labels,
        family_idx: 0,
    };
    let family = Family {
        name: "up".into(),
        kind: MetricKind::Gauge,
        ..Family::default()
    };
    let layout = Layout::new(Arc::new(target), vec![family], vec![series]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64;
    MetricBatch::new(Arc::new(layout), UnixMillis(now), vec![1.0])
}

#[tokio::test]
async fn the_targets_are_json() {
    let answer = start(options()).get("/api/v1/targets").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let report: TargetReport = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(report, TargetReport::default());
}

#[tokio::test]
async fn profiles_are_gzipped_pprof_of_the_time_asked_for() {
    let server = start(options());
    let answer = server.get("/debug/pprof/profile?seconds=7").await;
    let body = answer.bytes().await.unwrap();
    let pprof = proto::compress::decompress(&body, 1 << 20).unwrap();
    assert_eq!(
        proto::pprof::decode(&pprof).unwrap().duration_nanos,
        7_000_000_000
    );
    for seconds in ["0", "301", "x", "-1"] {
        let answer = server
            .get(&format!("/debug/pprof/profile?seconds={seconds}"))
            .await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{seconds}");
    }
    assert_eq!(
        server.get("/debug/pprof/heap").await.status(),
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn credentials_are_asked_for_except_by_probes() {
    let token = SecretSource::Inline("planted".into());
    let credentials = vec![Credentials::Token {
        scheme: "Bearer".into(),
        token,
    }];
    let server = start(guarded(Access {
        credentials,
        ..Access::default()
    }));
    for path in [
        "/",
        "/profiles",
        "/pages/core/a.js",
        "/metrics",
        "/api/v1/targets",
        "/debug/pprof/heap",
        "/api/v1/profile/types",
        "/api/v1/profile/export",
        "/querier.v1.QuerierService/ProfileTypes",
        "/pyroscope/render",
        "/nowhere",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(
            answer.headers()["www-authenticate"],
            "Bearer realm=\"leadsman\""
        );
    }
    assert_eq!(server.get("/-/healthy").await.status(), StatusCode::OK);
    let header = ("authorization", "Bearer planted");
    assert_eq!(
        server.get_with("/metrics", &[header]).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn pages_are_one_document_that_allows_nothing_from_elsewhere() {
    let server = start(options());
    for path in ["/", "/profiles?from=-1h", "/targets"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["cache-control"], "no-cache");
        let document = answer.text().await.unwrap();
        assert!(document.starts_with("<!doctype html>"), "{document}");
    }
}

#[tokio::test]
async fn the_document_names_files_by_their_version_and_those_are_kept() {
    let server = start(options());
    let document = server.get("/").await.text().await.unwrap();
    let (_, rest) = document.split_once("src=\"").unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    assert_ne!(path, "/pages/core/a.js");
    let answer = server.get(path).await;
    let keeps = answer.headers()["cache-control"].to_str().unwrap();
    assert_eq!(keeps, "private, max-age=31536000, immutable");
    assert_eq!(answer.text().await.unwrap(), "export const a = 1;");
    let other = path.replacen("/pages/", "/pages/0", 1);
    assert_eq!(server.get(&other).await.status(), StatusCode::NOT_FOUND);
    let missing = server.get(&path.replace("a.js", "b.js")).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(!missing.headers().contains_key("cache-control"));
}

#[tokio::test]
async fn files_of_the_pages_are_sent_once_until_they_change() {
    let server = start(options());
    let answer = server.get("/pages/core/a.js").await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(answer.headers()["cache-control"], "no-cache");
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(answer.text().await.unwrap(), "export const a = 1;");
    let known = format!("\"other\", {tag}");
    let again = server
        .get_with("/pages/core/a.js", &[("if-none-match", &known)])
        .await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"], tag.as_str());
    for path in [
        "/pages/",
        "/pages/core",
        "/pages/../Cargo.toml",
        "/pages/core/b.js",
    ] {
        assert_eq!(
            server.get(path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn tls_with_a_client_ca_serves_only_clients_with_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, client_pem) = write_certificates(dir.path());
    let path = |name: &str| dir.path().join(name);
    let tls = ServerTlsOptions {
        cert_file: path("server.crt"),
        key_file: path("server.key"),
        client_ca_file: Some(path("ca.crt")),
    };
    let server = start(guarded(Access {
        tls: Some(tls),
        ..Access::default()
    }));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("https://localhost:{}/-/healthy", server.address.port());
    let builder = || {
        reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes()).unwrap()])
    };
    let identity = reqwest::Identity::from_pem(client_pem.as_bytes()).unwrap();
    let with = builder().identity(identity).build().unwrap();
    let answer = with.get(&url).send().await.unwrap();
    assert_eq!(
        (answer.status(), answer.version()),
        (StatusCode::OK, reqwest::Version::HTTP_2)
    );
    let without = builder().build().unwrap();
    assert!(without.get(&url).send().await.is_err());
}

/// Writes `ca.crt`, `server.crt` and `server.key`; returns the CA, and a client's certificate
/// with its key.
fn write_certificates(dir: &Path) -> (String, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(params, ca_key);
    let issue = || {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (
            params.signed_by(&key, &issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    };
    let (certificate, key) = issue();
    std::fs::write(dir.join("ca.crt"), &ca).unwrap();
    std::fs::write(dir.join("server.crt"), certificate).unwrap();
    std::fs::write(dir.join("server.key"), key).unwrap();
    let (certificate, key) = issue();
    (ca, certificate + &key)
}

#[test]
fn an_open_address_without_protection_is_refused_with_the_remedy() {
    let bind = |access| {
        let listen = ([0, 0, 0, 0], 0).into();
        let options = WebOptions {
            listen,
            ..guarded(access)
        };
        Server::bind(options, app())
    };
    let error = bind(Access::default()).err().unwrap().to_string();
    assert!(
        error.contains("0.0.0.0:0") && error.contains("allow_unauthenticated"),
        "{error}"
    );
    bind(Access {
        allow_unauthenticated: true,
        ..Access::default()
    })
    .unwrap();
    let password = SecretSource::Inline("x".into());
    let username = "anna".into();
    bind(Access {
        credentials: vec![Credentials::Basic { username, password }],
        ..Access::default()
    })
    .unwrap();
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let error = Server::bind(
        WebOptions {
            listen,
            ..options()
        },
        app(),
    )
    .err()
    .unwrap();
    assert_eq!(error.to_string(), format!("failed to listen on {listen}"));
}

#[tokio::test]
async fn oversized_headers_are_refused() {
    let server = start(options());
    let long = "x".repeat(64 << 10);
    let answer = server.get_with("/-/healthy", &[("x-long", &long)]).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_counted() {
    let server = start(options());
    let mut held = Vec::new();
    for _ in 0..server::MAX_CONNECTIONS {
        held.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut one_more = TcpStream::connect(server.address).await.unwrap();
    let mut answer = Vec::new();
    // Closed with nothing to read, or reset.
    assert_eq!(one_more.read_to_end(&mut answer).await.unwrap_or(0), 0);
    drop(held);
    let refused = "leadsman_http_connections_refused_total 1\n";
    let families = server.app.registry.gather();
    let page = prometheus::TextEncoder::new()
        .encode_to_string(&families)
        .unwrap();
    assert!(page.contains(refused), "{page}");
}

#[tokio::test]
async fn shutdown_ends_idle_connections_and_the_server() {
    let server = Server::bind(options(), app()).unwrap();
    let address = server.local_addr();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(server.run(shutdown.clone()));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    shutdown.cancel();
    running.await.unwrap().unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
