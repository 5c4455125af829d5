//! Segments that are not as they were written.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{batch, layout, number_of, numbered, open, options};
use crate::Position;
use crate::log::{Entry, Log, LogError, LogOptions, Losses, ReadFrom};

/// A closed log of `n_records` numbered records; returns where they are.
async fn written(folder: &Path, n_records: u64) -> Vec<Entry> {
    let log = open(folder);
    for number in 0..n_records {
        let receipt = log.appender().append(numbered(number, 300)).await.unwrap();
        receipt.durable().await.unwrap();
    }
    let (entries, losses) = read_all(&log);
    assert_eq!(
        (entries.len() as u64, losses),
        (n_records, Losses::default())
    );
    log.close().await.unwrap();
    entries
}

fn read_all(log: &Log) -> (Vec<Entry>, Losses) {
    let mut reader = log
        .reader("check", ReadFrom::Position(Position(0)))
        .unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = reader.try_next().unwrap() {
        entries.push(entry);
    }
    let losses = log
        .stats()
        .readers
        .iter()
        .find(|stats| stats.name == "check")
        .unwrap()
        .losses;
    (entries, losses)
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries
        .iter()
        .map(|entry| number_of(&entry.record))
        .collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ext| ext == "seg"))
        .collect();
    segments.sort();
    segments
}

fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_torn_end_is_cut_off_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written(folder.path(), 3).await;
    let torn = (entries[2].end.0 - entries[2].position.0) - 5;
    change(&segments(folder.path())[0], |bytes| {
        bytes.truncate(bytes.len() - 5);
    });

    let log = open(folder.path());
    assert_eq!(log.stats().torn_bytes, torn);
    let receipt = log.appender().append(numbered(9, 300)).await.unwrap();
    receipt.durable().await.unwrap();
    assert_eq!(numbers(&read_all(&log).0), [0, 1, 9]);
}

#[tokio::test]
async fn garbage_behind_the_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 3).await;
    let mut file = OpenOptions::new()
        .append(true)
        .open(&segments(folder.path())[0])
        .unwrap();
    file.write_all(&[0; 10_000]).unwrap();
    let log = open(folder.path());
    assert_eq!(log.stats().torn_bytes, 10_000);
    assert_eq!(numbers(&read_all(&log).0), [0, 1, 2]);
}

#[tokio::test]
async fn any_flipped_byte_costs_one_record_at_most_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written(folder.path(), 8).await;
    let path = &segments(folder.path())[0];
    // The first records: in the last one damage would look like a torn end.
    let n_bytes = entries[2].end.0 - entries[0].position.0;
    for offset in (0..n_bytes).step_by(7) {
        change(path, |bytes| bytes[(48 + offset) as usize] ^= 0x10);
        let hit = entries
            .iter()
            .position(|entry| entry.end.0 > offset)
            .unwrap() as u64;
        let log = open(folder.path());
        let (read, losses) = read_all(&log);
        let expected: Vec<u64> = (0..8).filter(|number| *number != hit).collect();
        assert_eq!(numbers(&read), expected, "offset {offset}");
        assert_eq!(losses.damaged_frames, 1, "offset {offset}");
        let frame = &entries[hit as usize];
        assert_eq!(losses.damaged_bytes, frame.end.0 - frame.position.0);
        drop(log);
        change(path, |bytes| bytes[(48 + offset) as usize] ^= 0x10);
    }
}

#[tokio::test]
async fn a_damaged_layout_costs_its_scrapes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let (first, second) = (layout("first", 3), layout("second", 3));
    for record in [
        batch(&first, 0),
        batch(&second, 1),
        batch(&first, 2),
        batch(&second, 3),
    ] {
        log.appender()
            .append(record)
            .await
            .unwrap()
            .durable()
            .await
            .unwrap();
    }
    log.close().await.unwrap();
    change(&segments(folder.path())[0], |bytes| bytes[48 + 25] ^= 1);
    let log = open(folder.path());
    let (read, losses) = read_all(&log);
    let instances: Vec<_> = read
        .iter()
        .map(|entry| match &entry.record {
            proto::Record::Metrics(batch) => batch.layout.target.instance().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(instances, ["second", "second"]);
    assert_eq!(losses.damaged_frames, 2);
}

#[tokio::test]
async fn a_missing_segment_is_counted_and_stepped_over() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written(folder.path(), 60).await;
    let files = segments(folder.path());
    assert!(files.len() >= 4, "{files:?}");
    fs::remove_file(&files[1]).unwrap();
    check_second_segment_lost(folder.path(), &entries);
}

/// A log of which the reader `a` has done nothing and `b` everything.
async fn written_for_two_readers(folder: &Path) -> Vec<Entry> {
    let entries = written(folder, 60).await;
    let log = open(folder);
    log.reader("a", ReadFrom::Position(Position(0))).unwrap();
    log.reader("b", ReadFrom::Position(entries[59].end))
        .unwrap();
    log.close().await.unwrap();
    entries
}

fn losses_of(log: &Log, name: &str) -> Losses {
    let readers = log.stats().readers;
    let reader = readers.into_iter().find(|reader| reader.name == name);
    reader.unwrap().losses
}

