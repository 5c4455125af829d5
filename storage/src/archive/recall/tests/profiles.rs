//! Merged profiles compared with merging one by one what the archive holds.

use std::sync::Arc;

use proptest::prelude::*;
use proto::profile_ops::{Merger, canonical};
use proto::{ProfileRecord, Record, UnixNanos};

use crate::Position;
use crate::archive::recall::{Asked, ProfileSelection, Recall, RecallError};
use crate::archive::table::Resolution;
use crate::archive::testing::{cpu_profile, options, target, write_profiles as write};
use crate::archive::{Archive, ProfileQuery};
use crate::log::{Log, LogOptions};

/// 2026-11-20 00:00 UTC.
const START: i64 = 1_795_132_800_000_000_000;
const HOUR: i64 = 3_600_000_000_000;

fn capture(time: i64, instance: &str, value: i64) -> ProfileRecord {
    let mut record = cpu_profile(time);
    record.target = target(instance);
    record.profile.values = vec![value, value * 10, value % 3, 0];
    if value % 5 == 0 {
        // Another process: its binary is loaded elsewhere.
        record.profile.mappings[0].memory_start = 0x70_0000;
        record.profile.mappings[0].memory_limit = 0xb0_0000;
    }
    record
}

fn selection(selector: &str, from: i64, to: i64) -> ProfileSelection {
    ProfileSelection {
        selector: selector.parse().unwrap(),
        kind: Some("process_cpu".to_owned()),
        from: Some(UnixNanos(from)),
        to: Some(UnixNanos(to)),
        ..ProfileSelection::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn it_is_what_merging_one_by_one_gives(
        captures in prop::collection::vec((0..60 * HOUR, 0..3u8, 0..20i64), 1..40),
        per_flush in 1..20usize,
        from in 0..60 * HOUR,
        length in 0..60 * HOUR,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let records: Vec<_> = captures
            .iter()
            .map(|(time, instance, value)| capture(START + time, &format!("i{instance}"), *value))
            .collect();
        write(dir.path(), &records, per_flush);
        let (from, to) = (START + from, START + from + length);
        let found = Recall::open(dir.path())
            .profile(&selection(r#"{instance=~"i[01]"}"#, from, to))
            .unwrap();
        let query = ProfileQuery {
            path: dir.path().to_owned(),
            from: Some(UnixNanos(from)),
            to: Some(UnixNanos(to)),
            ..ProfileQuery::default()
        };
        let (mut merger, mut n_captures) = (Merger::new(), 0);
        for record in query.profiles().unwrap().map(Result::unwrap) {
            if record.target.instance() != "i2" {
                merger.add(&record.profile).unwrap();
                n_captures += 1;
            }
        }
        match found {
            None => prop_assert_eq!(n_captures, 0),
            Some(found) => {
                prop_assert_eq!(found.n_captures, n_captures);
                prop_assert!(found.left_out.is_empty());
                prop_assert_eq!(canonical(&found.profile), canonical(&merger.finish().unwrap()));
            }
        }
    }
}

#[tokio::test]
async fn captures_that_are_only_in_the_log_count() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(
        LogOptions {
            path: dir.path().join("log"),
            segment_bytes: 1 << 20,
            disk_budget_bytes: 1 << 26,
            memory_tail_bytes: 1 << 20,
            queue_bytes: 1 << 20,
            sync_interval: std::time::Duration::ZERO,
        },
        Position(0),
    )
    .unwrap();
    let mut archive = Archive::open(options(&dir.path().join("archive"))).unwrap();
    let mut reader = log.reader("archive", crate::log::ReadFrom::Cursor).unwrap();
    for idx in 0..6 {
        let record = Record::Profile(Arc::new(capture(START + idx, "i", 1)));
        let receipt = log.appender().append(record).await.unwrap();
        receipt.durable().await.unwrap();
        if idx == 2 {
            while let Some(entry) = reader.try_next().unwrap() {
                archive.write(entry.end, &entry.record);
            }
            archive.flush().unwrap();
        }
    }
    let mut selection = selection("{}", START, START + 5);
    let recall = Recall::open(dir.path());
    let found = recall.profile(&selection).unwrap().unwrap();
    assert_eq!((found.n_captures, found.profile.total(1)), (5, 50));
    assert!(found.is_delta);
    selection.sample_types = vec!["cpu".to_owned()];
    let found = recall.profile(&selection).unwrap().unwrap();
    assert_eq!(found.profile.sample_types.len(), 1);
    assert_eq!(found.profile.total(0), 50);
    selection.resolution = Asked::Exactly(Resolution::OneHour);
    let found = recall.profile(&selection).unwrap().unwrap();
    assert_eq!(
        found.profile.total(0),
        50,
        "without windows it is made of captures"
    );
}

#[test]
fn kinds_are_not_mixed() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = capture(START + 1, "i", 1);
    other.kind = "wall".to_owned();
    write(dir.path(), &[capture(START, "i", 1), other], 9);
    let mut selection = selection("{}", START, START + 5);
    selection.kind = None;
    let refused = Recall::open(dir.path()).profile(&selection);
    assert!(matches!(refused, Err(RecallError::Kinds { .. })));
}
