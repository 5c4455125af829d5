//! Profiles of a target that answers as Go programs do.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use exporter::web::{ProfileState, TargetStatus};
use proto::compress::gzip;
use proto::metrics::Origin;
use proto::pprof;
use proto::profile::{Function, Line, Location, Profile, ProfileBuilder, ValueType};

use super::rig::{Rig, target};
use crate::config::{ProfileFormat, ProfileSpec};
use crate::fetch::tests::server::{Server, answer};

/// A profile with one stack; values of zero make an empty one.
fn profile(types: &[(&str, &str)], values: &[i64]) -> Vec<u8> {
    let mut builder = ProfileBuilder::new();
    let value_types = types.iter().map(|(kind, unit)| ValueType {
        kind: builder.string(kind),
        unit: builder.string(unit),
    });
    builder.profile_mut().sample_types = value_types.collect();
    let name = builder.string("main.work");
    let function = builder.function(Function {
        name,
        ..Function::default()
    });
    let line = Line {
        function,
        line: 1,
        column: 0,
    };
    let location = builder.location(Location {
        lines: [line].into_iter().collect(),
        ..Location::default()
    });
    let (stack, labels) = (builder.stack(&[location]), builder.label_set(&[]));
    if values.iter().any(|value| *value != 0) {
        builder.push_sample(stack, labels, values);
    }
    gzip(&pprof::encode(&builder.finish()))
}

const HEAP: &[(&str, &str)] = &[("alloc_space", "bytes"), ("inuse_space", "bytes")];
const NOT_FOUND: &str = "404 Not Found";

/// A heap that allocates 100 bytes between two looks.
fn growing_heap() -> impl Fn() -> Vec<u8> {
    let allocated = AtomicI64::new(0);
    move || {
        profile(
            HEAP,
            &[allocated.fetch_add(100, Ordering::Relaxed) + 1000, 50],
        )
    }
}

fn spec(kind: &str) -> ProfileSpec {
    let spec = ProfileSpec::defaults()
        .into_iter()
        .find(|spec| spec.kind == kind)
        .unwrap();
    ProfileSpec {
        enabled: true,
        interval: Duration::from_millis(100),
        ..spec
    }
}

fn totals(profile: &Profile) -> (i64, i64) {
    (profile.total(0), profile.total(1))
}

#[tokio::test]
async fn cumulative_values_become_what_came_since_the_last_profile() {
    let heap = growing_heap();
    let server = Server::routed(move |path| match path {
        "/debug/pprof/heap" => answer("200 OK", &heap()),
        _ => answer(NOT_FOUND, b"Unknown profile"),
    })
    .await;
    let mut rig = Rig::start(vec![target(&server, vec![spec("memory")])]);
    let first = rig.next_profile().await;
    assert_eq!(
        (first.is_delta, totals(&first.profile)),
        (false, (1000, 50))
    );
    for _ in 0..3 {
        let next = rig.next_profile().await;
        assert_eq!((next.is_delta, totals(&next.profile)), (true, (100, 50)));
        assert!(next.profile.duration_nanos > 0 && next.profile.time_nanos > 0);
        assert_eq!(next.kind, "memory");
    }
    let asked = server
        .seen()
        .iter()
        .filter(|head| head.contains("delta_heap"))
        .count();
    assert_eq!(
        asked, 1,
        "a path that is not offered is not asked for again"
    );
}

#[tokio::test]
async fn a_delta_that_the_target_offers_is_preferred() {
    let server = Server::routed(|path| match path {
        "/debug/pprof/delta_heap" => answer("200 OK", &profile(HEAP, &[5, 50])),
        _ => answer(NOT_FOUND, b""),
    })
    .await;
    let mut rig = Rig::start(vec![target(&server, vec![spec("memory")])]);
    assert!(
        !rig.next_profile().await.is_delta,
        "the first counts from the start of the process"
    );
    let second = rig.next_profile().await;
    assert_eq!((second.is_delta, totals(&second.profile)), (true, (5, 50)));
    assert!(second.profile.duration_nanos > 0);
}

#[tokio::test]
async fn a_cpu_profile_is_asked_for_its_seconds_and_budgeted() {
    let cpu = &[("samples", "count"), ("cpu", "nanoseconds")];
    let body = profile(cpu, &[3, 30_000_000]);
    let server = Server::routed(move |_| answer("200 OK", &body)).await;
    let mut rig = Rig::start(vec![target(&server, vec![spec("process_cpu")])]);
    let taken = rig.next_profile().await;
    assert!(taken.is_delta);
    assert_eq!(taken.profile.duration_nanos, 10_000_000_000);
    assert!(server.seen()[0].starts_with("get /debug/pprof/profile?seconds=10 "));
    let skipped = |state: ProfileState| state == ProfileState::Skipped;
    let status = rig.status(|status| skipped(status.profiles[0].state)).await;
    let reason = status.profiles[0].reason.clone().unwrap();
    assert!(reason.contains("max_duty_cycle"), "{reason}");
    assert!(rig.metric("leadsman_profile_seconds_total") > 0.0);
}

