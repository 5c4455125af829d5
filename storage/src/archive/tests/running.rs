//! The archive as a reader of a real log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::{Record, UnixMillis};
use tokio::sync::oneshot;

use super::super::testing::{NOW, cpu_profile, layout, options, points, scrape, target};
use super::super::{Archive, ArchiveOptions, ProfileQuery};
use crate::Position;
use crate::log::{Log, LogOptions, ReadFrom};

fn open_log(path: &Path, floor: Position) -> Log {
    let options = LogOptions {
        path: path.join("log"),
        segment_bytes: 1 << 20,
        disk_budget_bytes: 1 << 26,
        memory_tail_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    };
    Log::open(options, floor).unwrap()
}

fn archive_options(path: &Path, flush_interval: Duration) -> ArchiveOptions {
    ArchiveOptions {
        flush_interval,
        ..options(&path.join("archive"))
    }
}

async fn append(log: &Log, records: impl IntoIterator<Item = Record>) {
    let appender = log.appender();
    for record in records {
        appender
            .append(record)
            .await
            .unwrap()
            .durable()
            .await
            .unwrap();
    }
}

fn scrapes(range: std::ops::Range<i64>) -> impl Iterator<Item = Record> {
    let page = layout(&target("a:1"), &["get", "put"]);
    range.map(move |idx| scrape(&page, UnixMillis(NOW.0 + idx), &[1.0, 2.0]))
}

async fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "waited too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_in_the_log_is_archived_when_it_is_old_enough() {
    let dir = tempfile::tempdir().unwrap();
    let options = archive_options(dir.path(), Duration::from_millis(50));
    let archive = Archive::open(options).unwrap();
    let log = open_log(dir.path(), archive.resume_position());
    let reader = log.reader("archive", ReadFrom::Cursor).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(archive.run(reader, async { drop(stopped.await) }));

    let profile = Record::Profile(Arc::new(cpu_profile(NOW.0 * 1_000_000)));
    append(&log, scrapes(0..10).chain([profile])).await;
    let path = dir.path().join("archive");
    let end = log.stats().end;
    wait_until(|| {
        log.stats()
            .readers
            .iter()
            .any(|reader| reader.cursor == end)
    })
    .await;
    assert_eq!(points(&path).len(), 20);
    let query = ProfileQuery {
        path,
        ..ProfileQuery::default()
    };
    assert_eq!(query.profiles().unwrap().count(), 1);
    stop.send(()).unwrap();
    run.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_flushes_and_the_next_start_writes_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    for start in 0..3 {
        let options = archive_options(dir.path(), Duration::from_secs(900));
        let archive = Archive::open(options).unwrap();
        let log = open_log(dir.path(), archive.resume_position());
        // As if the cursor had been lost: the archive skips what its files hold.
        let reader = log
            .reader("archive", ReadFrom::Position(Position(0)))
            .unwrap();
        append(&log, scrapes(start * 10..start * 10 + 10)).await;
        archive.run(reader, std::future::ready(())).await.unwrap();
        log.close().await.unwrap();
    }
    let points = points(&dir.path().join("archive"));
    assert_eq!(points.len(), 60);
}

#[tokio::test]
async fn it_waits_while_files_cannot_be_written_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = archive_options(dir.path(), Duration::from_millis(20));
    let path = options.path.clone();
    let archive = Archive::open(options).unwrap();
    let metrics = archive.metrics();
    let log = open_log(dir.path(), archive.resume_position());
    let reader = log.reader("archive", ReadFrom::Cursor).unwrap();
    std::fs::rename(path.join(".staging"), path.join(".aside")).unwrap();

    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(archive.run(reader, async { drop(stopped.await) }));
    append(&log, scrapes(0..10)).await;
    wait_until(|| metrics.flush_failures.get() > 0).await;
    std::fs::rename(path.join(".aside"), path.join(".staging")).unwrap();
    append(&log, scrapes(10..20)).await;
    wait_until(|| points(&path).len() == 40).await;
    stop.send(()).unwrap();
    run.await.unwrap().unwrap();
}
