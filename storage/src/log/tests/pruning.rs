//! When segments go, and what it costs whom.

use std::fs;
use std::path::Path;

use super::{number_of, numbered, open, options};
use crate::Position;
use crate::log::{Log, LogOptions, Losses, ReadFrom};

const BUDGET: u64 = 32 << 10;

fn small(path: &Path) -> Log {
    let options = LogOptions {
        disk_budget_bytes: BUDGET,
        memory_tail_bytes: 4096,
        ..options(path)
    };
    Log::open(options, Position(0)).unwrap()
}

async fn append(log: &Log, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let receipt = log.appender().append(numbered(number, 500)).await.unwrap();
        receipt.durable().await.unwrap();
    }
}

fn bytes_on_disk(folder: &Path) -> u64 {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let segments = files.filter(|path| path.extension().is_some_and(|ext| ext == "seg"));
    segments.map(|path| fs::metadata(path).unwrap().len()).sum()
}

fn losses(log: &Log, name: &str) -> Losses {
    log.stats()
        .readers
        .into_iter()
        .find(|reader| reader.name == name)
        .unwrap()
        .losses
}

#[tokio::test]
async fn a_segment_goes_when_every_cursor_has_passed_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut fast = log.reader("fast", ReadFrom::Cursor).unwrap();
    let mut slow = log.reader("slow", ReadFrom::Cursor).unwrap();
    append(&log, 0..40).await;
    let n_segments = log.stats().n_segments;
    assert!(n_segments > 3);
    for _ in 0..40 {
        let end = fast.next().await.unwrap().end;
        fast.commit(end).unwrap();
    }
    append(&log, 40..41).await;
    assert!(
        log.stats().n_segments >= n_segments,
        "the slow reader needs them"
    );
    for _ in 0..40 {
        let end = slow.next().await.unwrap().end;
        slow.commit(end).unwrap();
    }
    // The command to prune is in the queue before these.
    append(&log, 41..42).await;
    append(&log, 42..43).await;
    assert_eq!(log.stats().n_segments, 1);
    assert!(bytes_on_disk(folder.path()) < 5000);
    assert_eq!(
        (losses(&log, "fast"), losses(&log, "slow")),
        Default::default()
    );
}

#[tokio::test]
async fn over_the_budget_the_oldest_go_and_every_lost_record_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    let mut reader = log.reader("slow", ReadFrom::Cursor).unwrap();
    append(&log, 0..5).await;
    assert_eq!(number_of(&reader.next().await.unwrap().record), 0);
    append(&log, 5..200).await;
    assert!(bytes_on_disk(folder.path()) <= BUDGET);
    assert_eq!(log.stats().bytes, bytes_on_disk(folder.path()));

    let mut numbers = vec![0];
    let mut first_gap = None;
    while let Some(entry) = reader.try_next().unwrap() {
        let number = number_of(&entry.record);
        if number != numbers[numbers.len() - 1] + 1 {
            first_gap = Some(entry.position);
        }
        numbers.push(number);
    }
    assert_eq!(numbers.last(), Some(&199));
    assert!(first_gap.is_some());
    assert_eq!(
        losses(&log, "slow").pruned_records,
        200 - numbers.len() as u64
    );
}

#[tokio::test]
async fn a_reader_without_a_cursor_holds_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let _live = log.reader("live", ReadFrom::Tail).unwrap();
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    append(&log, 0..40).await;
    while let Some(entry) = reader.try_next().unwrap() {
        reader.commit(entry.end).unwrap();
    }
    append(&log, 40..42).await;
    assert_eq!(log.stats().n_segments, 1);
}

#[tokio::test]
async fn a_forgotten_reader_holds_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    drop(log.reader("gone", ReadFrom::Cursor).unwrap());
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    append(&log, 0..40).await;
    while let Some(entry) = reader.try_next().unwrap() {
        reader.commit(entry.end).unwrap();
    }
    append(&log, 40..42).await;
    assert!(log.stats().n_segments > 3);
    assert_eq!(log.forget_unused_readers().unwrap(), ["gone"]);
    append(&log, 42..44).await;
    assert_eq!(log.stats().n_segments, 1);
    drop(reader);
    log.close().await.unwrap();
    let names: Vec<_> = open(folder.path())
        .stats()
        .readers
        .into_iter()
        .map(|reader| reader.name)
        .collect();
    assert_eq!(names, ["a"]);
}

#[tokio::test]
async fn the_tail_stays_within_its_bytes_even_if_every_scrape_has_a_new_layout() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    // Half of them of one target, half of a new one each.
    for time in 0..200 {
        let pod = if time % 2 == 0 { 0 } else { time };
        let layout = super::layout(&format!("pod-{pod}"), 40 + time as usize % 7);
        let receipt = log
            .appender()
            .append(super::batch(&layout, time))
            .await
            .unwrap();
        receipt.durable().await.unwrap();
        assert!(log.stats().tail_bytes <= 64 << 10);
    }
    assert!(log.stats().tail_bytes > 32 << 10);
}
