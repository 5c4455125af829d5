//! pprof → archive → pprof.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proto::profile::Profile;
use proto::profile_ops::canonical;
use proto::{ProfileRecord, Record, UnixNanos};

use super::super::table::Table;
use super::super::testing::{NOW, cpu_profile, options, paths, rows, target, texts};
use super::super::{Archive, ProfileQuery};
use super::any_profile::any_profile;
use crate::Position;

const NOW_NANOS: i64 = NOW.0 * 1_000_000;

fn write(archive: &mut Archive, record: &ProfileRecord) {
    let end = Position(archive.resume_position().0 + 1);
    archive.write(end, &Record::Profile(Arc::new(record.clone())));
    archive.flush().unwrap();
}

fn query(path: &Path) -> ProfileQuery {
    ProfileQuery {
        path: path.to_owned(),
        ..ProfileQuery::default()
    }
}

fn read(query: &ProfileQuery) -> Vec<ProfileRecord> {
    query.profiles().unwrap().map(Result::unwrap).collect()
}

/// Writes the records with one flush and reads them back. Their times must differ.
fn check_round_trip(records: &[ProfileRecord]) {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    for (end, record) in (1..).zip(records) {
        archive.write(Position(end), &Record::Profile(Arc::new(record.clone())));
    }
    archive.flush().unwrap();
    let read = read(&query(dir.path()));
    assert_eq!(read.len(), records.len());
    let mut records: Vec<_> = records.iter().collect();
    records.sort_by_key(|record| record.profile.time_nanos);
    for (back, record) in read.iter().zip(records) {
        assert_eq!(canonical(&back.profile), canonical(&record.profile));
        let without = |record: &ProfileRecord| ProfileRecord {
            profile: Profile::default(),
            ..record.clone()
        };
        assert_eq!(without(back), without(record));
    }
}

#[test]
fn a_profile_comes_back_as_it_was() {
    check_round_trip(&[cpu_profile(NOW_NANOS + 1)]);
}

#[test]
fn captured_profiles_come_back_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/testdata");
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_str().unwrap().ends_with(".pb.gz") {
            continue;
        }
        let body = fs::read(&path).unwrap();
        let bytes = proto::compress::decompress(&body, 1 << 24).unwrap();
        let mut profile = proto::pprof::decode(&bytes).unwrap();
        profile.time_nanos = NOW_NANOS + records.len() as i64;
        records.push(ProfileRecord {
            profile,
            ..cpu_profile(0)
        });
    }
    assert!(records.len() >= 5, "{} captured profiles", records.len());
    check_round_trip(&records);
}

#[test]
fn queries_choose_by_labels_kind_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let at = |seconds: i64| NOW_NANOS + seconds * 1_000_000_000;
    let day = 86_400;
    let heap = ProfileRecord {
        kind: "memory".to_owned(),
        ..cpu_profile(at(10))
    };
    let other = ProfileRecord {
        target: target("b:1"),
        ..cpu_profile(at(20))
    };
    for record in [&cpu_profile(at(day)), &cpu_profile(at(0)), &heap, &other] {
        write(&mut archive, record);
    }
    let times = |query: ProfileQuery| -> Vec<i64> {
        let seconds =
            |record: &ProfileRecord| (record.profile.time_nanos - NOW_NANOS) / 1_000_000_000;
        read(&query).iter().map(seconds).collect()
    };
    let all = query(dir.path());
    let label = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert_eq!(times(all.clone()), [0, 10, 20, day]);
    let kind = Some("memory".to_owned());
    assert_eq!(
        times(ProfileQuery {
            kind,
            ..all.clone()
        }),
        [10]
    );
    assert_eq!(
        times(ProfileQuery {
            matchers: label("instance", "b:1"),
            ..all.clone()
        }),
        [20]
    );
    let none = label("zone", "");
    assert_eq!(
        times(ProfileQuery {
            matchers: none,
            ..all.clone()
        }),
        [0, 10, 20, day]
    );
    let (from, to) = (Some(UnixNanos(at(10))), Some(UnixNanos(at(day))));
    assert_eq!(
        times(ProfileQuery {
            from,
            to,
            ..all.clone()
        }),
        [10, 20]
    );
    let (from, to) = (Some(UnixNanos(i64::MAX)), None);
    assert!(times(ProfileQuery { from, to, ..all }).is_empty());
}

#[test]
fn a_stack_is_written_once_a_day_also_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let day = 86_400_000_000_000;
    for time in [NOW_NANOS, NOW_NANOS + 1, NOW_NANOS + day] {
        let mut archive = Archive::open(options(dir.path())).unwrap();
        write(&mut archive, &cpu_profile(time));
        write(&mut archive, &cpu_profile(time + 10));
    }
    let leaves = texts(dir.path(), Table::Stacks, "leaf");
    assert_eq!(leaves, ["main.main", "main.read", "main.main", "main.read"]);
    assert_eq!(read(&query(dir.path())).len(), 6);
}

#[test]
fn zeros_are_not_rows() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    write(&mut archive, &cpu_profile(NOW_NANOS));
    let n_rows: usize = rows(dir.path(), Table::ProfileSamples)
        .iter()
        .map(arrow_array::RecordBatch::num_rows)
        .sum();
    assert_eq!(
        n_rows, 3,
        "two stacks with two values each, of which one is zero"
    );
}

#[test]
fn a_capture_whose_stacks_are_gone_is_an_error_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    write(&mut archive, &cpu_profile(NOW_NANOS));
    write(&mut archive, &cpu_profile(NOW_NANOS + 86_400_000_000_000));
    fs::remove_file(&paths(dir.path(), Table::Stacks)[0]).unwrap();
    let read: Vec<_> = query(dir.path()).profiles().unwrap().collect();
    let [missing, fine] = &read[..] else {
        panic!("{} results", read.len())
    };
    assert!(
        missing
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("is missing")
    );
    assert_eq!(
        fine.as_ref().unwrap().profile.time_nanos,
        NOW_NANOS + 86_400_000_000_000
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_profiles_come_back_as_they_were(
        first in any_profile(NOW_NANOS),
        second in any_profile(NOW_NANOS + 20_000_000_000),
    ) {
        let record = |profile| ProfileRecord { profile, ..cpu_profile(0) };
        check_round_trip(&[record(second), record(first)]);
    }
}
