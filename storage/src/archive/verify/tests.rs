//! Damage done to a healthy archive is named; nothing else is.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use proto::{ProfileRecord, Record, UnixMillis};
use tempfile::TempDir;

use super::*;
use crate::Position;
use crate::archive::testing::{NOW, cpu_profile, layout, options, scrape, target};
use crate::archive::{Archive, Keeper, KeeperOptions, files};

const HOUR: i64 = 3_600_000;

/// Two days with two flushes each.
fn archive() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(folder.path())).unwrap();
    let layout = layout(&target("a:1"), &["Range", "Put", "Txn"]);
    let mut position = 0;
    for flush in 0..4_i64 {
        for minute in 0..20 {
            let time = UnixMillis(NOW.0 - 5 * HOUR + flush * 10 * HOUR / 3 * 2 + minute * 60_000);
            let values = [1.0 + minute as f64, flush as f64, 0.5];
            position += 100;
            archive.write(Position(position), &scrape(&layout, time, &values));
            let profile = ProfileRecord {
                ..cpu_profile(time.0 * 1_000_000)
            };
            position += 100;
            archive.write(Position(position), &Record::Profile(Arc::new(profile)));
        }
        archive.flush().unwrap();
    }
    folder
}

/// The files of a table, in order of their paths.
fn paths(root: &Path, table: Table) -> Vec<PathBuf> {
    let days = files::days(root, table).unwrap();
    let files = days
        .into_iter()
        .flat_map(|day| files::files(root, table, day).unwrap());
    files.map(|file| file.path(root)).collect()
}

fn findings(root: &Path, depth: Depth) -> Vec<Damage> {
    verify(root, depth, NOW, |_| {}).unwrap().findings
}

/// Damages an archive, and looks for words in what is found.
fn check_found(depth: Depth, damage: impl FnOnce(&Path) -> PathBuf, expected: &str) {
    let folder = archive();
    let root = folder.path();
    let path = damage(root);
    let found = findings(root, depth);
    let named = found
        .iter()
        .find(|finding| finding.path == path && finding.what.contains(expected));
    assert!(
        named.is_some(),
        "{expected:?} at {path:?} is not in {found:#?}"
    );
    assert!(!verify(root, depth, NOW, |_| {}).unwrap().is_healthy());
}

#[test]
fn nothing_is_wrong_with_a_healthy_archive() {
    let folder = archive();
    for depth in [Depth::Footers, Depth::Pages] {
        let report = verify(folder.path(), depth, NOW, |_| {}).unwrap();
        assert_eq!(report.findings, []);
        assert_eq!((report.n_without_checksum, report.is_healthy()), (0, true));
        let n_points = 4 * 20 * 3;
        assert!(
            report.n_files >= 12 && report.n_rows > n_points,
            "{report:?}"
        );
    }
}

#[test]
fn each_flipped_bit_of_a_page_is_found() {
    for (table, at) in [
        (Table::MetricPoints, 10),
        (Table::Stacks, 40),
        (Table::Profiles, 100),
    ] {
        let flip = |root: &Path| {
            let path = paths(root, table).remove(1);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 4;
            fs::write(&path, bytes).unwrap();
            path
        };
        check_found(Depth::Pages, flip, "bits have flipped");
    }
}

#[test]
fn a_file_that_is_cut_or_has_a_damaged_footer_is_found_by_its_footer() {
    let cut = |root: &Path| {
        let path = paths(root, Table::MetricSeries).remove(0);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        path
    };
    check_found(Depth::Footers, cut, "is cut short");
    let garble = |root: &Path| {
        let path = paths(root, Table::Profiles).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        let n = bytes.len();
        bytes[n - 60..n - 8].fill(0xff);
        fs::write(&path, bytes).unwrap();
        path
    };
    check_found(Depth::Footers, garble, "footer is damaged");
}

