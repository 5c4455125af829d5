//! The sounder against servers, with a real log.

mod profiles;
mod rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exporter::web::Health;
use proto::Record;
use proto::metrics::is_stale;

use crate::discovery::DiscoveredTarget;
use crate::fetch::tests::server::{Server, Then, answer};
use rig::{Rig, target, value};

const TEXT: &str = "200 OK\r\ncontent-type: text/plain; version=0.0.4";

async fn page(body: &'static str) -> Server {
    Server::start(answer(TEXT, body.as_bytes()), Then::Close).await
}

#[tokio::test]
async fn scrapes_arrive_in_the_log_with_the_targets_labels() {
    let server = page("a_total 7\n").await;
    let mut rig = Rig::start(vec![target(&server, vec![])]);
    let batch = rig.next_scrape().await;
    assert_eq!(value(&batch, "a_total"), Some(7.0));
    assert_eq!(value(&batch, "up"), Some(1.0));
    assert_eq!(value(&batch, "scrape_samples_scraped"), Some(1.0));
    assert_eq!(batch.layout.target.job(), "test");
    let status = rig.status(|status| status.health == Health::Up).await;
    assert_eq!((status.n_samples, status.last_error), (1, None));
    assert_eq!(rig.metric("leadsman_targets"), 1.0);
    let second = rig.next_scrape().await;
    assert!(
        Arc::ptr_eq(&batch.layout, &second.layout),
        "an unchanged page keeps its layout"
    );
}

#[tokio::test]
async fn a_failed_scrape_is_stale_markers_and_a_reason() {
    let is_down = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_down);
    let server = Server::routed(move |_| match switch.load(Ordering::Relaxed) {
        false => answer(TEXT, b"a_total 7\n"),
        true => answer("503 Service Unavailable", b"overloaded"),
    })
    .await;
    let mut rig = Rig::start(vec![target(&server, vec![])]);
    rig.next_scrape().await;
    is_down.store(true, Ordering::Relaxed);
    let failed = loop {
        let batch = rig.next_scrape().await;
        if value(&batch, "up") == Some(0.0) {
            break batch;
        }
    };
    assert!(value(&failed, "a_total").is_some_and(is_stale));
    let status = rig.status(|status| status.health == Health::Down).await;
    assert_eq!(
        status.last_error.as_deref(),
        Some("server answered 503: overloaded")
    );
    assert!(rig.metric("leadsman_scrape_failures_total") >= 1.0);
}

#[tokio::test]
async fn pages_that_are_no_metrics_fail_the_scrape() {
    for (head, body, error) in [
        (
            "200 OK\r\ncontent-type: text/html",
            "<html>",
            "no exposition format",
        ),
        (TEXT, "half a li", "page refused"),
    ] {
        let server = page_of(head, body).await;
        let mut rig = Rig::start(vec![target(&server, vec![])]);
        assert_eq!(value(&*rig.next_scrape().await, "up"), Some(0.0), "{error}");
        let status = rig.status(|status| status.health == Health::Down).await;
        assert!(
            status.last_error.clone().unwrap().contains(error),
            "{:?}",
            status.last_error
        );
    }
}

async fn page_of(head: &str, body: &str) -> Server {
    Server::start(answer(head, body.as_bytes()), Then::Close).await
}

#[tokio::test]
async fn a_target_that_leaves_has_its_series_marked_stale() {
    let server = page("a_total 7\n").await;
    let mut rig = Rig::start(vec![target(&server, vec![])]);
    rig.next_scrape().await;
    rig.targets.send(Vec::new()).unwrap();
    let last = loop {
        let batch = rig.next_scrape().await;
        if value(&batch, "up").is_some_and(is_stale) {
            break batch;
        }
    };
    assert!(value(&last, "a_total").is_some_and(is_stale));
    assert!(rig.handle.board().statuses().is_empty());
    assert_eq!(rig.metric("leadsman_targets"), 0.0);
    assert!(rig.shut_down().await.is_empty(), "nothing comes after it");
}

#[tokio::test]
async fn other_settings_for_a_target_end_no_series() {
    let server = page("a_total 7\n").await;
    let before = target(&server, vec![]);
    let mut rig = Rig::start(vec![before.clone()]);
    let first = rig.next_scrape().await;
    let scrape_interval = Duration::from_millis(150);
    rig.targets
        .send(vec![DiscoveredTarget {
            scrape_interval,
            ..before
        }])
        .unwrap();
    for _ in 0..5 {
        let batch = rig.next_scrape().await;
        assert_eq!(value(&batch, "up"), Some(1.0));
        assert!(
            Arc::ptr_eq(&first.layout, &batch.layout),
            "the decoder was handed on"
        );
    }
}

#[tokio::test]
async fn an_unchanged_target_goes_on_undisturbed() {
    let server = page("a_total 7\n").await;
    let same = target(&server, vec![]);
    let mut rig = Rig::start(vec![same.clone()]);
    rig.next_scrape().await;
    for _ in 0..50 {
        rig.targets.send(vec![same.clone()]).unwrap();
        tokio::task::yield_now().await;
    }
    rig.next_scrape().await;
    assert_eq!(rig.metric("leadsman_scrape_missed_total"), 0.0);
}

#[tokio::test]
async fn two_targets_with_the_same_labels_are_one() {
    let server = page("a_total 7\n").await;
    let one = target(&server, vec![]);
    let rig = Rig::start(vec![one.clone(), one]);
    rig.status(|status| status.health == Health::Up).await;
    assert_eq!(rig.metric("leadsman_targets_refused_total"), 1.0);
}

#[tokio::test]
async fn a_slow_target_is_not_asked_twice_at_once_and_shuts_down_in_time() {
    let server = Server::start("", Then::Hang).await;
    let slow = DiscoveredTarget {
        scrape_timeout: Duration::from_millis(350),
        ..target(&server, vec![])
    };
    let mut rig = Rig::start(vec![slow]);
    let batch = rig.next_scrape().await;
    assert_eq!(value(&batch, "up"), Some(0.0));
    rig.next_scrape().await;
    assert!(rig.metric("leadsman_scrape_missed_total") >= 2.0);
    let rest = rig.shut_down().await;
    let is_stale_up = |record: &Record| match record {
        Record::Metrics(batch) => value(batch, "up").is_some_and(is_stale),
        _ => false,
    };
    assert!(
        !rest.iter().any(is_stale_up),
        "a shutdown does not end the target's series"
    );
}
