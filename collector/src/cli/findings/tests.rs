//! What is printed.

use std::sync::Arc;

use exporter::alert::{Silence, Silences};
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Target, UnixMillis};

use super::trouble::Trouble;
use super::{Style, export, id_digits, show, table};

const NOON: i64 = 1_795_262_400_000;

fn finding(instance: &str, state: FindingState, minutes: i64) -> Arc<Finding> {
    let target = Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    });
    let labels = Labels::from_pairs([("to", "b")]);
    let is_over = state == FindingState::Resolved;
    Arc::new(Finding {
        id: FindingId::of(target.id(), "etcd_wal_fsync_p99", &labels, Rule::Band),
        incident: 7,
        target,
        signal: "etcd_wal_fsync_p99".to_owned(),
        labels,
        rule: Rule::Band,
        state,
        severity: Severity::Critical,
        time: UnixMillis(NOON + minutes * 60_000),
        since: UnixMillis(NOON - 60_000),
        unit: "s".to_owned(),
        before: 0.002,
        now: if is_over { 0.003 } else { 0.125 },
        lower: f64::NAN,
        upper: 0.005,
        score: 11.25,
        title: "Writing the log takes 62 times as long".to_owned(),
        explanation: "It took 2 ms at this hour for weeks. ".repeat(4),
        cause: "A slow disk.".to_owned(),
        remedy: "Move etcd to a disk of its own.".to_owned(),
        links: vec![("page".to_owned(), "http://a/".to_owned())],
        captures: vec![u64::MAX],
    })
}

fn all() -> Vec<Arc<Finding>> {
    vec![
        finding("a:1", FindingState::Pending, 0),
        finding("a:1", FindingState::Firing, 2),
        finding("b:1", FindingState::Firing, 3),
        finding("a:1", FindingState::Resolved, 9),
        finding("a:1", FindingState::Pending, 30),
    ]
}

#[test]
fn a_trouble_that_comes_again_is_another_line() {
    let troubles = Trouble::all(&all(), &Silences::default());
    let text = table::render(&troubles, Style::Plain);
    let expected = "\
STATE     SEVERITY  SINCE (UTC)          TARGET    FROM → TO    WHAT                                    ID
resolved  critical  2026-11-21 11:59:00  etcd a:1  2ms → 125ms  Writing the log takes 62 times as long  c52d4776
firing    critical  2026-11-21 11:59:00  etcd b:1  2ms → 125ms  Writing the log takes 62 times as long  2cfe196e
pending   critical  2026-11-21 11:59:00  etcd a:1  2ms → 125ms  Writing the log takes 62 times as long  c52d4776
2 open of 3 shown; the whole of one: leadsman findings ID
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_terminal_gets_colours_by_state_and_severity() {
    let troubles = Trouble::all(&all()[1..2], &Silences::default());
    let text = table::render(&troubles, Style::Terminal);
    assert!(text.contains("\x1b[31mfiring"), "{text:?}");
}

#[test]
fn one_is_shown_as_a_whole() {
    let findings: Vec<_> = all()
        .into_iter()
        .filter(|one| one.target.instance() == "a:1")
        .collect();
    let troubles = Trouble::all(&findings, &Silences::default());
    let text = show::render(&troubles, "abcd", Style::Plain).unwrap();
    let expected = "\
Writing the log takes 62 times as long
pending, critical

  target     etcd a:1
  signal     etcd_wal_fsync_p99{to=\"b\"}
  found by   band
  from → to  2ms → 125ms
  ordinary   up to 5ms
  score      11.2
  incident   7
  id         c52d477697305da5
  since      2026-11-21 11:59:00 UTC
  pending    2026-11-21 12:30:00 UTC

It took 2 ms at this hour for weeks. It took 2 ms at this hour for weeks. It took 2 ms at this
hour for weeks. It took 2 ms at this hour for weeks.

Cause
A slow disk.

Remedy
Move etcd to a disk of its own.

Further
  page: http://a/
  profiles taken for it (capture_id): -1

The same trouble was there once before: --all shows it.
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn an_id_of_none_and_one_of_several_are_told() {
    let error = |troubles: &[Trouble]| {
        show::render(troubles, "ab12", Style::Plain)
            .unwrap_err()
            .to_string()
    };
    assert!(error(&[]).starts_with("no finding has an id that begins with ab12: "));
    assert!(
        error(&Trouble::all(&all(), &Silences::default())).starts_with("2 ids begin with ab12: ")
    );
}

#[test]
fn ids_are_hexadecimal_digits() {
    assert_eq!(id_digits("00FF"), Ok("00ff".to_owned()));
    for text in ["", "abc", "xyzw", "0123456789abcdef0"] {
        assert!(id_digits(text).is_err(), "{text}");
    }
}

#[test]
fn json_has_every_change_of_state() {
    let mut finding = Finding::clone(&all()[0]);
    finding.score = f64::INFINITY;
    let json = export::json(&[Arc::new(finding)], &Silences::default());
    let finding = &json[0];
    assert_eq!(finding["id"], all()[0].id.to_string());
    assert_eq!(finding["target"]["instance"], "a:1");
    assert_eq!(finding["labels"], serde_json::json!({"to": "b"}));
    assert_eq!(
        (&finding["state"], &finding["rule"]),
        (&"pending".into(), &"band".into())
    );
    assert_eq!(
        (&finding["time"], &finding["since"]),
        (&NOON.into(), &(NOON - 60_000).into())
    );
    assert_eq!(
        (&finding["lower"], &finding["score"]),
        (&serde_json::Value::Null, &"+Inf".into())
    );
    assert_eq!(
        finding["links"],
        serde_json::json!([{"name": "page", "url": "http://a/"}])
    );
    assert_eq!(finding["captures"], serde_json::json!([-1]));
}

#[test]
fn what_is_open_and_silenced_says_so() {
    let silences = Silences(vec![Silence {
        matchers: r#"{instance="b:1"}"#.parse().unwrap(),
        ..Silence::default()
    }]);
    let states = Trouble::all(&all(), &silences);
    let states: Vec<String> = states.iter().map(Trouble::state).collect();
    assert_eq!(states, ["resolved", "firing, silenced", "pending"]);
    let json = export::json(&all(), &silences);
    let silenced = json
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["silenced"] == true);
    assert_eq!(
        silenced.collect::<Vec<_>>(),
        [false, false, true, false, false]
    );
}
