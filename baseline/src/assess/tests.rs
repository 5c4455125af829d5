//! Assessors over signals made here.

use std::time::Duration;

use proto::finding::{Rule, Severity};
use proto::metrics::{Family, Layout, MetricKind, Series, absent, stale_marker};

use super::*;
use crate::catalogue::{self, Bound, Comparison, Direction, Guard, Source, Threshold};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440;

fn threshold(severity: catalogue::Severity, above: f64, minutes: u64) -> Threshold {
    Threshold {
        severity,
        bound: Bound {
            comparison: Comparison::Above,
            value: above,
        },
        hold: Duration::from_secs(60 * minutes),
        only_while: None,
        source: "the test".to_owned(),
    }
}

fn signal(name: &str, thresholds: Vec<Threshold>) -> Signal {
    Signal {
        title: format!("The {name}"),
        source: Source::Expr("g".parse().unwrap()),
        bad: Direction::Up,
        thresholds,
        least_change: 1.0,
        remedy: "do it".to_owned(),
        ..Signal::blank(name, "etcd")
    }
}

fn two_steps() -> Signal {
    let warning = threshold(catalogue::Severity::Warning, 10.0, 5);
    let critical = threshold(catalogue::Severity::Critical, 20.0, 5);
    signal("load", vec![warning, critical])
}

fn assessor(signals: Vec<Signal>) -> Assessor {
    Assessor::new(signals.into_iter().map(Arc::new), Options::default())
}

fn target(instance: &str) -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    })
}

/// The signals of one target at a minute: metric names with their values.
fn batch(minute: i64, values: &[(&str, f64)]) -> MetricBatch {
    batch_of("a:1", minute, values)
}

fn batch_of(instance: &str, minute: i64, values: &[(&str, f64)]) -> MetricBatch {
    let target = target(instance);
    let series = (0..).zip(values).map(|(idx, (name, _))| {
        let metric = format!("leadsman_signal_{name}");
        let pairs = target.labels.iter().chain([("__name__", metric.as_str())]);
        let labels = Labels::from_pairs(pairs);
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx,
        }
    });
    let families = values.iter().map(|(name, _)| Family {
        name: format!("leadsman_signal_{name}"),
        kind: MetricKind::Gauge,
        ..Family::default()
    });
    let layout = Layout::new(Arc::clone(&target), families.collect(), series.collect());
    let values = values.iter().map(|(_, value)| *value).collect();
    MetricBatch::new(Arc::new(layout), UnixMillis(minute * MINUTE), values)
}

/// What is found, as `minute state severity rule signal`.
fn told(assessor: &mut Assessor, batches: impl IntoIterator<Item = MetricBatch>) -> Vec<String> {
    let findings = batches
        .into_iter()
        .flat_map(|batch| assessor.assess(&batch).findings);
    let text = |finding: Finding| {
        format!(
            "{} {} {} {} {}",
            finding.time.0 / MINUTE,
            finding.state,
            finding.severity,
            finding.rule,
            finding.signal
        )
    };
    findings.map(text).collect()
}

