//! Crashes at every step of a flush.

use std::fs;
use std::path::Path;

use super::super::table::Table;
use super::super::testing::{NOW, layout, options, paths, points, scrape, target};
use super::super::{Archive, ArchiveError};
use crate::Position;

fn flushed(path: &Path) -> Archive {
    let mut archive = Archive::open(options(path)).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(Position(10), &scrape(&page, NOW, &[1.0, 2.0]));
    archive.flush().unwrap();
    archive
}

fn intent(path: &Path, files: &str) {
    let text = format!(r#"{{"version":1,"to":10,"files":[{files}]}}"#);
    fs::write(path.join(".staging/intent.json"), text).unwrap();
}

/// Puts the points' file back into the staging folder, as if it had not been moved yet.
fn unmove_points(path: &Path) -> String {
    let file = paths(path, Table::MetricPoints).remove(0);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    fs::rename(
        &file,
        path.join(".staging/metric_points.2026-11-21.")
            .display()
            .to_string()
            + &name,
    )
    .unwrap();
    fs::remove_dir(file.parent().unwrap()).unwrap();
    fs::write(path.join(".position"), "0").unwrap();
    name
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = Archive::open(options(dir.path())).unwrap();
    let second = Archive::open(options(dir.path()));
    assert!(
        matches!(second, Err(ArchiveError::Locked { .. })),
        "{second:?}"
    );
    drop(first);
    Archive::open(options(dir.path())).unwrap();
}

#[test]
fn records_that_are_in_files_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    let mut archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.resume_position(), Position(10));
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(Position(10), &scrape(&page, NOW, &[1.0, 2.0]));
    assert_eq!(archive.flush().unwrap().n_files(), 0);
    assert_eq!(points(dir.path()).len(), 2);
}

#[test]
fn the_position_is_known_from_the_files_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    fs::remove_file(dir.path().join(".position")).unwrap();
    let archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.resume_position(), Position(10));
}

#[test]
fn a_flush_that_was_not_committed_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    unmove_points(dir.path());
    fs::write(dir.path().join(".staging/intent.tmp"), "{").unwrap();
    let archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.resume_position(), Position(0));
    assert_eq!(points(dir.path()), []);
    assert_eq!(
        fs::read_dir(dir.path().join(".staging")).unwrap().count(),
        0
    );
}

#[test]
fn a_committed_flush_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    let points_name = unmove_points(dir.path());
    let file = |table: &str| {
        format!(r#"{{"table":"{table}","date":"2026-11-21","name":"{points_name}"}}"#)
    };
    // The series were moved before the crash, the points were not.
    intent(
        dir.path(),
        &[file("metric_series"), file("metric_points")].join(","),
    );
    for _ in 0..2 {
        let archive = Archive::open(options(dir.path())).unwrap();
        assert_eq!(archive.resume_position(), Position(10));
        assert_eq!(points(dir.path()).len(), 2);
        assert_eq!(
            fs::read_dir(dir.path().join(".staging")).unwrap().count(),
            0
        );
    }
}

#[test]
fn an_intent_cannot_name_a_file_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    let name = "00000000000000ab-0-1.parquet";
    for (table, date, name) in [
        ("../metric_points", "2026-11-21", name),
        ("metric_points", "../2026-11-21", name),
        ("metric_points", "2026-11-21", "../../x"),
    ] {
        intent(
            dir.path(),
            &format!(r#"{{"table":"{table}","date":"{date}","name":"{name}"}}"#),
        );
        let error = Archive::open(options(dir.path())).unwrap_err();
        assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    }
}

#[test]
fn what_a_failed_flush_held_is_written_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = flushed(dir.path());
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(Position(20), &scrape(&page, NOW, &[3.0, 4.0]));
    let (staging, aside) = (dir.path().join(".staging"), dir.path().join(".aside"));
    fs::rename(&staging, &aside).unwrap();
    archive.flush().unwrap_err();
    assert_eq!(archive.resume_position(), Position(10));
    fs::rename(&aside, &staging).unwrap();
    archive.flush().unwrap();
    assert_eq!(archive.resume_position(), Position(20));
    assert_eq!(points(dir.path()).len(), 4);
}

#[test]
fn a_committed_flush_that_could_not_be_moved_is_moved_later_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(Position(10), &scrape(&page, NOW, &[1.0, 2.0]));
    // A file where the table's folder should be.
    fs::write(dir.path().join("metric_points"), "").unwrap();
    archive.flush().unwrap_err();
    assert_eq!(archive.resume_position(), Position(10), "it is durable");
    fs::remove_file(dir.path().join("metric_points")).unwrap();
    archive.flush().unwrap();
    assert_eq!(archive.resume_position(), Position(10));
    assert_eq!(points(dir.path()).len(), 2);
}

#[test]
fn a_damaged_file_does_not_stop_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    fs::write(&paths(dir.path(), Table::MetricSeries)[0], "PAR1 no more").unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.metrics().damaged_files.get(), 1);
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(Position(20), &scrape(&page, NOW, &[3.0, 4.0]));
    archive.flush().unwrap();
    assert_eq!(paths(dir.path(), Table::MetricSeries).len(), 2);
}

#[test]
fn a_damaged_position_is_taken_from_the_names() {
    let dir = tempfile::tempdir().unwrap();
    drop(flushed(dir.path()));
    fs::write(dir.path().join(".position"), "1O").unwrap();
    let archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.resume_position(), Position(10));
    assert_eq!(archive.metrics().damaged_files.get(), 0);
}

#[test]
fn a_committed_flush_that_cannot_be_moved_does_not_keep_it_from_opening() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(Position(10), &scrape(&page, NOW, &[1.0, 2.0]));
    fs::write(dir.path().join("metric_points"), "").unwrap();
    archive.flush().unwrap_err();
    drop(archive);
    let mut archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.resume_position(), Position(10));
    fs::remove_file(dir.path().join("metric_points")).unwrap();
    archive.flush().unwrap();
    assert_eq!(points(dir.path()).len(), 2);
}
