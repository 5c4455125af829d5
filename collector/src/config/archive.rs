//! `archive`: where the data is kept, and for how much.

use std::path::PathBuf;
use std::time::Duration;

use storage::archive::{ArchiveOptions, CompactionOptions, KeeperOptions, RetentionPolicy};
use storage::log::LogOptions;

use super::object_store::ObjectStoreConfig;
use super::scalar::{duration, integer, mapping, non_empty, share, size};
use super::table::Table;

/// Where the data is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchiveConfig {
    /// The data folder: `log/` and `archive/` are below it.
    pub path: PathBuf,
    /// The log, under `log/`.
    pub log: LogOptions,
    /// The tables, under `archive/`.
    pub archive: ArchiveOptions,
    /// How the tables are kept in order.
    pub keeper: KeeperOptions,
    /// The bucket that gets a copy of the tables.
    pub object_store: Option<ObjectStoreConfig>,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl ArchiveConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let path = table
            .get("path", non_empty)
            .unwrap_or_else(|| "./leadsman-data".to_owned());
        // Not relative to the file: one file under /etc serves many working folders.
        let path = PathBuf::from(path);
        let buffer_bytes = bytes(table.get("buffer_size", size(MIB..=GIB)), 16 * MIB);
        let intervals = Duration::from_secs(1)..=Duration::from_secs(86_400);
        let archive = ArchiveOptions {
            path: path.join("archive"),
            buffer_bytes,
            flush_interval: table
                .get("flush_interval", duration(intervals))
                .unwrap_or(Duration::from_secs(5 * 60)),
            compression_level: table.get("compression_level", integer(1..=22)).unwrap_or(3),
        };
        let folder = path.join("log");
        let log = table.section("log", |table| read_log(table, folder.clone()));
        let keeper = KeeperOptions {
            retention: table.section("retention", read_retention),
            ..table.section("compaction", read_compaction)
        };
        let object_store = ObjectStoreConfig::read(table);
        Self {
            path,
            log,
            archive,
            keeper,
            object_store,
        }
    }
}

fn read_compaction(table: &mut Table<'_>) -> KeeperOptions {
    let default = KeeperOptions::default();
    let day = Duration::from_secs(86_400);
    let level = table.get("compression_level", integer(1..=22));
    let max_file = table.get("max_file_size", size(MIB..=64 * GIB));
    let settle = table.get("settle", duration(Duration::ZERO..=day));
    let compaction = CompactionOptions {
        compression_level: level.unwrap_or(default.compaction.compression_level),
        max_file_bytes: max_file.unwrap_or(default.compaction.max_file_bytes),
        settle: settle.unwrap_or(default.compaction.settle),
    };
    let intervals = Duration::from_millis(100)..=day;
    KeeperOptions {
        compaction,
        max_duty_cycle: table
            .get("max_duty_cycle", share)
            .unwrap_or(default.max_duty_cycle),
        check_interval: table
            .get("check_interval", duration(intervals))
            .unwrap_or(default.check_interval),
        ..default
    }
}

fn read_retention(table: &mut Table<'_>) -> RetentionPolicy {
    let default = RetentionPolicy::default();
    let day = Duration::from_secs(86_400);
    let ages = || duration(day..=day * 36_500);
    let policy = RetentionPolicy {
        raw: table.get("raw", ages()).unwrap_or(default.raw),
        five_minutes: table.get("5m", ages()).unwrap_or(default.five_minutes),
        one_hour: table.get("1h", ages()).unwrap_or(default.one_hour),
        tables: table
            .get("tables", mapping(ages()))
            .map(|tables| known(table, tables))
            .unwrap_or_default(),
        max_bytes: table.get("max_size", size(16 * MIB..=1 << 50)),
        min_free_bytes: table
            .get("min_free_space", size(0..=1 << 50))
            .unwrap_or(default.min_free_bytes),
        grace: table
            .get("grace", duration(Duration::ZERO..=day * 7))
            .unwrap_or(default.grace),
    };
    // Windows that go before the rows they are made of would be made again and again.
    let order = "raw no longer than 5m, and 5m no longer than 1h";
    if policy.raw > policy.five_minutes {
        table.fail("raw", "rows are kept longer than their windows", order);
    } else if policy.five_minutes > policy.one_hour {
        table.fail("5m", "windows are kept longer than those of an hour", order);
    }
    policy
}

/// Refuses names that are no tables.
fn known(table: &mut Table<'_>, tables: Vec<(String, Duration)>) -> Vec<(String, Duration)> {
    for (name, _) in &tables {
        let mut names = RetentionPolicy::table_names();
        if !names.any(|known| known == name) {
            let names: Vec<_> = RetentionPolicy::table_names().collect();
            table.fail("tables", format!("no table {name:?}"), &names.join(", "));
        }
    }
    tables
}

fn default_log(path: PathBuf) -> LogOptions {
    LogOptions {
        path,
        segment_bytes: 16 * MIB,
        disk_budget_bytes: 2 * GIB,
        memory_tail_bytes: bytes(None, 8 * MIB),
        queue_bytes: bytes(None, 8 * MIB),
        sync_interval: Duration::from_secs(1),
    }
}

fn read_log(table: &mut Table<'_>, path: PathBuf) -> LogOptions {
    let default = default_log(path);
    let segment = table.get("segment_size", size(64 * KIB..=4 * GIB));
    let budget = table.get("disk_budget", size(MIB..=1 << 50));
    let sync = duration(Duration::ZERO..=Duration::from_secs(60));
    let options = LogOptions {
        segment_bytes: segment.unwrap_or(default.segment_bytes),
        disk_budget_bytes: budget.unwrap_or(default.disk_budget_bytes),
        memory_tail_bytes: table
            .get("memory_tail", size(0..=GIB))
            .map_or(default.memory_tail_bytes, |size| bytes(Some(size), 0)),
        queue_bytes: table
            .get("queue", size(64 * KIB..=GIB))
            .map_or(default.queue_bytes, |size| bytes(Some(size), 0)),
        sync_interval: table
            .get("sync_interval", sync)
            .unwrap_or(default.sync_interval),
        ..default
    };
    if options.disk_budget_bytes < 2 * options.segment_bytes {
        table.fail(
            "disk_budget",
            "smaller than two segments",
            "at least twice segment_size",
        );
    }
    options
}

fn bytes(size: Option<u64>, default: u64) -> usize {
    usize::try_from(size.unwrap_or(default)).unwrap_or(usize::MAX)
}