fn loads(start: i64, values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = MetricBatch> {
    (start..)
        .zip(values)
        .map(|(minute, value)| batch(minute, &[("load", value)]))
}

/// A noise that is the same each time.
fn noise(minute: i64) -> f64 {
    let hash = (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (hash % 1000) as f64 / 1000.0
}

#[test]
fn a_threshold_fires_after_its_hold_gets_worse_once_and_is_over_when_it_was_calm() {
    let values = [vec![15.0; 8], vec![25.0; 8], vec![15.0; 8], vec![5.0; 8]].concat();
    assert_eq!(
        told(&mut assessor(vec![two_steps()]), loads(0, values)),
        [
            "5 firing warning threshold load",
            "13 firing critical threshold load",
            "29 resolved critical threshold load",
        ]
    );
}

#[test]
fn a_guarded_threshold_counts_only_while_its_guard_holds() {
    let mut guarded = threshold(catalogue::Severity::Warning, 10.0, 0);
    guarded.only_while = Some(Guard {
        signal: "size".to_owned(),
        bound: Bound {
            comparison: Comparison::Above,
            value: 100.0,
        },
    });
    let signals = vec![signal("load", vec![guarded]), signal("size", Vec::new())];
    let mut assessor = assessor(signals);
    let small = batch(0, &[("load", 50.0), ("size", 10.0)]);
    assert!(told(&mut assessor, [small]).is_empty());
    let large = batch(1, &[("load", 50.0), ("size", 200.0)]);
    assert_eq!(
        told(&mut assessor, [large]),
        ["1 firing warning threshold load"]
    );
}

#[test]
fn what_leaves_its_band_is_told_once_a_day_of_it_is_known() {
    let usual = |minute| 100.0 + noise(minute);
    let mut young = assessor(vec![signal("load", Vec::new())]);
    let values = (0..240).map(usual).chain([500.0; 30]);
    assert!(told(&mut young, loads(0, values)).is_empty());

    let mut old = assessor(vec![signal("load", Vec::new())]);
    let values = (0..2 * DAY)
        .map(usual)
        .chain([500.0; 20])
        .chain((0..20).map(usual));
    let told = told(&mut old, loads(0, values));
    assert_eq!(
        told,
        [
            "2890 firing warning band load",
            "2905 resolved warning band load"
        ]
    );
}

/// As a rate of a minute does while its window fills, at a row a second behind weeks of rows five
/// minutes apart: no row is far from the one before, and the first ones are no change that matters.
#[test]
fn what_rises_row_by_row_does_not_widen_its_band_as_fast() {
    let usual = |row: i64| 50.0 + noise(row);
    let at = |time: i64, value: f64| MetricBatch {
        time: UnixMillis(time),
        ..batch(0, &[("load", value)])
    };
    let signal = Signal {
        least_change: 300.0,
        ..signal("load", Vec::new())
    };
    let mut assessor = assessor(vec![signal]);
    let calm = (0..7 * 288).map(|row| at(row * 5 * MINUTE, usual(row)));
    assert_eq!(told(&mut assessor, calm), [""; 0]);
    let start = 7 * DAY * MINUTE;
    let rising = (0..1000).map(|row: i64| {
        let risen = (row - 90).clamp(0, 60) as f64 / 60.0;
        at(start + row * 1000, usual(row) * (1.0 + 11.0 * risen))
    });
    let told = told(&mut assessor, rising);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn what_is_out_of_its_band_by_little_or_on_the_good_side_is_not_told() {
    let mut assessor = assessor(vec![signal("load", Vec::new())]);
    let usual = |minute| 100.0 + 0.01 * noise(minute);
    let values = (0..2 * DAY).map(usual).chain([100.9; 30]).chain([20.0; 30]);
    assert!(told(&mut assessor, loads(0, values)).is_empty());
}

#[test]
fn what_was_learned_is_not_news_and_what_goes_on_fires() {
    let mut assessor = assessor(vec![two_steps()]);
    let labels = batch(0, &[("load", 0.0)]).layout.series[0].labels.clone();
    let past = (0..60).map(|minute| (UnixMillis(minute * MINUTE), 15.0));
    assessor.learn(&labels, past);
    assert_eq!(
        told(&mut assessor, loads(60, [15.0; 5])),
        ["60 firing warning threshold load"]
    );
}

#[test]
fn after_a_restart_what_fires_is_not_told_again_and_its_end_is() {
    let mut before = assessor(vec![two_steps()]);
    let fired: Vec<_> = loads(0, [15.0; 10])
        .flat_map(|batch| before.assess(&batch).findings)
        .collect();
    let mut after = assessor(vec![two_steps()]);
    let labels = batch(0, &[("load", 0.0)]).layout.series[0].labels.clone();
    let past = (0..10).map(|minute| (UnixMillis(minute * MINUTE), 15.0));
    after.learn(&labels, past);
    after.resume(fired.clone());
    assert!(told(&mut after, loads(10, [15.0; 10])).is_empty());
    let mut over = loads(20, [5.0; 10]).flat_map(|batch| after.assess(&batch).findings);
    let over = over.next().unwrap();
    assert_eq!(
        (over.id, over.incident, over.since),
        (fired[0].id, fired[0].incident, fired[0].since)
    );
}

#[test]
fn findings_of_one_target_that_are_open_together_are_one_incident_that_ends_with_the_last() {
    let other = signal(
        "size",
        vec![threshold(catalogue::Severity::Warning, 1.0, 0)],
    );
    let mut assessor = assessor(vec![two_steps(), other]);
    let rows = (0..40).map(|minute| {
        let load = if minute < 10 { 15.0 } else { 5.0 };
        let size = if (8..20).contains(&minute) { 5.0 } else { 0.0 };
        batch(minute, &[("load", load), ("size", size)])
    });
    let findings: Vec<_> = rows.flat_map(|b| assessor.assess(&b).findings).collect();
    let seen: Vec<_> = findings
        .iter()
        .map(|f| (f.time.0 / MINUTE, f.signal.as_str(), f.state))
        .collect();
    use FindingState::{Firing, Resolved};
    assert_eq!(
        seen,
        [
            (5, "load", Firing),
            (8, "size", Firing),
            (25, "size", Resolved),
            (25, "load", Resolved)
        ]
    );
    assert!(findings.iter().all(|f| f.incident == findings[0].incident));
}

#[test]
fn a_series_that_ends_ends_its_trouble() {
    let mut assessor = assessor(vec![two_steps()]);
    told(&mut assessor, loads(0, [15.0; 10]));
    let gone = [stale_marker()].into_iter().chain([absent(); 9]);
    let ends = (10..)
        .zip(gone)
        .map(|(minute, value)| batch(minute, &[("load", value)]));
    let findings: Vec<_> = ends.flat_map(|b| assessor.assess(&b).findings).collect();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].title, "The load is no longer reported");
    assert!(findings[0].now.is_nan());
}

/// Another program at the same address, so with the same labels: what it does otherwise is told once, and
/// is what is usual a few days later; what only the old one had is over, what only the new one has is new.
#[test]
fn a_target_replaced_by_another_is_told_once_and_then_usual() {
    let signals = ["load", "old", "new"].map(|name| signal(name, Vec::new()));
    let mut assessor = assessor(signals.to_vec());
    let before = (0..3 * DAY).map(|minute| {
        let trouble = if minute >= 3 * DAY - 30 { 300.0 } else { 0.0 };
        let old = 100.0 + noise(minute) + trouble;
        batch(minute, &[("load", 100.0 + noise(minute + 7)), ("old", old)])
    });
    assert_eq!(
        told(&mut assessor, before),
        ["4300 firing warning band old"]
    );
    let after = (3 * DAY..9 * DAY).map(|minute| {
        let (load, new) = (300.0 + noise(minute + 7), 500.0 + noise(minute));
        batch(minute, &[("load", load), ("old", absent()), ("new", new)])
    });
    let told = told(&mut assessor, after);
    let [first, over, last] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(first, "4325 resolved warning band old");
    assert_eq!(over, "4330 firing warning band load");
    let (minute, what) = last.split_once(' ').unwrap();
    assert_eq!(what, "resolved warning band load");
    assert!(minute.parse::<i64>().unwrap() < 6 * DAY, "{minute}");
}

/// Another program in its place, under a name of its own: the old one's trouble is over, and nothing is
/// known of the new one, so nothing is told of it.
#[test]
fn a_target_that_comes_in_the_place_of_another_is_not_judged_by_its_baseline() {
    let mut assessor = assessor(vec![signal("load", Vec::new())]);
    let before = (0..2 * DAY).map(|minute| {
        let trouble = if minute >= 2 * DAY - 30 { 300.0 } else { 0.0 };
        batch(minute, &[("load", 100.0 + noise(minute) + trouble)])
    });
    assert_eq!(told(&mut assessor, before).len(), 1);
    let after = (2 * DAY..2 * DAY + 600)
        .map(|minute| batch_of("b:1", minute, &[("load", 900.0 + noise(minute))]));
    assert_eq!(told(&mut assessor, after), [""; 0]);
    let now = UnixMillis((2 * DAY + 600) * MINUTE);
    let silent_since = UnixMillis(now.0 - 15 * MINUTE);
    let ended = assessor.end_silent(silent_since, now);
    let ended: Vec<_> = ended
        .iter()
        .map(|f| (f.state, f.target.address.as_str()))
        .collect();
    assert_eq!(ended, [(FindingState::Resolved, "a:1")]);
}

#[test]
fn a_finding_says_what_where_since_when_and_what_to_do() {
    let mut assessor = assessor(vec![two_steps()]);
    let findings: Vec<_> = loads(0, [15.0; 10])
        .flat_map(|b| assessor.assess(&b).findings)
        .collect();
    let finding = &findings[0];
    assert_eq!(finding.title, "The load is 15, above 10 for 5 min");
    assert_eq!(
        (finding.rule, finding.severity, finding.since, finding.now),
        (Rule::Threshold, Severity::Warning, UnixMillis(0), 15.0)
    );
    assert_eq!(finding.remedy, "do it");
    assert!(
        finding
            .explanation
            .contains("above 10 for 5 min (the test)"),
        "{}",
        finding.explanation
    );
}

#[test]
fn series_that_are_silent_are_forgotten_and_their_trouble_is_over() {
    let mut assessor = assessor(vec![two_steps(), signal("size", Vec::new())]);
    let rows = (0..10).map(|minute| batch(minute, &[("load", 15.0), ("size", 1.0)]));
    told(&mut assessor, rows);
    assert!(
        assessor
            .end_silent(UnixMillis(0), UnixMillis(20 * MINUTE))
            .is_empty()
    );
    let ended = assessor.end_silent(UnixMillis(15 * MINUTE), UnixMillis(25 * MINUTE));
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].state, FindingState::Resolved);
    assert_eq!(assessor.n_series(), 0);
}

