//! A process that writes and reads a log is killed, again and again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{number_of, numbered, options};
use crate::Position;
use crate::log::{Log, LogOptions, ReadFrom};

/// Where the child finds the log; the test is the parent if it is not set.
const FOLDER: &str = "LEADSMAN_TEST_LOG_FOLDER";

/// How often the child is killed.
const N_KILLS: u64 = 25;

fn open(folder: &Path) -> Log {
    let options = LogOptions {
        segment_bytes: 64 << 10,
        memory_tail_bytes: 16 << 10,
        sync_interval: Duration::from_millis(1),
        ..options(folder)
    };
    Log::open(options, Position(0)).unwrap()
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    match std::env::var_os(FOLDER) {
        Some(folder) => child(&folder),
        None => parent(),
    }
}

/// Appends numbers for ever, and reads and commits them beside; says on stdout what is done.
fn child(folder: &OsString) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = open(Path::new(folder));
        let next = next_number(&log);
        say("start", next);
        let mut reader = log.reader("child", ReadFrom::Cursor).unwrap();
        tokio::spawn(async move {
            loop {
                let entry = reader.next().await.unwrap();
                say("read", number_of(&entry.record));
                reader.commit(entry.end).unwrap();
            }
        });
        for number in next.. {
            let receipt = log.appender().append(numbered(number, 700)).await.unwrap();
            tokio::spawn(async move {
                receipt.durable().await.unwrap();
                say("acknowledged", number);
            });
            tokio::task::yield_now().await;
        }
    });
}

fn say(what: &str, number: u64) {
    // Nobody listens any more: the parent is gone.
    if writeln!(std::io::stdout(), "\n{what} {number}").is_err() {
        std::process::exit(1);
    }
}

/// The number after the last one in the log.
fn next_number(log: &Log) -> u64 {
    let mut reader = log.reader("last", ReadFrom::Position(Position(0))).unwrap();
    let mut next = 0;
    while let Some(entry) = reader.try_next().unwrap() {
        next = number_of(&entry.record) + 1;
    }
    next
}

/// What the children said, all in all.
#[derive(Default)]
struct Heard {
    acknowledged: u64,
    times_read: BTreeMap<u64, u64>,
}

fn parent() {
    let folder = tempfile::tempdir().unwrap();
    let mut heard = Heard::default();
    for round in 0..N_KILLS {
        run_and_kill(folder.path(), 20 + round * 37 % 200, &mut heard);
    }
    let log = open(folder.path());
    let mut numbers = Vec::new();
    let mut reader = log
        .reader("check", ReadFrom::Position(Position(0)))
        .unwrap();
    while let Some(entry) = reader.try_next().unwrap() {
        numbers.push(number_of(&entry.record));
    }
    assert_eq!(
        numbers,
        Vec::from_iter(0..numbers.len() as u64),
        "whole, in order, none twice"
    );
    assert!(numbers.len() as u64 >= heard.acknowledged);

    // What the killed readers did not get is still to come.
    let mut reader = log.reader("child", ReadFrom::Cursor).unwrap();
    while let Some(entry) = reader.try_next().unwrap() {
        *heard
            .times_read
            .entry(number_of(&entry.record))
            .or_default() += 1;
    }
    let read: Vec<u64> = heard.times_read.keys().copied().collect();
    assert_eq!(read, numbers, "read at least once");
    let n_twice: u64 = heard.times_read.values().map(|times| times - 1).sum();
    assert!(
        n_twice <= N_KILLS,
        "only what was read and not committed comes again: {n_twice}"
    );
}

/// Runs a child until it has acknowledged `n_records`, kills it, and takes down what it said.
fn run_and_kill(folder: &Path, n_records: u64, heard: &mut Heard) {
    let name = "log::tests::killed::a_killed_process_loses_nothing_it_acknowledged";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut n_acknowledged = 0;
    while let Some(Ok(line)) = lines.next() {
        let Some((what, number)) = line.split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse::<u64>() else {
            continue;
        };
        match what {
            "start" => assert!(number >= heard.acknowledged, "{number} lost"),
            "acknowledged" => {
                heard.acknowledged = heard.acknowledged.max(number + 1);
                n_acknowledged += 1;
                if n_acknowledged == n_records {
                    child.kill().unwrap();
                }
            }
            "read" => *heard.times_read.entry(number).or_default() += 1,
            _ => {}
        }
    }
    child.wait().unwrap();
    assert!(n_acknowledged >= n_records, "the child failed by itself");
}