#[tokio::test]
async fn a_kind_that_is_not_offered_is_skipped_and_not_asked_again() {
    let heap = growing_heap();
    let server = Server::routed(move |path| match path {
        "/debug/pprof/heap" => answer("200 OK", &heap()),
        _ => answer(NOT_FOUND, b"404 page not found"),
    })
    .await;
    let mut rig = Rig::start(vec![target(
        &server,
        vec![spec("goroutine"), spec("memory")],
    )]);
    let is_skipped = |status: &TargetStatus| status.profiles[0].state == ProfileState::Skipped;
    let status = rig.status(is_skipped).await;
    let reason = status.profiles[0].reason.as_deref();
    let expected = "the target does not offer it: server answered 404: 404 page not found";
    assert_eq!(reason, Some(expected));
    for _ in 0..4 {
        rig.next_profile().await;
    }
    let asked = server
        .seen()
        .iter()
        .filter(|head| head.contains("/goroutine"))
        .count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn the_signals_of_a_profile_come_behind_it_also_of_an_empty_one() {
    let cpu = &[("samples", "count"), ("cpu", "nanoseconds")];
    for (values, cores) in [([300, 3_000_000_000], 0.3), ([0, 0], 0.0)] {
        let body = profile(cpu, &values);
        let server = Server::routed(move |_| answer("200 OK", &body)).await;
        let mut rig = Rig::start(vec![target(&server, vec![spec("process_cpu")])]);
        let batch = loop {
            let batch = rig.next_scrape().await;
            if batch.layout.origin() == Origin::Signals {
                break batch;
            }
        };
        assert_eq!(batch.layout.part(), "process_cpu");
        let of = |metric: &str| {
            let mut samples = batch.samples();
            let found = samples.find(|(series, ..)| series.labels.metric_name() == metric);
            found
                .map(|(series, _, value)| (series.labels.get("function").map(str::to_owned), value))
        };
        assert_eq!(of("leadsman_signal_profile_cpu_cores"), Some((None, cores)));
        let share = of("leadsman_signal_profile_cpu_total_ratio");
        let expected = Some((Some("main.work".to_owned()), 1.0));
        assert_eq!(share, expected.filter(|_| cores > 0.0));
    }
}

#[tokio::test]
async fn an_empty_block_profile_is_explained_and_no_row() {
    let types = &[("contentions", "count"), ("delay", "nanoseconds")];
    let body = profile(types, &[0, 0]);
    let server = Server::routed(move |path| match path {
        "/debug/pprof/block" => answer("200 OK", &body),
        _ => answer(NOT_FOUND, b""),
    })
    .await;
    let rig = Rig::start(vec![target(&server, vec![spec("block")])]);
    let status = rig
        .status(|status| status.profiles[0].state == ProfileState::Ok)
        .await;
    let reason = status.profiles[0].reason.as_deref().unwrap();
    assert!(reason.contains("no block profile rate"), "{reason}");
    assert!(rig.shut_down().await.is_empty());
}

#[tokio::test]
async fn goroutine_text_becomes_a_profile() {
    let dump = "goroutine 7 [chan receive, 12 minutes]:\nmain.wait(0x1)\n\t/src/main.go:3 +0x1\n\n";
    let server = Server::routed(move |path| match path {
        "/debug/pprof/goroutine?debug=2" => answer("200 OK", dump.as_bytes()),
        _ => answer(NOT_FOUND, b""),
    })
    .await;
    let mut rig = Rig::start(vec![target(&server, vec![spec("goroutine_dump")])]);
    let taken = rig.next_profile().await;
    assert_eq!(
        (taken.kind.as_str(), taken.is_delta),
        ("goroutine_dump", false)
    );
    assert_eq!(taken.profile.total(0), 1);
    assert_eq!(
        spec("goroutine_dump").format,
        ProfileFormat::GoroutineText { debug: 2 }
    );
}

#[tokio::test]
async fn what_is_no_profile_fails_with_a_reason() {
    let server = Server::routed(|_| answer("200 OK", b"<html>sign in</html>")).await;
    let rig = Rig::start(vec![target(&server, vec![spec("goroutine")])]);
    let status = rig
        .status(|status| status.profiles[0].state == ProfileState::Failed)
        .await;
    assert!(
        status.profiles[0]
            .reason
            .as_deref()
            .unwrap()
            .contains("not a profile")
    );
}
