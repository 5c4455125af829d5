//! Reading a log's files from outside.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::{batch, layout, number_of, numbered, open, options};
use crate::Position;
use crate::log::{Log, LogOptions, records_after};

async fn append(log: &Log, number: u64) -> Position {
    let receipt = log.appender().append(numbered(number, 300)).await.unwrap();
    receipt.durable().await.unwrap()
}

fn numbers(folder: &Path, position: Position) -> Vec<u64> {
    let entries = records_after(folder, position).unwrap();
    entries
        .map(|entry| number_of(&entry.unwrap().record))
        .collect()
}

#[tokio::test]
async fn a_log_is_read_from_a_position_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut positions = Vec::new();
    for number in 0..50 {
        positions.push(append(&log, number).await);
        assert_eq!(
            numbers(folder.path(), positions[0]).len() as u64,
            number + 1
        );
    }
    assert!(log.stats().n_segments > 3);
    for (number, position) in positions.iter().enumerate() {
        let expected: Vec<u64> = (number as u64..50).collect();
        assert_eq!(numbers(folder.path(), *position), expected);
    }
    assert!(numbers(folder.path(), log.stats().end).is_empty());
}

#[tokio::test]
async fn layouts_defined_before_the_position_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let layout = layout("a", 3);
    let mut last = Position(0);
    for time in 0..3 {
        let receipt = log.appender().append(batch(&layout, time)).await.unwrap();
        last = receipt.durable().await.unwrap();
    }
    let entries: Vec<_> = records_after(folder.path(), last).unwrap().collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].as_ref().unwrap().position, last);
}

#[tokio::test]
async fn a_torn_end_is_left_out_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(
        LogOptions {
            segment_bytes: 1 << 20,
            ..options(folder.path())
        },
        Position(0),
    )
    .unwrap();
    for number in 0..3 {
        append(&log, number).await;
    }
    let path = folder.path().join(format!("{:020}.seg", 0));
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[7; 100]).unwrap();
    let length = file.metadata().unwrap().len();
    assert_eq!(numbers(folder.path(), Position(0)), [0, 1, 2]);
    assert_eq!(file.metadata().unwrap().len(), length);
}

#[test]
fn no_folder_is_an_empty_log() {
    let folder = tempfile::tempdir().unwrap();
    assert!(numbers(&folder.path().join("log"), Position(0)).is_empty());
}
