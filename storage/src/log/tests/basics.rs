//! What a log does when nothing goes wrong.

use std::time::Duration;

use proto::Record;

use super::{batch, layout, number_of, numbered, open, options};
use crate::Position;
use crate::log::{AWAITED_SYNC, Log, LogError, LogOptions, ReadFrom};

#[tokio::test]
async fn records_come_back_in_order_from_memory_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let (small, large) = (layout("a", 3), layout("b", 200));
    let sent: Vec<Record> = (0..50)
        .map(|time| batch(if time % 2 == 0 { &small } else { &large }, time))
        .collect();
    let mut positions = Vec::new();
    for record in &sent {
        let receipt = log.appender().append(record.clone()).await.unwrap();
        positions.push(receipt.durable().await.unwrap());
    }
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    for (record, position) in sent.iter().zip(&positions) {
        let entry = reader.next().await.unwrap();
        assert_eq!(entry.position, *position);
        check_equal(&entry.record, record);
    }
    drop(reader);
    log.close().await.unwrap();

    let log = open(folder.path());
    let mut reader = log.reader("b", ReadFrom::Cursor).unwrap();
    for (record, position) in sent.iter().zip(&positions) {
        let entry = reader.next().await.unwrap();
        assert_eq!(entry.position, *position);
        check_equal(&entry.record, record);
    }
    assert!(reader.try_next().unwrap().is_none());
}

#[tokio::test]
async fn what_somebody_waits_for_is_durable_soon_and_what_came_before_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let patient = LogOptions {
        sync_interval: Duration::from_secs(3600),
        ..options(folder.path())
    };
    let log = Log::open(patient, Position(0)).unwrap();
    let layout = layout("a", 1);
    let mut waiting = log.appender().append(batch(&layout, 1)).await.unwrap();
    let early = tokio::time::timeout(AWAITED_SYNC * 2, &mut waiting.answer);
    early.await.unwrap_err();
    let awaited = log
        .appender()
        .append_awaited(batch(&layout, 2))
        .await
        .unwrap();
    let second = awaited.durable().await.unwrap();
    assert!(waiting.durable().await.unwrap() < second);
    log.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_goes_on_where_it_committed() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    append(&log, 0..100).await;
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    for _ in 0..40 {
        let entry = reader.next().await.unwrap();
        if number_of(&entry.record) < 30 {
            reader.commit(entry.end).unwrap();
        }
    }
    drop(reader);
    log.close().await.unwrap();

    let log = open(folder.path());
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    assert_eq!(number_of(&reader.next().await.unwrap().record), 30);
}

#[tokio::test]
async fn a_tail_reader_gets_only_what_is_new_and_is_woken() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    append(&log, 0..3).await;
    let mut reader = log.reader("live", ReadFrom::Tail).unwrap();
    let waiting = tokio::spawn(async move { number_of(&reader.next().await.unwrap().record) });
    append(&log, 3..4).await;
    assert_eq!(waiting.await.unwrap(), 3);
}

#[tokio::test]
async fn one_reader_of_a_name_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let first = log.reader("a", ReadFrom::Cursor).unwrap();
    assert!(matches!(
        log.reader("a", ReadFrom::Cursor),
        Err(LogError::ReaderInUse(_))
    ));
    drop(first);
    log.reader("a", ReadFrom::Cursor).unwrap();
}

#[tokio::test]
async fn a_second_log_in_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _log = open(folder.path());
    let second = Log::open(options(folder.path()), Position(0));
    assert!(matches!(second, Err(LogError::Locked { .. })));
}

#[tokio::test]
async fn new_records_never_get_a_position_below_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(options(folder.path()), Position(5000)).unwrap();
    let receipt = log.appender().append(numbered(1, 10)).await.unwrap();
    assert!(receipt.durable().await.unwrap() >= Position(5000));
}

#[tokio::test]
async fn a_closed_log_hands_out_what_it_has_and_then_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let appender = log.appender();
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    let receipt = appender.append(numbered(7, 10)).await.unwrap();
    log.close().await.unwrap();
    receipt.durable().await.unwrap();
    assert_eq!(number_of(&reader.next().await.unwrap().record), 7);
    assert!(matches!(reader.next().await, Err(LogError::Closed)));
    assert!(matches!(
        appender.append(numbered(8, 10)).await,
        Err(LogError::Closed)
    ));
}

async fn append(log: &Log, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let receipt = log.appender().append(numbered(number, 100)).await.unwrap();
        receipt.durable().await.unwrap();
    }
}

fn check_equal(read: &Record, sent: &Record) {
    let (Record::Metrics(read), Record::Metrics(sent)) = (read, sent) else {
        panic!("kinds")
    };
    assert_eq!(read, sent);
}
