//! Receivers that behave and receivers that do not.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use prometheus::Registry;
use proto::finding::{FindingState, Severity};
use proto::{Finding, Record, UnixMillis};
use serde_json::Value;
use storage::Position;
use storage::archive::{Archive, ArchiveOptions, Recall};
use storage::log::{Log, ReadFrom};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::notifier::now;
use super::testing::finding;
use super::{
    AlertMetrics, AlertReceiver, AlertRules, Notifier, Past, ReceiverUrl, Silence, Silences,
    Speech, Tally,
};
use crate::auth::{Credentials, SecretSource};
use crate::client::RetryPolicy;
use crate::testing::log_options;
use crate::tls::ClientTlsOptions;

const PATIENCE: Duration = Duration::from_secs(20);

/// A request that came.
#[derive(Clone, Debug)]
struct Received {
    at: UnixMillis,
    body: Value,
    headers: HeaderMap,
}

/// Answers with the script first, and takes everything after it. Status 0 is no answer at all.
#[derive(Clone)]
struct Receiver {
    script: Arc<Mutex<VecDeque<u16>>>,
    received: watch::Sender<Vec<Received>>,
}

impl Receiver {
    fn new(script: impl IntoIterator<Item = u16>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            received: watch::Sender::new(Vec::new()),
        }
    }

    async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/hook", post(take))
            .route("/prefix/api/v2/alerts", post(take))
            .with_state(self.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        address
    }

    async fn wait_for(&self, n_requests: usize) -> Vec<Received> {
        let mut received = self.received.subscribe();
        let arrived = received.wait_for(|received| received.len() >= n_requests);
        let arrived = tokio::time::timeout(PATIENCE, arrived).await;
        arrived.expect("requests in time").unwrap().clone()
    }

    fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = receiver.script.lock().unwrap().pop_front();
    let received = Received {
        at: now().wall,
        body: serde_json::from_slice(&body).unwrap(),
        headers,
    };
    receiver.received.send_modify(|all| all.push(received));
    match status {
        Some(0) => std::future::pending().await,
        Some(status) => StatusCode::from_u16(status).unwrap(),
        None => StatusCode::OK,
    }
}

/// A data folder with a log and an archive.
struct Fixture {
    log: Log,
    registry: Registry,
    metrics: Arc<AlertMetrics>,
    folder: tempfile::TempDir,
}

