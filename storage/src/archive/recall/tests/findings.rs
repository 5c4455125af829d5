//! Findings from files and the log, compared with those that were written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Record, UnixMillis};

use crate::Position;
use crate::archive::recall::{FindingQuery, Recall, RecallError};
use crate::archive::table::Table;
use crate::archive::testing::{NOW, options, paths, target};
use crate::archive::{Archive, Depth, Keeper, KeeperOptions, verify};
use crate::log::{Log, LogOptions, ReadFrom};

const HOUR: i64 = 3_600_000;

fn finding(instance: &str, signal: &str, state: FindingState, millis: i64) -> Finding {
    let target = target(instance);
    let labels = Labels::from_pairs([("to", "b")]);
    Finding {
        id: FindingId::of(target.id(), signal, &labels, Rule::Band),
        incident: u64::MAX - 1,
        target,
        signal: signal.to_owned(),
        labels,
        rule: Rule::Band,
        state,
        severity: Severity::Warning,
        time: UnixMillis(NOW.0 + millis),
        since: UnixMillis(NOW.0 + millis - 60_000),
        unit: "s".to_owned(),
        before: 0.25,
        now: 1.5,
        lower: f64::NEG_INFINITY,
        upper: 0.5,
        score: 7.0,
        title: format!("{signal} is high"),
        explanation: "It was low for weeks.\nNow it is not.".to_owned(),
        cause: "a slow disk".to_owned(),
        remedy: String::new(),
        links: vec![("page".to_owned(), "http://a/".to_owned())],
        captures: vec![3, u64::MAX],
    }
}

fn open_log(root: &Path, archive: &Archive) -> Log {
    let options = LogOptions {
        path: root.join("log"),
        segment_bytes: 1 << 20,
        disk_budget_bytes: 1 << 26,
        memory_tail_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    };
    Log::open(options, archive.resume_position()).unwrap()
}

/// Writes findings to a log and, after each of `flushes` of them, to files. The rest stays in the
/// log.
fn write(root: &Path, findings: &[Finding], flushes: &[usize]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut archive = Archive::open(options(&root.join("archive"))).unwrap();
    runtime.block_on(async {
        let log = open_log(root, &archive);
        let mut reader = log.reader("archive", ReadFrom::Cursor).unwrap();
        for (idx, finding) in findings.iter().enumerate() {
            let record = Record::Finding(Arc::new(finding.clone()));
            let receipt = log.appender().append(record).await.unwrap();
            receipt.durable().await.unwrap();
            if flushes.contains(&(idx + 1)) {
                while let Some(entry) = reader.try_next().unwrap() {
                    archive.write(entry.end, &entry.record);
                }
                let report = archive.flush().unwrap();
                reader.commit(report.position).unwrap();
            }
        }
    });
}

fn read(root: &Path, query: &FindingQuery) -> Vec<Finding> {
    let answer = Recall::open(root).findings(query).unwrap();
    assert!(answer.left_out.is_empty());
    answer
        .findings
        .iter()
        .map(|found| (**found).clone())
        .collect()
}

fn read_open(root: &Path) -> Vec<Finding> {
    let answer = Recall::open(root)
        .open_findings(&"{}".parse().unwrap())
        .unwrap();
    answer
        .findings
        .iter()
        .map(|found| (**found).clone())
        .collect()
}

#[test]
fn they_come_back_from_files_and_from_the_log_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let all = [
        finding("a:1", "s", FindingState::Pending, 0),
        finding("a:1", "s", FindingState::Firing, 1),
        finding("a:1", "s", FindingState::Resolved, 26 * HOUR),
    ];
    write(dir.path(), &all, &[2]);
    assert_eq!(paths(&dir.path().join("archive"), Table::Findings).len(), 1);
    assert_eq!(read(dir.path(), &FindingQuery::default()), all);
    assert_eq!(read_open(dir.path()), []);
}

#[test]
fn what_is_not_a_number_is_null_in_files_and_not_a_number_again() {
    let dir = tempfile::tempdir().unwrap();
    let sent = Finding {
        before: f64::NAN,
        upper: f64::NAN,
        score: f64::INFINITY,
        ..finding("a:1", "s", FindingState::Firing, 0)
    };
    write(dir.path(), &[sent], &[1]);
    let found = &read(dir.path(), &FindingQuery::default())[0];
    assert!(found.before.is_nan() && found.upper.is_nan());
    assert_eq!((found.now, found.score), (1.5, f64::INFINITY));
}