#[test]
fn what_was_open_before_a_restart_is_over_when_its_series_does_not_come_back() {
    let mut before = assessor(vec![two_steps()]);
    let fired = loads(0, [15.0; 10]).flat_map(|batch| before.assess(&batch).findings);
    let mut after = assessor(vec![two_steps()]);
    after.resume(fired.collect::<Vec<_>>());
    assert!(
        after
            .end_silent(UnixMillis(0), UnixMillis(MINUTE))
            .is_empty()
    );
    let ended = after.end_silent(UnixMillis(20 * MINUTE), UnixMillis(35 * MINUTE));
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].state, FindingState::Resolved);
}

#[test]
fn what_was_learned_of_series_that_do_not_come_back_is_forgotten() {
    let mut assessor = assessor(vec![two_steps()]);
    let labels = batch(0, &[("load", 0.0)]).layout.series[0].labels.clone();
    let past = |minutes| (0..minutes).map(|minute| (UnixMillis(minute * MINUTE), 1.0));
    assessor.learn(&labels, past(3 * DAY));
    let after = |days: i64| UnixMillis((3 + days) * DAY * MINUTE - MINUTE);
    assessor.end_silent(after(0), after(0));
    assert_eq!(assessor.learned.len(), 1);
    assessor.end_silent(after(1), after(1));
    assert!(assessor.learned.is_empty());
}

/// The state of 10,000 series is to be below 10 MB.
#[test]
fn a_series_takes_less_than_a_kilobyte_of_its_own() {
    assert!(size_of::<Assessed>() < 1024, "{}", size_of::<Assessed>());
}
