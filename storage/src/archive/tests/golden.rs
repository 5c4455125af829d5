//! Files of every schema version are read by today's code, alone and together with today's.
//!
//! `storage/testdata/archive-vN` was written by version N's code from the records of
//! `storage/examples/golden_archive`; that example tells how the next one is made.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proto::profile_ops::canonical;
use proto::{ProfileRecord, Record};

use super::super::day::Day;
use super::super::merge::{Input, Merge};
use super::super::table::Table;
use super::super::table_file::KEY_SCHEMA_VERSION;
use super::super::testing::{options, paths, rows, table_rows};
use super::super::{Archive, Depth, Keeper, KeeperOptions, ProfileQuery, files, verify};
use super::super::{Asked, Recall, Resolution, SeriesQuery};
use crate::Position;

#[path = "../../../examples/golden_archive/records.rs"]
mod records;

/// Versions of which there are files.
const VERSIONS: [u32; 4] = [1, 2, 3, 4];

/// Tables that every version has: the first ones.
const N_COMMON: usize = 7;

/// Tables that a version has.
fn tables(version: u32) -> &'static [Table] {
    match version {
        1 => &Table::ALL[..N_COMMON],
        2 => &Table::ALL[..18],
        3 => &Table::ALL[..19],
        _ => &Table::ALL,
    }
}

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/archive-v{version}"))
}

/// How far the files of a version reach.
fn end(version: u32) -> Position {
    Position(match version {
        1 | 2 => 33_000,
        3 => 36_000,
        _ => 38_000,
    })
}

fn flushes() -> Vec<Vec<Record>> {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/testdata");
    let mut flushes = records::flushes(&recorded).unwrap();
    flushes.push(records::findings());
    flushes.push(records::spans());
    flushes
}

/// Writes the same records with today's code, from position `start` of the log on.
fn write_today(root: &Path, start: Position) {
    let mut archive = Archive::open(options(root)).unwrap();
    assert_eq!(archive.resume_position(), start);
    let mut end = start.0;
    for flush in flushes() {
        for record in &flush {
            end += 1000;
            archive.write(Position(end), record);
        }
        archive.flush().unwrap();
    }
}

/// As the days are rolled up when they have ended. Returns how many rollups there were.
fn roll_up(root: &Path) -> usize {
    let mut keeper = Keeper::open(root, KeeperOptions::default()).unwrap();
    keeper.roll_up_all(records::ENDED, |_| {}).unwrap()
}

/// An archive of the same records by today's code.
fn today() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_today(dir.path(), Position(0));
    assert_eq!(
        roll_up(dir.path()),
        6,
        "points, histograms and profiles of two days"
    );
    dir
}

