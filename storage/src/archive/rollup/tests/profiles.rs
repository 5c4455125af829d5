//! Profiles.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use proptest::prelude::*;
use proto::profile::Profile;
use proto::profile_ops::{canonical, merge, top};
use proto::{ProfileRecord, Record, UnixMillis, UnixNanos};

use super::{roll_up, stale};
use crate::Position;
use crate::archive::table::{Resolution, Table};
use crate::archive::testing::{cpu_profile, options, rows};
use crate::archive::tests::any_profile::any_profile;
use crate::archive::{Archive, ProfileQuery};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-11-21 00:00:00 UTC.
const MIDNIGHT: i64 = 1_795_219_200_000;
const LATER: UnixMillis = UnixMillis(MIDNIGHT + 30 * 24 * HOUR);

/// Captures of a window, by its start: those that are deltas, or those that are not.
type Windows = BTreeMap<(i64, String, bool), Vec<ProfileRecord>>;

fn windows(root: &Path, resolution: Resolution, step: i64) -> Windows {
    let query = ProfileQuery {
        path: root.to_owned(),
        resolution,
        ..ProfileQuery::default()
    };
    let mut windows = Windows::new();
    for record in query.profiles().unwrap() {
        let record = record.unwrap();
        let millis = record.profile.time_nanos.div_euclid(1_000_000);
        let key = (millis - millis % step, record.kind.clone(), record.is_delta);
        windows.entry(key).or_default().push(record);
    }
    windows
}

/// Merged, as of no time.
fn merged(records: &[ProfileRecord]) -> Profile {
    let profile = merge(records.iter().map(|record| &record.profile)).unwrap();
    Profile {
        time_nanos: 0,
        ..profile
    }
}

/// A rolled-up window reads back as what merging its captures gives.
fn check_windows(root: &Path) {
    for (resolution, step) in [
        (Resolution::FiveMinutes, 5 * MINUTE),
        (Resolution::OneHour, HOUR),
    ] {
        let raw = windows(root, Resolution::Raw, step);
        let rolled = windows(root, resolution, step);
        assert!(
            raw.keys().eq(rolled.keys()),
            "{:?} {:?}",
            raw.keys(),
            rolled.keys()
        );
        for ((key, raw), rolled) in raw.iter().zip(rolled.values()) {
            assert_eq!(rolled.len(), 1, "{key:?}");
            assert_eq!(rolled[0].profile.time_nanos, key.0 * 1_000_000);
            assert_eq!(rolled[0].target, raw[0].target);
            assert_eq!(
                canonical(&merged(rolled)),
                canonical(&merged(raw)),
                "{key:?}"
            );
        }
    }
    assert_eq!(stale(root, LATER), vec![]);
}

struct Rig {
    root: tempfile::TempDir,
    archive: Archive,
    position: u64,
}

impl Rig {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let archive = Archive::open(options(root.path())).unwrap();
        Self {
            root,
            archive,
            position: 0,
        }
    }

    fn write(&mut self, record: ProfileRecord) {
        self.position += 100;
        let record = Record::Profile(Arc::new(record));
        self.archive.write(Position(self.position), &record);
    }

    /// Makes files and rolls them up.
    fn roll_up(&mut self, now: UnixMillis) {
        self.archive.flush().unwrap();
        roll_up(self.root.path(), now);
    }
}

/// A profile that was recorded.
fn recorded(name: &str) -> Profile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/testdata");
    let body = std::fs::read(folder.join(name)).unwrap();
    let bytes = proto::compress::decompress(&body, 1 << 24).unwrap();
    proto::pprof::decode(&bytes).unwrap()
}

fn record(kind: &str, is_delta: bool, time: i64, profile: Profile) -> ProfileRecord {
    ProfileRecord {
        kind: kind.to_owned(),
        is_delta,
        profile: Profile {
            time_nanos: time * 1_000_000 + 17,
            ..profile
        },
        ..cpu_profile(0)
    }
}

#[test]
fn windows_of_recorded_profiles_are_their_merged_captures() {
    let mut rig = Rig::new();
    let heaps = [
        "etcd-heap-0.pb.gz",
        "etcd-heap-1.pb.gz",
        "etcd-heap-3.pb.gz",
    ]
    .map(recorded);
    let (cpu, goroutines) = (recorded("etcd-cpu.pb.gz"), recorded("etcd-goroutine.pb.gz"));
    for step in 0..45 {
        let time = MIDNIGHT - HOUR + step * 3 * MINUTE;
        let heap = heaps[step as usize % 3].clone();
        // The first one is of the life of the process.
        rig.write(record("memory", step > 0, time, heap));
        rig.write(record("process_cpu", true, time + 1, cpu.clone()));
        rig.write(record("goroutine", false, time + 2, goroutines.clone()));
        if step % 16 == 15 {
            rig.roll_up(UnixMillis(time));
        }
    }
    rig.roll_up(LATER);
    check_windows(rig.root.path());
    check_trend(rig.root.path());
}

