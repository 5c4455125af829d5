//! What there is of profiles, and what it comes to, compared with the captures one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proto::profile::ProfileTypeId;
use proto::{ProfileRecord, Record, UnixMillis, UnixNanos};

use crate::Position;
use crate::archive::Archive;
use crate::archive::recall::{Allowance, ProfileSelection, Recall, RecallError, TotalsQuery};
use crate::archive::testing::{cpu_profile, options, target, write_profiles as write};
use crate::log::{Log, LogOptions, ReadFrom};

/// 2026-11-20 00:00 UTC.
const START: i64 = 1_795_132_800_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;

const CPU: &str = "process_cpu:cpu:nanoseconds:cpu:nanoseconds";

fn capture(time: i64, instance: &str, value: i64) -> ProfileRecord {
    let mut record = cpu_profile(time);
    record.target = target(instance);
    record.profile.values = vec![1, value, 0, 0];
    record
}

/// A heap profile with one sample of two types.
fn heap(time: i64, is_delta: bool, [allocated, in_use]: [i64; 2]) -> ProfileRecord {
    let mut record = capture(time, "i0", 1);
    let profile = &mut record.profile;
    let [alloc, inuse, bytes, space] =
        ["alloc_space", "inuse_space", "bytes", "space"].map(|text| profile.strings.push(text));
    for (known, kind) in profile.sample_types.iter_mut().zip([alloc, inuse]) {
        (known.kind, known.unit) = (kind, bytes);
    }
    (profile.period_type.kind, profile.period_type.unit) = (space, bytes);
    profile.values = vec![allocated, in_use, 0, 0];
    record.kind = "memory".to_owned();
    record.is_delta = is_delta;
    record
}

fn selection(selector: &str, type_id: &str, from: i64, to: i64) -> ProfileSelection {
    ProfileSelection {
        selector: selector.parse().unwrap(),
        profile_type: Some(type_id.parse().unwrap()),
        from: Some(UnixNanos(from)),
        to: Some(UnixNanos(to)),
        ..ProfileSelection::default()
    }
}

/// The points of the one series there is: milliseconds since the start, and values.
fn points(recall: &Recall, query: &TotalsQuery) -> Vec<(i64, f64)> {
    let totals = recall.profile_totals(query).unwrap();
    assert!(totals.left_out.is_empty(), "{:?}", totals.left_out);
    let [series] = &totals.series[..] else {
        panic!("{} series", totals.series.len());
    };
    let points = series.points.iter();
    points
        .map(|(time, value)| (time.0 - START / 1_000_000, *value))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn they_are_the_captures_one_by_one(
        captures in prop::collection::vec((0..60 * HOUR, 0..3u8, 0..20i64), 1..40),
        per_flush in 1..20usize,
        from in 0..60 * HOUR,
        length in 1..60 * HOUR,
        step in 1i64..7_200_000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let records: Vec<_> = captures
            .iter()
            .map(|(time, instance, value)| capture(START + time, &format!("i{instance}"), *value))
            .collect();
        write(dir.path(), &records, per_flush);
        let (from, to) = (START + from, START + from + length);
        let selection = selection(r#"{instance=~"i[01]"}"#, CPU, from, to);
        let recall = Recall::open(dir.path());
        let mut expected: BTreeMap<(String, i64), f64> = BTreeMap::new();
        for ((time, instance, value), record) in captures.iter().zip(&records) {
            if *instance < 2 && (from..to).contains(&(START + time)) {
                let origin = UnixMillis::from(UnixNanos(from)).0;
                let time = UnixMillis::from(UnixNanos(START + time)).0;
                let start = origin + (time - origin).div_euclid(step) * step;
                let key = (record.target.instance().to_owned(), start);
                *expected.entry(key).or_default() += *value as f64;
            }
        }
        let totals = recall
            .profile_totals(&TotalsQuery { selection: selection.clone(), step_millis: step })
            .unwrap();
        let found = totals.series.iter().flat_map(|series| {
            let instance = series.series.labels.get("instance").unwrap().to_owned();
            series.points.iter().map(move |(time, value)| ((instance.clone(), time.0), *value))
        });
        prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), expected.clone());

        let instances: BTreeSet<String> = expected.into_keys().map(|(instance, _)| instance).collect();
        let catalog = recall.profile_series(&selection).unwrap();
        let found = catalog.series.iter().map(|series| series.labels.get("instance").unwrap().to_owned());
        prop_assert_eq!(found.collect::<BTreeSet<_>>(), instances);
        prop_assert!(catalog.series.iter().all(|series| series.type_id.to_string() == CPU));
    }
}

