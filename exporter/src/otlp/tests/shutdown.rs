//! Shutdown and restart: nothing is lost, and a dead receiver does not hold it up.

use std::time::Duration;

use tokio::net::TcpListener;

use super::super::Protocol;
use super::fixture::{Fixture, options, points, scrape};
use super::receiver::{Receiver, Reply};

#[tokio::test]
async fn what_is_pending_is_sent_before_it_stops() {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let mut options = options(receiver.listen().await, Protocol::Grpc);
    options.batch_interval = Duration::from_secs(3600);
    fixture
        .append((0..50).map(|time| scrape(time, &[1.0])))
        .await;
    fixture.forward(options).stop().await;
    assert_eq!(points(&receiver.received()).len(), 50);
}

#[tokio::test]
async fn what_a_dead_receiver_does_not_take_it_gets_after_a_restart() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    fixture.append([scrape(1, &[1.0]), scrape(2, &[2.0])]).await;
    fixture
        .forward(options(address, Protocol::Grpc))
        .stop()
        .await;

    let receiver = Receiver::new([]);
    let running = fixture.forward(options(receiver.listen().await, Protocol::Grpc));
    fixture
        .wait_counted("leadsman_otlp_sent_items_total", &[], 2)
        .await;
    running.stop().await;
    assert_eq!(points(&receiver.received()), [(1, 1.0), (2, 2.0)]);
}

#[tokio::test]
async fn what_was_answered_is_not_sent_again_after_a_restart() {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let address = receiver.listen().await;
    fixture.append([scrape(1, &[1.0])]).await;
    fixture
        .forward(options(address, Protocol::Grpc))
        .stop()
        .await;
    fixture.append([scrape(2, &[2.0])]).await;
    fixture
        .forward(options(address, Protocol::Grpc))
        .stop()
        .await;
    assert_eq!(points(&receiver.received()), [(1, 1.0), (2, 2.0)]);
}

#[tokio::test]
async fn a_slow_receiver_does_not_hold_up_another() {
    let fixture = Fixture::new();
    let slow = Receiver::new([Reply::Hang]);
    let quick = Receiver::new([]);
    let mut slow_options = options(slow.listen().await, Protocol::Grpc);
    slow_options.name = "slow".to_owned();
    let quick_options = options(quick.listen().await, Protocol::Grpc);
    let (held_up, running) = (
        fixture.forward(slow_options),
        fixture.forward(quick_options),
    );
    fixture
        .append((0..20).map(|time| scrape(time, &[1.0])))
        .await;
    fixture
        .wait_counted("leadsman_otlp_sent_items_total", &["test"], 20)
        .await;
    running.stop().await;
    held_up.stop().await;
    assert_eq!(
        fixture.counted("leadsman_otlp_sent_items_total", &["slow"]),
        0
    );
}

#[tokio::test]
async fn closing_the_log_ends_the_forwarder() {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let running = fixture.forward(options(receiver.listen().await, Protocol::Grpc));
    fixture.append([scrape(1, &[1.0])]).await;
    let Fixture { log, .. } = fixture;
    log.close().await.unwrap();
    running.ended().await;
    assert_eq!(points(&receiver.received()), [(1, 1.0)]);
}