struct Running {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        let stopped = tokio::time::timeout(PATIENCE, self.task).await;
        stopped.expect("stops in time").expect("does not panic");
    }

    /// As if the process had been killed.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn open_log(folder: &Path) -> Log {
    Log::open(log_options(&folder.join("log")), Position(0)).unwrap()
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ArchiveOptions {
            path: folder.path().join("archive"),
            buffer_bytes: 1 << 20,
            flush_interval: Duration::from_secs(900),
            compression_level: 1,
        };
        // Its tables are empty: everything is in the log.
        drop(Archive::open(options).unwrap());
        let registry = Registry::new();
        Self {
            log: open_log(folder.path()),
            metrics: Arc::new(AlertMetrics::new(&registry).unwrap()),
            registry,
            folder,
        }
    }

    fn past(&self) -> Past {
        Past::new(Recall::open(self.folder.path()))
    }

    async fn append(&self, findings: impl IntoIterator<Item = Arc<Finding>>) {
        for finding in findings {
            let receipt = self.log.appender().append(Record::Finding(finding)).await;
            receipt.unwrap().durable().await.unwrap();
        }
    }

    /// Starts a notifier that retries quickly.
    fn notify(&self, receiver: &AlertReceiver, rules: AlertRules) -> Running {
        let mut notifier = Notifier::new(receiver, rules, self.past(), &self.metrics).unwrap();
        let (first, longest) = (Duration::from_millis(1), Duration::from_millis(20));
        notifier.line().retry = RetryPolicy { first, longest };
        notifier.drain_deadline = Duration::from_millis(500);
        notifier.silence_interval = Duration::from_millis(20);
        let reader = self.log.reader(&receiver.name, ReadFrom::Cursor).unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(notifier.run(reader, shutdown.clone()));
        Running { task, shutdown }
    }

    fn value(&self, name: &str, label_values: &[&str]) -> u64 {
        let families = self.registry.gather();
        let metrics = families.iter().filter(|family| family.name() == name);
        let metrics = metrics.flat_map(prometheus::proto::MetricFamily::get_metric);
        let matching = metrics.filter(|metric| {
            let has = |value: &&str| metric.get_label().iter().any(|pair| pair.value() == *value);
            label_values.iter().all(has)
        });
        let value = |metric: &prometheus::proto::Metric| {
            metric.get_counter().get_value() + metric.get_gauge().get_value()
        };
        matching.map(value).sum::<f64>() as u64
    }

    async fn wait_value(&self, name: &str, label_values: &[&str], expected: u64) {
        let reached = async {
            while self.value(name, label_values) != expected {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        let value = self.value(name, label_values);
        reached.unwrap_or_else(|_| panic!("{name} {label_values:?} is {value}"));
    }
}

fn receiver(speech: Speech, url: String) -> AlertReceiver {
    AlertReceiver {
        name: "test".to_owned(),
        url: ReceiverUrl(url),
        speech,
        credentials: None,
        headers: Vec::new(),
        tls: ClientTlsOptions::default(),
        timeout: Duration::from_secs(10),
        min_severity: Severity::Info,
    }
}

fn hook(address: SocketAddr) -> AlertReceiver {
    receiver(Speech::Webhook, format!("http://{address}/hook"))
}

fn alertmanager(address: SocketAddr) -> AlertReceiver {
    receiver(Speech::Alertmanager, format!("http://{address}/prefix/"))
}

fn rules(resend_millis: u64) -> AlertRules {
    AlertRules {
        resend_interval: Duration::from_millis(resend_millis),
        ..AlertRules::default()
    }
}

/// Instance and status of each request to a webhook.
fn told(received: &[Received]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = received.iter().map(|request| {
        let alert = &request.body["alerts"][0];
        (text(&alert["labels"]["instance"]), text(&alert["status"]))
    });
    told.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(left, right): &(&str, &str)| ((*left).to_owned(), (*right).to_owned());
    expected.iter().map(own).collect()
}

/// The finding with times of this moment on, so that an Alertmanager's past is not long ago.
fn fresh(instance: &str, state: FindingState, millis: i64) -> Arc<Finding> {
    let mut finding = (*finding(instance, state, 0)).clone();
    let now = now().wall.0;
    finding.time = UnixMillis(now + millis);
    finding.since = UnixMillis(now - 60_000);
    Arc::new(finding)
}

#[tokio::test]
async fn a_webhook_is_told_each_change_once_in_order_over_failures_of_every_kind() {
    let fixture = Fixture::new();
    let hook_server = Receiver::new([500, 429, 404, 200, 503]);
    let mut options = hook(hook_server.listen().await);
    options.timeout = Duration::from_secs(5);
    fixture
        .append([
            finding("a:1", FindingState::Pending, 0),
            finding("a:1", FindingState::Firing, 1),
            finding("b:1", FindingState::Firing, 2),
            finding("a:1", FindingState::Resolved, 3),
        ])
        .await;
    let running = fixture.notify(&options, rules(60_000));
    hook_server.wait_for(7).await;
    running.stop().await;
    let received = hook_server.received();
    let (a, b) = (("a:1", "firing"), ("b:1", "firing"));
    let expected = [a, a, a, a, b, b, ("a:1", "resolved")];
    assert_eq!(told(&received), pairs(&expected));
    let key = |idx: usize| received[idx].headers["idempotency-key"].clone();
    assert_eq!(key(0), key(3), "the same change of state");
    assert_ne!(key(0), key(6));
    assert_eq!(fixture.value("leadsman_alert_sent_total", &["test"]), 3);
    assert_eq!(
        fixture.value("leadsman_alert_failures_total", &["http_404"]),
        1
    );
}

#[tokio::test]
async fn a_refused_alert_is_counted_and_the_next_one_is_told() {
    let fixture = Fixture::new();
    let hook_server = Receiver::new([400]);
    let options = hook(hook_server.listen().await);
    let [first, second] = ["a:1", "b:1"].map(|at| finding(at, FindingState::Firing, 0));
    fixture.append([first, second]).await;
    let running = fixture.notify(&options, rules(60_000));
    hook_server.wait_for(2).await;
    running.stop().await;
    assert_eq!(
        fixture.value("leadsman_alert_dropped_total", &["http_400"]),
        1
    );
    assert_eq!(fixture.value("leadsman_alert_sent_total", &["test"]), 1);
}

#[tokio::test]
async fn after_a_kill_only_what_was_not_answered_is_told_again() {
    let fixture = Fixture::new();
    let hook_server = Receiver::new([200, 0]);
    let options = hook(hook_server.listen().await);
    fixture
        .append([
            finding("a:1", FindingState::Firing, 0),
            finding("b:1", FindingState::Firing, 1),
        ])
        .await;
    let running = fixture.notify(&options, rules(60_000));
    hook_server.wait_for(2).await;
    running.kill().await;
    fixture
        .append([finding("a:1", FindingState::Resolved, 2)])
        .await;
    let running = fixture.notify(&options, rules(60_000));
    hook_server.wait_for(4).await;
    running.stop().await;
    let (a, b) = (("a:1", "firing"), ("b:1", "firing"));
    let expected = [a, b, b, ("a:1", "resolved")];
    assert_eq!(told(&hook_server.received()), pairs(&expected));
}

#[tokio::test]
async fn what_never_fired_is_not_told_to_be_over() {
    let fixture = Fixture::new();
    let hook_server = Receiver::new([]);
    let options = hook(hook_server.listen().await);
    fixture
        .append([
            finding("a:1", FindingState::Firing, -9),
            finding("a:1", FindingState::Resolved, -8),
            finding("a:1", FindingState::Pending, 0),
            finding("a:1", FindingState::Resolved, 1),
            finding("b:1", FindingState::Firing, 2),
        ])
        .await;
    let running = fixture.notify(&options, rules(60_000));
    hook_server.wait_for(3).await;
    running.stop().await;
    let expected = [("a:1", "firing"), ("a:1", "resolved"), ("b:1", "firing")];
    assert_eq!(told(&hook_server.received()), pairs(&expected));
}

#[tokio::test]
async fn a_webhook_is_told_of_what_still_fires_when_its_silence_is_over() {
    let fixture = Fixture::new();
    let hook_server = Receiver::new([]);
    let options = hook(hook_server.listen().await);
    let silence = |instance: &str, millis: i64| Silence {
        matchers: format!("{{instance=\"{instance}\"}}").parse().unwrap(),
        until: Some(UnixMillis(now().wall.0 + millis)),
        ..Silence::default()
    };
    let rules = AlertRules {
        silences: Arc::new(Silences(vec![
            silence("a:1", 700),
            silence("b:1", 3_600_000),
        ])),
        ..rules(60_000)
    };
    let running = fixture.notify(&options, rules);
    fixture
        .append(["a:1", "b:1", "c:1"].map(|at| fresh(at, FindingState::Firing, 0)))
        .await;
    hook_server.wait_for(2).await;
    fixture
        .append([fresh("b:1", FindingState::Resolved, 1)])
        .await;
    fixture
        .wait_value("leadsman_alert_dropped_total", &["silenced"], 1)
        .await;
    running.stop().await;
    let expected = pairs(&[("c:1", "firing"), ("a:1", "firing")]);
    assert_eq!(told(&hook_server.received()), expected);
}

#[tokio::test]
async fn what_was_silenced_from_beginning_to_end_is_not_told_to_be_over_after_a_start() {
    let fixture = Fixture::new();
    let hook_server = Receiver::new([]);
    let options = hook(hook_server.listen().await);
    let silence = Silence {
        matchers: r#"{instance="a:1"}"#.parse().unwrap(),
        ..Silence::default()
    };
    let rules = AlertRules {
        silences: Arc::new(Silences(vec![silence])),
        ..rules(60_000)
    };
    let firing = ["a:1", "b:1"].map(|at| finding(at, FindingState::Firing, 0));
    fixture.append(firing).await;
    let running = fixture.notify(&options, rules.clone());
    hook_server.wait_for(1).await;
    running.stop().await;
    let over = ["a:1", "b:1"].map(|at| finding(at, FindingState::Resolved, 1));
    fixture.append(over).await;
    let running = fixture.notify(&options, rules);
    hook_server.wait_for(2).await;
    running.stop().await;
    let expected = pairs(&[("b:1", "firing"), ("b:1", "resolved")]);
    assert_eq!(told(&hook_server.received()), expected);
}

/// Instances in a request to an Alertmanager, and whether it says that they are over.
fn posted(request: &Received) -> Vec<(String, bool)> {
    let alerts = request.body.as_array().unwrap().iter();
    let mut posted: Vec<_> = alerts
        .map(|alert| {
            let instance = alert["labels"]["instance"].as_str().unwrap().to_owned();
            let ends: jiff::Timestamp = alert["endsAt"].as_str().unwrap().parse().unwrap();
            (instance, ends.as_millisecond() <= request.at.0)
        })
        .collect();
    posted.sort();
    posted
}

#[tokio::test]
async fn an_alertmanager_is_told_again_and_again_and_then_that_it_is_over() {
    let fixture = Fixture::new();
    let server = Receiver::new([503, 0]);
    let mut options = alertmanager(server.listen().await);
    options.timeout = Duration::from_millis(200);
    options.credentials = Some(Credentials::Basic {
        username: "u".to_owned(),
        password: SecretSource::Inline("p".to_owned()),
    });
    let running = fixture.notify(&options, rules(100));
    fixture
        .append([fresh("a:1", FindingState::Firing, 0)])
        .await;
    let received = server.wait_for(5).await;
    assert!(
        received
            .iter()
            .all(|request| posted(request) == [("a:1".to_owned(), false)])
    );
    assert_eq!(received[0].headers["authorization"], "Basic dTpw");
    fixture
        .append([fresh("a:1", FindingState::Resolved, 0)])
        .await;
    let is_over = |request: &Received| posted(request) == [("a:1".to_owned(), true)];
    let mut changes = server.received.subscribe();
    let over = changes.wait_for(|received| received.iter().filter(|one| is_over(one)).count() > 2);
    tokio::time::timeout(PATIENCE, over).await.unwrap().unwrap();
    running.stop().await;
    assert_eq!(
        fixture.value("leadsman_alert_failures_total", &["http_503"]),
        1
    );
    assert_eq!(
        fixture.value("leadsman_alert_failures_total", &["timeout"]),
        1
    );
    assert_eq!(fixture.value("leadsman_alert_queued", &["test"]), 0);
}

#[tokio::test]
async fn after_a_start_an_alertmanager_is_told_of_what_the_cursor_has_passed() {
    let fixture = Fixture::new();
    let server = Receiver::new([]);
    let options = alertmanager(server.listen().await);
    let running = fixture.notify(&options, rules(60_000));
    fixture
        .append([
            fresh("a:1", FindingState::Firing, -9),
            fresh("b:1", FindingState::Firing, -8),
            fresh("b:1", FindingState::Resolved, -7),
            fresh("c:1", FindingState::Pending, -6),
            fresh("c:1", FindingState::Resolved, -5),
        ])
        .await;
    let is_idle = || {
        fixture
            .log
            .stats()
            .readers
            .iter()
            .all(|reader| reader.lag_bytes == 0)
    };
    while !is_idle() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.kill().await;
    let n_before = server.received().len();
    let running = fixture.notify(&options, rules(60_000));
    let received = server.wait_for(n_before + 1).await;
    running.stop().await;
    let expected = [("a:1".to_owned(), false), ("b:1".to_owned(), true)];
    assert_eq!(posted(&received[n_before]), expected);
}

#[tokio::test]
async fn many_alerts_go_in_requests_of_64() {
    let fixture = Fixture::new();
    let server = Receiver::new([]);
    let options = alertmanager(server.listen().await);
    let findings = (0..150).map(|idx| fresh(&format!("i:{idx}"), FindingState::Firing, 0));
    fixture.append(findings).await;
    let running = fixture.notify(&options, rules(60_000));
    fixture
        .wait_value("leadsman_alert_sent_total", &[], 150)
        .await;
    running.stop().await;
    let lengths = server.received();
    let lengths = lengths
        .iter()
        .map(|request| request.body.as_array().unwrap().len());
    assert_eq!(lengths.collect::<Vec<_>>(), [64, 64, 22]);
}

#[tokio::test]
async fn the_tally_counts_troubles_of_before_and_of_now() {
    let fixture = Fixture::new();
    fixture
        .append([
            finding("a:1", FindingState::Firing, 0),
            finding("b:1", FindingState::Pending, 1),
        ])
        .await;
    let reader = fixture.log.reader("tally", ReadFrom::Tail).unwrap();
    let tally = Tally::new(Arc::clone(&fixture.metrics));
    let task = tokio::spawn(tally.run(reader, fixture.past()));
    let name = "leadsman_findings";
    fixture.wait_value(name, &["warning", "firing"], 1).await;
    fixture
        .append([
            finding("b:1", FindingState::Firing, 2),
            finding("a:1", FindingState::Resolved, 3),
            finding("c:1", FindingState::Firing, 4),
        ])
        .await;
    fixture.wait_value(name, &["warning", "firing"], 2).await;
    assert_eq!(fixture.value(name, &["pending"]), 0);
    fixture.log.close().await.unwrap();
    task.await.unwrap();
}

#[test]
fn what_is_no_url_is_refused() {
    let fixture = Fixture::new();
    for url in ["", "ftp://a/", "http://", "a:1"] {
        let receiver = receiver(Speech::Webhook, url.to_owned());
        let made = Notifier::new(&receiver, rules(1), fixture.past(), &fixture.metrics);
        assert!(made.is_err(), "{url}");
    }
}
