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
use super::super::{Archive, ProfileQuery, files};
use crate::Position;

#[path = "../../../examples/golden_archive/records.rs"]
mod records;

/// Versions of which there are files.
const VERSIONS: [u32; 1] = [1];

/// Tables that every version has.
const TABLES: [Table; 7] = [
    Table::MetricSeries,
    Table::MetricPoints,
    Table::MetricHistograms,
    Table::MetricExemplars,
    Table::Stacks,
    Table::ProfileSamples,
    Table::Profiles,
];

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/archive-v{version}"))
}

fn flushes() -> Vec<Vec<Record>> {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/testdata");
    records::flushes(&recorded).unwrap()
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
        assert!(files.len() >= 2 * TABLES.len(), "{files:?}");
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
    let today = tempfile::tempdir().unwrap();
    write_today(today.path(), Position(0));
    for version in VERSIONS {
        for table in TABLES {
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
        write_today(dir.path(), Position(33_000));
        for table in TABLES {
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
    }
}

#[test]
fn files_of_every_version_merge_with_those_of_today() {
    let today = tempfile::tempdir().unwrap();
    write_today(today.path(), Position(0));
    for version in VERSIONS {
        for table in TABLES {
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