#[test]
fn files_in_the_place_of_others_are_found() {
    let swap = |root: &Path| {
        let files = paths(root, Table::MetricPoints);
        fs::copy(&files[0], &files[1]).unwrap();
        files[1].clone()
    };
    check_found(Depth::Footers, swap, "is another file");
    let other_day = |root: &Path| {
        let files = paths(root, Table::MetricPoints);
        let (from, into) = (&files[0], files.last().unwrap().parent().unwrap());
        let path = into.join(from.file_name().unwrap());
        fs::rename(from, &path).unwrap();
        path
    };
    check_found(Depth::Footers, other_day, "is another file");
    let other_table = |root: &Path| {
        let (from, to) = (
            paths(root, Table::Stacks).remove(0),
            paths(root, Table::Profiles).remove(0),
        );
        fs::copy(from, &to).unwrap();
        to
    };
    check_found(Depth::Footers, other_table, "is another file");
}

#[test]
fn deleted_files_are_found_by_what_is_left() {
    let points = |root: &Path| {
        let path = paths(root, Table::MetricPoints).remove(0);
        fs::remove_file(&path).unwrap();
        path
    };
    check_found(Depth::Footers, points, "is missing");
    let series = |root: &Path| {
        let path = paths(root, Table::MetricSeries).remove(0);
        fs::remove_file(&path).unwrap();
        let day = path.parent().unwrap().file_name().unwrap().to_owned();
        root.join("metric_points").join(day)
    };
    check_found(Depth::Pages, series, "refers to 3 series");
    let flush = |root: &Path| {
        let name = paths(root, Table::MetricPoints)[1]
            .file_name()
            .unwrap()
            .to_owned();
        for table in Table::ALL {
            for path in paths(root, table) {
                if path.file_name() == Some(&name) {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        root.to_owned()
    };
    check_found(Depth::Footers, flush, "no file has positions 4000 to 8000");
}

#[test]
fn files_that_count_twice_are_found() {
    let overlap = |root: &Path| {
        let files = paths(root, Table::MetricPoints);
        let name = files[0].file_name().unwrap().to_str().unwrap();
        let path = files[0].with_file_name(name.replace("-0-4000", "-2000-6000"));
        fs::copy(&files[0], &path).unwrap();
        path
    };
    check_found(Depth::Footers, overlap, "holds part of what");
    let foreign = |root: &Path| {
        let path = paths(root, Table::MetricPoints)[0].with_file_name("copy.parquet");
        fs::write(&path, "PAR1").unwrap();
        path
    };
    check_found(Depth::Footers, foreign, "is not leadsman's");
}

#[test]
fn days_without_rollups_are_noticed_when_they_are_due() {
    let folder = archive();
    let root = folder.path();
    let later = UnixMillis(NOW.0 + 5 * 24 * HOUR);
    let notices = || {
        let report = verify(root, Depth::Footers, later, |_| {}).unwrap();
        assert!(report.is_healthy());
        report.findings
    };
    let found = notices();
    assert_eq!(
        found.len(),
        4,
        "points and profiles of two days: {found:#?}"
    );
    assert!(found.iter().all(|finding| finding.what.contains("rollups")));
    let mut keeper = Keeper::open(root, KeeperOptions::default()).unwrap();
    let mut days = Vec::new();
    let n_rolled_up = keeper.roll_up_all(later, |day| days.push(day.to_owned()));
    assert_eq!(n_rolled_up.unwrap(), 4);
    assert_eq!(
        days,
        ["2026-11-21", "2026-11-21", "2026-11-22", "2026-11-22"]
    );
    assert_eq!(notices(), []);
    assert_eq!(findings(root, Depth::Pages), []);
}

#[test]
fn what_does_no_harm_is_a_notice() {
    let folder = archive();
    let root = folder.path();
    fs::write(root.join("README"), "mine").unwrap();
    fs::write(root.join(".staging/left"), "half").unwrap();
    let report = verify(root, Depth::Pages, NOW, |_| {}).unwrap();
    assert_eq!(report.findings.len(), 2, "{report:?}");
    assert!(report.is_healthy());
}