#[test]
fn a_query_wants_targets_times_states_and_troubles() {
    let dir = tempfile::tempdir().unwrap();
    let all = [
        finding("a:1", "s", FindingState::Firing, 0),
        finding("b:1", "s", FindingState::Firing, 10),
        finding("b:1", "s", FindingState::Resolved, 20),
        finding("b:1", "t", FindingState::Firing, 30),
    ];
    write(dir.path(), &all, &[1, 3]);
    let check = |query: FindingQuery, expected: &[usize]| {
        let expected: Vec<Finding> = expected.iter().map(|idx| all[*idx].clone()).collect();
        assert_eq!(read(dir.path(), &query), expected, "{query:?}");
    };
    let query = FindingQuery::default;
    let selector = r#"{instance="b:1"}"#.parse().unwrap();
    check(
        FindingQuery {
            selector,
            ..query()
        },
        &[1, 2, 3],
    );
    let (from, to) = (Some(all[1].time), Some(all[3].time));
    check(
        FindingQuery {
            from,
            to,
            ..query()
        },
        &[1, 2],
    );
    let states = vec![FindingState::Resolved];
    check(FindingQuery { states, ..query() }, &[2]);
    let id = Some(all[3].id);
    check(FindingQuery { id, ..query() }, &[3]);
    let limited = Recall::open(dir.path()).findings(&FindingQuery {
        limit: 3,
        ..query()
    });
    assert!(matches!(
        limited,
        Err(RecallError::TooManyFindings { limit: 3 })
    ));
}

#[test]
fn a_damaged_file_is_named_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let all = [0, 1].map(|millis| finding("a:1", "s", FindingState::Firing, millis));
    write(dir.path(), &all, &[1]);
    let root = dir.path().join("archive");
    let path = &paths(&root, Table::Findings)[0];
    std::fs::write(path, b"PAR1 damaged PAR1").unwrap();
    let answer = Recall::open(dir.path())
        .findings(&FindingQuery::default())
        .unwrap();
    assert_eq!((answer.findings.len(), answer.left_out.len()), (1, 1));
}

#[test]
fn merged_files_hold_the_same_and_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Finding> = (0..9)
        .map(|idx| finding("a:1", &format!("s{idx}"), FindingState::Firing, idx))
        .collect();
    let every: Vec<usize> = (1..=9).collect();
    write(dir.path(), &all, &every);
    let root = dir.path().join("archive");
    assert_eq!(paths(&root, Table::Findings).len(), 9);
    let mut keeper = Keeper::open(&root, KeeperOptions::default()).unwrap();
    keeper.compact_all(|_| ()).unwrap();
    assert_eq!(paths(&root, Table::Findings).len(), 1);
    assert_eq!(read(dir.path(), &FindingQuery::default()), all);
    let report = verify(&root, Depth::Pages, NOW, |_| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn one_whose_time_has_no_day_is_counted_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let never = finding("a:1", "s", FindingState::Firing, i64::MAX - NOW.0);
    archive.write(Position(1), &Record::Finding(Arc::new(never)));
    assert_eq!(archive.flush().unwrap().n_files(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn open_are_those_whose_last_state_is_not_resolved(
        changes in prop::collection::vec((0..4u8, 0..3usize, 0..3 * HOUR), 1..30),
        flushes in prop::collection::vec(1..30usize, 0..5),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut time = 0;
        let all: Vec<Finding> = changes.iter().map(|(signal, state, pause)| {
            time += pause;
            finding("a:1", &format!("s{signal}"), FindingState::ALL[*state], time)
        }).collect();
        write(dir.path(), &all, &flushes);
        prop_assert_eq!(read(dir.path(), &FindingQuery::default()), all.clone());
        let mut last = BTreeMap::new();
        for finding in all {
            last.insert(finding.id, finding);
        }
        let mut expected: Vec<Finding> = last.into_values().filter(Finding::is_open).collect();
        expected.sort_by_key(|finding| finding.time);
        prop_assert_eq!(read_open(dir.path()), expected);
    }
}