/// A copy that can be written to, as if its writer had been ours.
fn copy(version: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for table in Table::ALL {
        for path in paths(&golden(version), table) {
            let to = dir.path().join(path.strip_prefix(golden(version)).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
    }
    let writer = format!("{version:016x}");
    fs::write(dir.path().join(files::WRITER), writer).unwrap();
    dir
}

fn n_rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[test]
fn every_file_tells_its_version() {
    for version in VERSIONS {
        let files: Vec<PathBuf> = Table::ALL
            .iter()
            .flat_map(|table| paths(&golden(version), *table))
            .collect();
        assert_eq!(files.len(), 2 * tables(version).len(), "{files:?}");
        for path in files {
            let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
            let footer = reader.metadata().file_metadata().key_value_metadata();
            let found = footer
                .unwrap()
                .iter()
                .find(|pair| pair.key == KEY_SCHEMA_VERSION);
            let found = found.and_then(|pair| pair.value.as_deref());
            assert_eq!(found, Some(version.to_string().as_str()), "{path:?}");
        }
    }
}

#[test]
fn rows_of_every_version_are_what_today_writes() {
    let today = today();
    for version in VERSIONS {
        for &table in tables(version) {
            let read = rows(&golden(version), table);
            assert!(n_rows(&read) > 0, "{table:?}");
            assert_eq!(
                read,
                rows(today.path(), table),
                "version {version} {table:?}"
            );
        }
    }
}

/// Version 1 has no windows: they are made of its samples.
#[test]
fn series_of_every_version_are_recalled_alike() {
    for resolution in [
        Resolution::Raw,
        Resolution::FiveMinutes,
        Resolution::OneHour,
    ] {
        let query = SeriesQuery {
            resolution: Asked::Exactly(resolution),
            ..SeriesQuery::default()
        };
        let answers =
            VERSIONS.map(|version| Recall::open(&golden(version)).series(&query).unwrap());
        for answer in &answers {
            assert_eq!(answer.series.len(), 68, "{resolution:?}");
            assert_eq!(answer.series, answers[0].series, "{resolution:?}");
            assert_eq!(answer.n_native_histograms, 1);
        }
    }
}

fn profiles(root: &Path) -> Vec<ProfileRecord> {
    let query = ProfileQuery {
        path: root.to_owned(),
        ..ProfileQuery::default()
    };
    query.profiles().unwrap().map(Result::unwrap).collect()
}

/// By time and kind, in one form.
fn in_order(profiles: impl IntoIterator<Item = ProfileRecord>) -> BTreeMap<(i64, String), String> {
    let pairs = profiles.into_iter().map(|record| {
        let (target, is_delta) = (record.target, record.is_delta);
        let text = format!("{target:?} {is_delta} {:?}", canonical(&record.profile));
        ((record.profile.time_nanos, record.kind), text)
    });
    pairs.collect()
}

#[test]
fn profiles_of_every_version_come_back_as_they_were() {
    let records = flushes().into_iter().flatten();
    let expected = in_order(records.filter_map(|record| match record {
        Record::Profile(profile) => Some((*profile).clone()),
        _ => None,
    }));
    assert_eq!(expected.len(), 9);
    for version in VERSIONS {
        assert_eq!(in_order(profiles(&golden(version))), expected, "{version}");
    }
}

#[test]
fn an_archive_of_any_version_is_written_on() {
    for version in VERSIONS {
        let dir = copy(version);
        write_today(dir.path(), end(version));
        for &table in &Table::ALL[..N_COMMON] {
            let [before, after] =
                [&golden(version), dir.path()].map(|root| n_rows(&rows(root, table)));
            // What a day's files hold already is not written again.
            let is_once_a_day = matches!(table, Table::MetricSeries | Table::Stacks);
            assert_eq!(
                after,
                if is_once_a_day { before } else { 2 * before },
                "{table:?}"
            );
        }
        assert_eq!(profiles(dir.path()).len(), 18);
        assert!(roll_up(dir.path()) > 0, "rows came since");
        let report = verify(dir.path(), Depth::Pages, records::ENDED, |_| {}).unwrap();
        assert_eq!(report.findings, [], "version {version}");
    }
}

#[test]
fn files_of_every_version_merge_with_those_of_today() {
    let today = today();
    for version in VERSIONS {
        for &table in tables(version) {
            for day in files::days(today.path(), table).unwrap() {
                check_merge(table, day, [&golden(version), today.path()]);
            }
        }
    }
}

/// Merges the files that two archives have for a day. They hold the same.
fn check_merge(table: Table, day: Day, roots: [&Path; 2]) {
    if table.sort_key().is_empty() {
        return;
    }
    let read = roots.map(|root| {
        let files = files::files(root, table, day).unwrap();
        assert_eq!(files.len(), 1, "{table:?} {day}");
        table_rows(&files[0].path(root), table)
    });
    let n_each = n_rows(&read[0]);
    let inputs = read.map(|batches| Box::new(batches.into_iter().map(Ok)) as Input<'_>);
    let merged = Merge::new(table, inputs.into()).unwrap();
    let n_merged = n_rows(&merged.map(Result::unwrap).collect::<Vec<_>>());
    let expected = if table.is_unique() {
        n_each
    } else {
        2 * n_each
    };
    assert_eq!(n_merged, expected, "{table:?} {day}");
}
