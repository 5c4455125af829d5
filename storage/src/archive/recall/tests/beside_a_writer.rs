//! Recall while records are appended, flushed and compacted: no row twice, none missing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parquet::basic::ZstdLevel;
use proto::UnixMillis;

use crate::archive::Archive;
use crate::archive::day::Day;
use crate::archive::files::{self, TablePath};
use crate::archive::merge::{Input, Merge};
use crate::archive::reading;
use crate::archive::recall::{Asked, Recall, SeriesQuery};
use crate::archive::table::{Resolution, Table};
use crate::archive::table_file::TableFile;
use crate::archive::testing::{NOW, layout, options, scrape, target};
use crate::log::{Log, LogOptions, ReadFrom};

/// Puts one file in the place of all those of a table and day.
fn compact(root: &Path, table: Table, day: Day) {
    let old = files::files(root, table, day).unwrap();
    if old.len() < 2 {
        return;
    }
    let mut name = old[0].name;
    name.to = old[old.len() - 1].name.to;
    let file = TablePath { table, day, name };
    let schema = table.schema();
    let columns: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let inputs = old
        .iter()
        .map(|file| Box::new(reading::open(&file.path(root), &columns).unwrap()) as Input<'_>);
    let staged = root.join(".compacted");
    let mut out = TableFile::create(&file, &staged, ZstdLevel::default()).unwrap();
    for batch in Merge::new(table, inputs.collect()).unwrap() {
        out.write(batch.unwrap().columns().to_vec()).unwrap();
    }
    out.finish().unwrap();
    std::fs::rename(&staged, file.path(root)).unwrap();
    for file in old {
        std::fs::remove_file(file.path(root)).unwrap();
    }
}

/// Appends scrapes one by one, flushes after some and compacts after some flushes.
async fn write(path: &Path, n_durable: &AtomicU64, done: &AtomicBool) {
    let root = path.join("archive");
    let mut archive = Archive::open(options(&root)).unwrap();
    let log_options = LogOptions {
        path: path.join("log"),
        segment_bytes: 4 << 10,
        disk_budget_bytes: 1 << 26,
        memory_tail_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    };
    let log = Log::open(log_options, archive.resume_position()).unwrap();
    let mut reader = log.reader("archive", ReadFrom::Cursor).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    let started = Instant::now();
    let mut n = 0;
    while started.elapsed() < Duration::from_secs(4) {
        let record = scrape(&page, UnixMillis(NOW.0 + n), &[n as f64, 1.0]);
        let receipt = log.appender().append(record).await.unwrap();
        receipt.durable().await.unwrap();
        n += 1;
        n_durable.store(n as u64, Ordering::SeqCst);
        if n % 5 == 0 {
            while let Some(entry) = reader.try_next().unwrap() {
                archive.write(entry.end, &entry.record);
            }
            let report = archive.flush().unwrap();
            reader.commit(report.position).unwrap();
        }
        if n % 20 == 0 {
            for table in [Table::MetricPoints, Table::MetricSeries] {
                compact(&root, table, Day::of(NOW).unwrap());
            }
        }
    }
    done.store(true, Ordering::SeqCst);
}

#[test]
fn nothing_is_there_twice_and_nothing_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (n_durable, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(write(dir.path(), &n_durable, &done));
        });
        while n_durable.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let mut n_answers = 0;
        while !done.load(Ordering::SeqCst) {
            let before = n_durable.load(Ordering::SeqCst);
            let query = SeriesQuery {
                selector: r#"{method="get"}"#.parse().unwrap(),
                resolution: Asked::Exactly(Resolution::Raw),
                ..SeriesQuery::default()
            };
            let answer = Recall::open(dir.path()).series(&query).unwrap();
            let found: Vec<i64> = answer.series[0]
                .samples
                .iter()
                .map(|sample| sample.time.0 - NOW.0)
                .collect();
            // One more may be in the log's file and not be acknowledged yet.
            let after = n_durable.load(Ordering::SeqCst) + 1;
            let n_found = found.len() as u64;
            assert!(
                (before..=after).contains(&n_found),
                "{before} {n_found} {after}"
            );
            assert_eq!(found, (0..n_found as i64).collect::<Vec<_>>());
            n_answers += 1;
        }
        assert!(n_answers > 20, "{n_answers}");
    });
}
