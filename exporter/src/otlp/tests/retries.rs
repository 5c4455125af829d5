//! Failures: what is sent again, what is dropped, what is counted.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tonic::Code;

use super::super::Protocol;
use super::super::status::retry_info;
use super::fixture::{Fixture, options, points, scrape};
use super::receiver::{Receiver, Reply};

/// Sends two scrapes, one request each, and returns the receiver and the fixture after it.
async fn send_two(
    protocol: Protocol,
    script: Vec<Reply>,
    n_requests: usize,
) -> (Fixture, Receiver) {
    let fixture = Fixture::new();
    let receiver = Receiver::new(script);
    let mut options = options(receiver.listen().await, protocol);
    options.timeout = Duration::from_millis(300);
    options.max_message_bytes = 1;
    fixture.append([scrape(1, &[1.0]), scrape(2, &[2.0])]).await;
    let running = fixture.forward(options);
    receiver.wait_for(n_requests).await;
    running.stop().await;
    (fixture, receiver)
}

async fn check_is_retried(protocol: Protocol, reply: Reply, reason: &str) {
    let (fixture, receiver) = send_two(protocol, vec![reply.clone(), reply], 4).await;
    let received = receiver.received();
    assert_eq!(
        points(&received),
        [(1, 1.0), (1, 1.0), (1, 1.0), (2, 2.0)],
        "{reason}"
    );
    assert_eq!(received[0].body, received[2].body);
    assert_eq!(
        fixture.counted("leadsman_otlp_retries_total", &[reason]),
        2,
        "{reason}"
    );
    assert_eq!(fixture.counted("leadsman_otlp_dropped_items_total", &[]), 0);
    assert_eq!(fixture.counted("leadsman_otlp_sent_items_total", &[]), 2);
}

async fn check_is_dropped(protocol: Protocol, reply: Reply, reason: &str) {
    let (fixture, receiver) = send_two(protocol, vec![reply], 2).await;
    assert_eq!(
        points(&receiver.received()),
        [(1, 1.0), (2, 2.0)],
        "{reason}"
    );
    assert_eq!(
        fixture.counted("leadsman_otlp_dropped_items_total", &[reason]),
        1,
        "{reason}"
    );
    assert_eq!(fixture.counted("leadsman_otlp_retries_total", &[]), 0);
    assert_eq!(fixture.counted("leadsman_otlp_sent_items_total", &[]), 1);
}

#[tokio::test]
async fn retryable_grpc_statuses_are_sent_again_in_order() {
    check_is_retried(
        Protocol::Grpc,
        Reply::Grpc(Code::Unavailable, vec![]),
        "unavailable",
    )
    .await;
    check_is_retried(
        Protocol::Grpc,
        Reply::Grpc(Code::Aborted, vec![]),
        "aborted",
    )
    .await;
    let details = retry_info(Duration::from_millis(5));
    let reply = Reply::Grpc(Code::ResourceExhausted, details);
    check_is_retried(Protocol::Grpc, reply, "resource_exhausted").await;
}

#[tokio::test]
async fn retryable_http_statuses_are_sent_again_in_order() {
    check_is_retried(Protocol::HttpProtobuf, Reply::Http(503, ""), "http_503").await;
    check_is_retried(Protocol::HttpProtobuf, Reply::Http(429, "0"), "http_429").await;
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_in_time_gets_it_again() {
    check_is_retried(Protocol::Grpc, Reply::Hang, "timeout").await;
    check_is_retried(Protocol::HttpProtobuf, Reply::Hang, "timeout").await;
}

#[tokio::test]
async fn permanent_refusals_are_dropped_and_counted() {
    let invalid = Reply::Grpc(Code::InvalidArgument, vec![]);
    check_is_dropped(Protocol::Grpc, invalid, "invalid_argument").await;
    let exhausted = Reply::Grpc(Code::ResourceExhausted, vec![]);
    check_is_dropped(Protocol::Grpc, exhausted, "resource_exhausted").await;
    check_is_dropped(Protocol::HttpProtobuf, Reply::Http(400, ""), "http_400").await;
    check_is_dropped(Protocol::HttpProtobuf, Reply::Http(413, ""), "http_413").await;
}

#[tokio::test]
async fn a_service_the_receiver_does_not_have_is_a_refusal() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, axum::Router::new()).into_future());
    fixture.append([scrape(1, &[1.0])]).await;
    let running = fixture.forward(options(address, Protocol::Grpc));
    fixture
        .wait_counted("leadsman_otlp_dropped_items_total", &["http_404"], 1)
        .await;
    running.stop().await;
}

#[tokio::test]
async fn a_partial_success_is_counted_and_not_sent_again() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let (fixture, receiver) = send_two(protocol, vec![Reply::Partial(1)], 2).await;
        assert_eq!(points(&receiver.received()), [(1, 1.0), (2, 2.0)]);
        assert_eq!(
            fixture.counted("leadsman_otlp_partial_success_rejected_total", &[]),
            1
        );
        assert_eq!(fixture.counted("leadsman_otlp_sent_items_total", &[]), 1);
        assert_eq!(fixture.counted("leadsman_otlp_retries_total", &[]), 0);
    }
}

#[tokio::test]
async fn the_wait_the_receiver_asks_for_is_kept() {
    let asked = Duration::from_millis(200);
    let fixture = Fixture::new();
    let receiver = Receiver::new([Reply::Grpc(Code::Unavailable, retry_info(asked))]);
    let options = options(receiver.listen().await, Protocol::Grpc);
    fixture.append([scrape(1, &[1.0])]).await;
    let running = fixture.forward(options);
    receiver.wait_for(1).await;
    let refused = Instant::now();
    receiver.wait_for(2).await;
    assert!(
        refused.elapsed() >= asked - Duration::from_millis(20),
        "{:?}",
        refused.elapsed()
    );
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_comes_up_later_gets_everything() {
    for (protocol, n_appended) in [(Protocol::Grpc, 5), (Protocol::HttpProtobuf, 5)] {
        let fixture = Fixture::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        fixture
            .append((0..n_appended).map(|time| scrape(time, &[1.0])))
            .await;
        let running = fixture.forward(options(address, protocol));
        let refused = async {
            while fixture.counted("leadsman_otlp_retries_total", &["connect"]) < 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), refused)
            .await
            .expect("refused in time");
        let receiver = Receiver::new([]);
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(axum::serve(listener, receiver.router()).into_future());
        fixture
            .wait_counted("leadsman_otlp_sent_items_total", &[], n_appended as u64)
            .await;
        running.stop().await;
        let expected: Vec<_> = (0..n_appended).map(|time| (time, 1.0)).collect();
        assert_eq!(points(&receiver.received()), expected);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_tried_again() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let fixture = Fixture::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        fixture.append([scrape(1, &[1.0])]).await;
        let running = fixture.forward(options(address, protocol));
        for _ in 0..2 {
            let (connection, _) = listener.accept().await.unwrap();
            connection.readable().await.unwrap();
            drop(connection);
        }
        let receiver = Receiver::new([]);
        tokio::spawn(axum::serve(listener, receiver.router()).into_future());
        receiver.wait_for(1).await;
        running.stop().await;
        assert_eq!(points(&receiver.received()), [(1, 1.0)]);
        assert_eq!(fixture.counted("leadsman_otlp_dropped_items_total", &[]), 0);
        assert!(fixture.counted("leadsman_otlp_retries_total", &[]) >= 2);
    }
}