/// Per hour the functions that have a thousandth of it, as the model's own `top` has them.
fn check_trend(root: &Path) {
    let mut trend = trend(root);
    let hours = windows(root, Resolution::OneHour, HOUR);
    for ((hour, kind, is_delta), window) in &hours {
        if !is_delta && hours.contains_key(&(*hour, kind.clone(), true)) {
            continue;
        }
        let profile = &window[0].profile;
        for (type_idx, known) in profile.sample_types.iter().enumerate() {
            let sample_type = profile.strings.get(known.kind).to_owned();
            let values = profile.samples().map(|(_, _, values)| values[type_idx]);
            let total: i64 = values.sum();
            let is_enough = |value: i64| value != 0 && value.abs() * 1000 >= total.abs();
            let rows = top(profile, type_idx, usize::MAX);
            let rows = rows
                .into_iter()
                .filter(|row| is_enough(row.flat) || is_enough(row.cum));
            let expected: BTreeMap<String, [i64; 3]> = rows
                .map(|row| (row.function, [row.flat, row.cum, total]))
                .collect();
            let found = trend
                .remove(&(*hour, sample_type.clone()))
                .unwrap_or_default();
            assert!(found.len() <= 300);
            if expected.len() <= 300 {
                assert_eq!(found, expected, "{hour} {sample_type}");
            }
        }
    }
    assert!(trend.is_empty(), "{:?}", trend.keys());
}

/// self, total and the profile's total by hour, sample type and function.
fn trend(root: &Path) -> BTreeMap<(i64, String), BTreeMap<String, [i64; 3]>> {
    let mut trend: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for batch in rows(root, Table::FunctionTrend) {
        let number = |name: &str, row| batch[name].as_primitive::<Int64Type>().value(row);
        let text = |name: &str, row| batch[name].as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            let time = batch["time"]
                .as_primitive::<TimestampMillisecondType>()
                .value(row);
            let sums = ["self", "total", "profile_total"].map(|name| number(name, row));
            let hour = trend.entry((time, text("sample_type", row))).or_default();
            assert!(number("n_captures", row) > 0);
            assert_eq!(hour.insert(text("function", row), sums), None);
        }
    }
    trend
}

#[test]
fn what_is_kept_of_the_functions_is_bounded() {
    use proto::profile::{Function, Line, Location, ProfileBuilder};
    let mut builder = ProfileBuilder::new();
    let base = cpu_profile(0).profile;
    let strings = base.strings.clone();
    *builder.profile_mut() = Profile {
        sample_types: vec![base.sample_types[1]],
        strings,
        ..Profile::default()
    };
    for idx in 0..400 {
        let name = builder.string(&format!("function {idx}"));
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
            address: idx,
            lines: [line].into_iter().collect(),
            ..Location::default()
        });
        let stack = builder.stack(&[location]);
        builder.add_sample(stack, Default::default(), &[1000 + idx as i64]);
    }
    let profile = builder.finish();
    let mut rig = Rig::new();
    rig.write(record("process_cpu", true, MIDNIGHT, profile));
    rig.roll_up(LATER);
    let trend = trend(rig.root.path());
    let functions = trend.values().next().unwrap();
    assert_eq!(functions.len(), 300);
    assert!(functions.contains_key("function 399") && !functions.contains_key("function 0"));
}

#[test]
fn captures_of_expired_raw_rows_and_late_ones_are_two_of_a_window() {
    let mut rig = Rig::new();
    rig.write(record(
        "process_cpu",
        true,
        MIDNIGHT,
        recorded("etcd-cpu.pb.gz"),
    ));
    rig.roll_up(LATER);
    for table in [Table::Profiles, Table::ProfileSamples] {
        std::fs::remove_dir_all(rig.root.path().join(table.name())).unwrap();
    }
    rig.write(record(
        "process_cpu",
        true,
        MIDNIGHT + 1000,
        recorded("etcd-cpu.pb.gz"),
    ));
    rig.roll_up(LATER);
    let windows = windows(rig.root.path(), Resolution::OneHour, HOUR);
    let [window] = &windows.into_values().collect::<Vec<_>>()[..] else {
        panic!("one window");
    };
    let late = windows_of(&rig, Resolution::Raw);
    assert_eq!(window.len(), 2);
    for half in window {
        let half = merged(std::slice::from_ref(half));
        assert_eq!(canonical(&half), canonical(&merged(&late)));
    }
}

fn windows_of(rig: &Rig, resolution: Resolution) -> Vec<ProfileRecord> {
    let windows = windows(rig.root.path(), resolution, HOUR);
    windows.into_values().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn windows_are_their_merged_captures(
        profile in any_profile(0),
        captures in prop::collection::vec((0..4 * 60_i64, any::<bool>(), -3_i64..4), 1..12),
    ) {
        let mut rig = Rig::new();
        for (minute, is_delta, factor) in captures {
            let mut capture = profile.clone();
            // Small, so that no sum overflows, and some zero.
            capture.values.iter_mut().for_each(|value| *value = *value % 1000 * factor);
            capture.duration_nanos %= 1 << 40;
            let time = MIDNIGHT - 2 * HOUR + minute * MINUTE;
            rig.write(record("process_cpu", is_delta, time, capture));
        }
        rig.roll_up(LATER);
        check_windows(rig.root.path());
    }
}

#[test]
fn a_range_of_time_picks_windows_by_their_start() {
    let mut rig = Rig::new();
    for minute in [1, 6, 11] {
        rig.write(record(
            "process_cpu",
            true,
            MIDNIGHT + minute * MINUTE,
            recorded("etcd-cpu.pb.gz"),
        ));
    }
    rig.roll_up(LATER);
    let at = |minute: i64| Some(UnixNanos((MIDNIGHT + minute * MINUTE) * 1_000_000));
    let query = ProfileQuery {
        path: rig.root.path().to_owned(),
        resolution: Resolution::FiveMinutes,
        from: at(5),
        to: at(10),
        ..ProfileQuery::default()
    };
    let times: Vec<i64> = query
        .profiles()
        .unwrap()
        .map(|record| record.unwrap().profile.time_nanos)
        .collect();
    assert_eq!(times, [(MIDNIGHT + 5 * MINUTE) * 1_000_000]);
}