#[tokio::test]
async fn a_missing_first_segment_is_counted_for_those_who_had_not_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written_for_two_readers(folder.path()).await;
    let files = segments(folder.path());
    fs::remove_file(&files[0]).unwrap();
    let log = open(folder.path());
    for _ in 0..2 {
        let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
        log.reader("b", ReadFrom::Cursor).unwrap();
        let first = reader.next().await.unwrap();
        let lost = losses_of(&log, "a");
        assert_eq!(
            (lost.damaged_frames, lost.damaged_bytes),
            (1, first.position.0)
        );
        assert!(number_of(&first.record) > 0 && first.position < entries[59].position);
    }
    assert_eq!(losses_of(&log, "b"), Losses::default());
}

#[tokio::test]
async fn a_missing_end_is_counted_for_those_who_had_not_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written_for_two_readers(folder.path()).await;
    let last = segments(folder.path()).pop().unwrap();
    let base: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    fs::remove_file(last).unwrap();
    let log = open(folder.path());
    assert_eq!(losses_of(&log, "a").damaged_bytes, entries[59].end.0 - base);
    assert_eq!(losses_of(&log, "b"), Losses::default());
}

#[tokio::test]
async fn a_missing_folder_of_segments_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written_for_two_readers(folder.path()).await;
    for path in segments(folder.path()) {
        fs::remove_file(path).unwrap();
    }
    let log = open(folder.path());
    log.reader("a", ReadFrom::Cursor).unwrap();
    let lost = losses_of(&log, "a");
    assert_eq!(
        (lost.damaged_frames, lost.damaged_bytes),
        (1, entries[59].end.0)
    );
}

#[tokio::test]
async fn what_the_budget_took_is_not_missing_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let small = || LogOptions {
        disk_budget_bytes: 16 << 10,
        ..options(folder.path())
    };
    let log = Log::open(small(), Position(0)).unwrap();
    drop(log.reader("slow", ReadFrom::Cursor).unwrap());
    for number in 0..100 {
        let receipt = log.appender().append(numbered(number, 500)).await.unwrap();
        receipt.durable().await.unwrap();
    }
    assert!(losses_of(&log, "slow").pruned_records > 0);
    log.close().await.unwrap();
    let log = Log::open(small(), Position(0)).unwrap();
    log.reader("slow", ReadFrom::Cursor).unwrap();
    assert_eq!(losses_of(&log, "slow"), Losses::default());
}

#[tokio::test]
async fn a_segment_with_a_damaged_header_is_counted_and_stepped_over() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written(folder.path(), 60).await;
    change(&segments(folder.path())[1], |bytes| bytes[20] ^= 1);
    check_second_segment_lost(folder.path(), &entries);
}

#[tokio::test]
async fn a_segment_that_lacks_its_end_costs_that_end() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 60).await;
    change(&segments(folder.path())[1], |bytes| {
        bytes.truncate(bytes.len() - 10);
    });
    let (read, losses) = read_all(&open(folder.path()));
    assert_eq!((read.len(), losses.damaged_frames), (59, 1));
}

fn check_second_segment_lost(folder: &Path, entries: &[Entry]) {
    let log = open(folder);
    let (read, losses) = read_all(&log);
    let bases: Vec<u64> = segments(folder)
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap())
        .collect();
    let third = bases
        .iter()
        .copied()
        .filter(|base| *base > 6000)
        .min()
        .unwrap();
    let second = entries
        .iter()
        .map(|e| e.position.0)
        .filter(|p| *p >= 4000)
        .min()
        .unwrap();
    let expected: Vec<u64> = entries
        .iter()
        .filter(|entry| !(second..third).contains(&entry.position.0))
        .map(|entry| number_of(&entry.record))
        .collect();
    assert_eq!(numbers(&read), expected);
    assert_eq!(losses.damaged_bytes, third - second);
    assert_eq!(losses.damaged_frames, 1);
}

#[tokio::test]
async fn a_segment_deleted_under_a_running_log_is_counted_and_stepped_over() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 60).await;
    let log = open(folder.path());
    fs::remove_file(&segments(folder.path())[0]).unwrap();
    let (read, losses) = read_all(&log);
    assert!(read.len() < 60 && losses.damaged_frames == 1 && losses.damaged_bytes > 0);
}

#[tokio::test]
async fn a_segment_of_a_newer_leadsman_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 3).await;
    let path = &segments(folder.path())[0];
    change(path, |bytes| {
        bytes[8] = 2;
        let crc = crc32c::crc32c(&bytes[..44]);
        bytes[44..48].copy_from_slice(&crc.to_le_bytes());
    });
    let before = fs::read(path).unwrap();
    let refusal = Log::open(options(folder.path()), Position(0)).unwrap_err();
    assert!(
        matches!(refusal, LogError::Version { version: 2, .. }),
        "{refusal}"
    );
    assert_eq!(fs::read(path).unwrap(), before);
}

#[tokio::test]
async fn a_lost_folder_does_not_give_positions_again_that_a_reader_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let entries = written(folder.path(), 10).await;
    let log = open(folder.path());
    log.reader("a", ReadFrom::Position(entries[9].end)).unwrap();
    log.close().await.unwrap();
    for path in segments(folder.path()) {
        fs::remove_file(path).unwrap();
    }
    let log = open(folder.path());
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    log.appender().append(numbered(77, 10)).await.unwrap();
    assert_eq!(number_of(&reader.next().await.unwrap().record), 77);
}
