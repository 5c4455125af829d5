//! Profiles made of stacks written as `root;…;leaf value`.

use super::*;
use crate::causes::{Cause, Causes, Function};

fn profile(stacks: &[(&str, i64)]) -> Profile {
    let text: String = stacks
        .iter()
        .map(|(stack, value)| format!("{stack} {value}\n"))
        .collect();
    proto::folded::parse(text.as_bytes()).unwrap()
}

fn side(profile: &Profile, n_events: f64) -> Side<'_> {
    Side {
        profile,
        type_idx: 0,
        weight: 1.0,
        n_events,
    }
}

/// The functions that explain it, with their shares in percent.
fn explained(
    before: &[(&str, i64)],
    now: &[(&str, i64)],
    n_events: f64,
) -> Vec<(String, [i64; 2])> {
    let (before, now) = (profile(before), profile(now));
    let changes = growth(side(&before, n_events), side(&now, n_events));
    let percent = |share: f64| (share * 100.0).round() as i64;
    changes
        .into_iter()
        .map(|change| (change.function, change.share.map(percent)))
        .collect()
}

const MANY: f64 = 1e6;

#[test]
fn the_function_that_grew_is_named_and_not_what_calls_it() {
    let before = [("main;serve;tls", 10), ("main;serve;read", 90)];
    let now = [("main;serve;tls", 110), ("main;serve;read", 90)];
    assert_eq!(
        explained(&before, &now, MANY),
        [("tls".to_owned(), [10, 55])]
    );
}

#[test]
fn who_calls_the_runtime_is_named_and_not_the_runtime() {
    let before = [
        ("main.serve;main.wait;runtime.chanrecv;runtime.gopark", 5),
        ("main.serve", 95),
    ];
    let now = [
        ("main.serve;main.wait;runtime.chanrecv;runtime.gopark", 3000),
        ("main.serve", 95),
    ];
    assert_eq!(
        explained(&before, &now, MANY),
        [("main.wait".to_owned(), [5, 97])]
    );
    let before = [
        ("runtime.gcBgMarkWorker;runtime.gcDrain", 5),
        ("main.serve", 95),
    ];
    let now = [
        ("runtime.gcBgMarkWorker;runtime.gcDrain", 300),
        ("main.serve", 95),
    ];
    assert_eq!(
        explained(&before, &now, MANY),
        [("runtime.gcDrain".to_owned(), [5, 76])]
    );
}

#[test]
fn a_cost_that_moved_between_siblings_is_not_told() {
    let before = [
        ("main;work;old", 60),
        ("main;work;new", 10),
        ("main;idle", 30),
    ];
    let now = [
        ("main;work;old", 10),
        ("main;work;new", 60),
        ("main;idle", 30),
    ];
    assert!(explained(&before, &now, MANY).is_empty());
}

#[test]
fn a_change_below_what_so_few_samples_can_show_is_not_told() {
    let before = [("main;a", 50), ("main;b", 50)];
    let now = [("main;a", 60), ("main;b", 50)];
    // 50 % to 54.5 %: 32 × 0.25 / 0.045² ≈ 3,840 samples.
    assert!(explained(&before, &now, 3_000.0).is_empty());
    assert_eq!(explained(&before, &now, 5_000.0).len(), 1);
}

#[test]
fn when_everything_grew_alike_no_function_explains_it() {
    let before = [("main;a", 50), ("main;b", 50)];
    let now = [("main;a", 100), ("main;b", 100)];
    assert!(explained(&before, &now, MANY).is_empty());
}

#[test]
fn two_that_grew_apart_are_both_told_the_larger_first() {
    let before = [("main;a", 10), ("main;b", 10), ("main;c", 80)];
    let now = [("main;a", 60), ("main;b", 40), ("main;c", 80)];
    let explained = explained(&before, &now, MANY);
    let names: Vec<_> = explained.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_recursion_is_counted_once() {
    let before = [("main;f;f;f", 10), ("main;g", 90)];
    let now = [("main;f;f;f", 100), ("main;g", 90)];
    assert_eq!(explained(&before, &now, MANY), [("f".to_owned(), [10, 53])]);
}

#[test]
fn sides_of_other_weights_are_put_on_one_footing() {
    let (before, now) = (profile(&[("main;a", 100)]), profile(&[("main;a", 1000)]));
    let ten_times = Side {
        weight: 10.0,
        ..side(&now, MANY)
    };
    assert!(growth(side(&before, MANY), ten_times).is_empty());
}

#[test]
fn nothing_on_either_side_explains_nothing() {
    let (empty, some) = (Profile::default(), profile(&[("main;a", 1)]));
    assert!(growth(side(&empty, MANY), side(&some, MANY)).is_empty());
    assert!(growth(side(&some, MANY), side(&empty, MANY)).is_empty());
}

fn causes() -> Causes {
    let cause = |name: &str, function: &str, suppressed| Cause {
        name: name.to_owned(),
        functions: vec![Function::new(function)],
        with: Vec::new(),
        kinds: Vec::new(),
        components: Vec::new(),
        cause: "It is so.".to_owned(),
        remedy: String::new(),
        references: Vec::new(),
        suppressed,
    };
    Causes::new(vec![
        cause("handshakes", "tls.Conn.Handshake", false),
        cause("idle", "runtime.futex", true),
    ])
}

/// The likely causes, with their shares in percent.
fn likely_causes(before: Option<&[(&str, i64)]>, now: &[(&str, i64)]) -> Vec<(String, [f64; 2])> {
    let (causes, now) = (causes(), profile(now));
    let before = before.map(profile);
    let before = before.as_ref().map(|before| side(before, MANY));
    let percent = |share: f64| (share * 100.0).round();
    likely(&causes, "process_cpu", None, before, side(&now, MANY))
        .into_iter()
        .map(|one| (one.cause.name.clone(), one.share.map(percent)))
        .collect()
}

const CALM: [(&str, i64); 2] = [("main;crypto/tls.(*Conn).Handshake", 5), ("main;read", 95)];
const BUSY: [(&str, i64); 2] = [("main;crypto/tls.(*Conn).Handshake", 95), ("main;read", 95)];

#[test]
fn a_cause_that_costs_more_than_before_is_likely() {
    assert_eq!(
        likely_causes(Some(&CALM), &BUSY),
        [("handshakes".to_owned(), [5.0, 50.0])]
    );
    assert!(likely_causes(Some(&BUSY), &BUSY).is_empty());
    assert!(likely_causes(Some(&BUSY), &CALM).is_empty());
}

#[test]
fn without_a_before_what_costs_much_is_likely() {
    let likely = likely_causes(None, &BUSY);
    assert!(
        matches!(&likely[..], [(name, [before, 50.0])] if name == "handshakes" && before.is_nan())
    );
}

#[test]
fn a_scheduler_with_nothing_to_do_does_not_count() {
    let mut idle = CALM.to_vec();
    idle.push(("runtime.mcall;runtime.schedule;runtime.futex", 10_000));
    assert!(likely_causes(Some(&CALM), &idle).is_empty());
}