#[test]
fn amounts_are_added_and_states_averaged() {
    let dir = tempfile::tempdir().unwrap();
    let records = [
        heap(START, false, [1000, 10]),
        heap(START + MINUTE, true, [5, 20]),
        heap(START + 2 * MINUTE, true, [7, 60]),
    ];
    write(dir.path(), &records, 2);
    let recall = Recall::open(dir.path());
    let query = |type_id| TotalsQuery {
        selection: selection("{}", type_id, START, START + HOUR),
        step_millis: 120_000,
    };
    let allocated = "memory:alloc_space:bytes:space:bytes";
    let in_use = "memory:inuse_space:bytes:space:bytes";
    // What was allocated before leadsman came is not part of what was allocated since.
    assert_eq!(
        points(&recall, &query(allocated)),
        [(0, 5.0), (120_000, 7.0)]
    );
    assert_eq!(
        points(&recall, &query(in_use)),
        [(0, 15.0), (120_000, 60.0)]
    );
    let merged = recall
        .profile(&query(allocated).selection)
        .unwrap()
        .unwrap();
    assert_eq!(
        (merged.profile.total(0), merged.is_delta, merged.n_captures),
        (12, true, 2)
    );
    let merged = recall.profile(&query(in_use).selection).unwrap().unwrap();
    assert_eq!(
        (merged.profile.total(0), merged.n_captures, merged.n_targets),
        (90, 3, 1)
    );
    // Where there is nothing else, it counts.
    let mut first = query(allocated);
    first.selection.to = Some(UnixNanos(START + 1));
    assert_eq!(points(&recall, &first), [(0, 1000.0)]);
    let merged = recall.profile(&first.selection).unwrap().unwrap();
    assert_eq!((merged.profile.total(0), merged.is_delta), (1000, false));
}

#[test]
fn a_type_is_told_by_its_unit_and_period_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = capture(START + MINUTE, "i1", 7);
    other.profile.period_type.kind = other.profile.sample_types[0].kind;
    write(dir.path(), &[capture(START, "i0", 5), other], 9);
    let recall = Recall::open(dir.path());
    let merged = recall
        .profile(&selection("{}", CPU, START, START + HOUR))
        .unwrap()
        .unwrap();
    assert_eq!(
        (merged.profile.total(0), merged.profile.sample_types.len()),
        (5, 1)
    );
    let odd: ProfileTypeId = "process_cpu:cpu:nanoseconds:samples:nanoseconds"
        .parse()
        .unwrap();
    let mut of_other = selection("{}", CPU, START, START + HOUR);
    of_other.profile_type = Some(odd);
    assert_eq!(
        recall.profile(&of_other).unwrap().unwrap().profile.total(0),
        7
    );
}

#[tokio::test]
async fn what_is_only_in_the_log_counts() {
    let dir = tempfile::tempdir().unwrap();
    let log_options = LogOptions {
        path: dir.path().join("log"),
        segment_bytes: 1 << 20,
        disk_budget_bytes: 1 << 26,
        memory_tail_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        sync_interval: std::time::Duration::ZERO,
    };
    let log = Log::open(log_options, Position(0)).unwrap();
    let mut archive = Archive::open(options(&dir.path().join("archive"))).unwrap();
    let mut reader = log.reader("archive", ReadFrom::Cursor).unwrap();
    let recall = Recall::open(dir.path());
    assert_eq!(recall.profile_times().unwrap(), None);
    for idx in 0..6 {
        let instance = if idx == 5 { "i1" } else { "i0" };
        let record = Record::Profile(Arc::new(capture(START + idx * MINUTE, instance, 1 << idx)));
        let receipt = log.appender().append(record).await.unwrap();
        receipt.durable().await.unwrap();
        if idx == 2 {
            while let Some(entry) = reader.try_next().unwrap() {
                archive.write(entry.end, &entry.record);
            }
            archive.flush().unwrap();
        }
    }
    let selection = selection("{}", CPU, START, START + HOUR);
    let query = TotalsQuery {
        selection,
        step_millis: 600_000,
    };
    let totals = recall.profile_totals(&query).unwrap();
    let values = totals.series.iter().flat_map(|series| &series.points);
    let mut values: Vec<f64> = values.map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [31.0, 32.0]);
    assert_eq!(
        recall
            .profile_series(&query.selection)
            .unwrap()
            .series
            .len(),
        2
    );
    let times = Some((UnixNanos(START), UnixNanos(START + 5 * MINUTE)));
    assert_eq!(recall.profile_times().unwrap(), times);
}

#[test]
fn an_answer_that_takes_too_much_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let records: Vec<_> = (0..50)
        .map(|idx| capture(START + idx * MINUTE, "i0", 1))
        .collect();
    write(dir.path(), &records, 50);
    let selection = selection("{}", CPU, START, START + HOUR);
    let query = TotalsQuery {
        selection: selection.clone(),
        step_millis: 1000,
    };
    let recall = Recall::open(dir.path());
    let small = recall.within(&Allowance::of_bytes(1500));
    let is_refused = |error| matches!(error, RecallError::TooMuchMemory { limit: 1500 });
    assert!(is_refused(small.profile(&selection).unwrap_err()));
    let small = recall.within(&Allowance::of_bytes(1500));
    assert!(is_refused(small.profile_totals(&query).unwrap_err()));
    let enough = Allowance::of_bytes(1 << 20);
    let large = recall.within(&enough);
    assert!(large.profile(&selection).unwrap().is_some());
    assert_eq!(
        large.profile_totals(&query).unwrap().series[0].points.len(),
        50
    );
    enough.stop();
    assert!(matches!(
        large.profile_series(&selection),
        Err(RecallError::Stopped)
    ));
}
