//! Files of every schema version, read together with today's by other engines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use leadsman_tests::tools;
use serde_json::Value;
use storage::Position;
use storage::archive::{Archive, ArchiveOptions, Keeper, KeeperOptions};

#[path = "../../../storage/examples/golden_archive/records.rs"]
mod records;

/// Rows of the golden records in tables that every version has.
const ROWS: [(&str, u64); 7] = [
    ("metric_series", 137),
    ("metric_points", 505),
    ("metric_histograms", 8),
    ("metric_exemplars", 8),
    ("profiles", 21),
    ("profile_samples", 231),
    ("stacks", 92),
];

/// The same in tables that came with version 2.
const ROWS_SINCE_2: [(&str, u64); 11] = [
    ("targets", 5),
    ("events", 6),
    ("metric_rollups_5m", 135),
    ("metric_rollups_1h", 135),
    ("metric_histograms_5m", 2),
    ("metric_histograms_1h", 2),
    ("profiles_5m", 14),
    ("profiles_1h", 14),
    ("profile_samples_5m", 150),
    ("profile_samples_1h", 150),
    ("function_trend", 694),
];

/// The same in tables that came with version 3.
const ROWS_SINCE_3: [(&str, u64); 1] = [("findings", 3)];

/// The same in tables that came with version 4.
const ROWS_SINCE_4: [(&str, u64); 1] = [("spans", 3)];

fn repository() -> &'static Path {
    tools::tests_folder().parent().unwrap_or(Path::new(""))
}

/// The archives in `storage/testdata`.
fn golden() -> Result<Vec<PathBuf>> {
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(repository().join("storage/testdata"))? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        if name.is_ok_and(|name| name.starts_with("archive-v")) {
            archives.push(entry.path());
        }
    }
    ensure!(!archives.is_empty(), "no golden archives");
    Ok(archives)
}

fn write_today(folder: &Path) -> Result<()> {
    let mut archive = Archive::open(ArchiveOptions {
        path: folder.to_owned(),
        buffer_bytes: 16 << 20,
        flush_interval: Duration::from_secs(300),
        compression_level: 3,
    })?;
    let recorded = repository().join("proto/testdata");
    let mut flushes = records::flushes(&recorded).map_err(|error| anyhow!("{error}"))?;
    flushes.push(records::findings());
    flushes.push(records::spans());
    for (record, end) in flushes.iter().flatten().zip(1..) {
        archive.write(Position(end), record);
    }
    archive.flush()?;
    drop(archive);
    Keeper::open(folder, KeeperOptions::default())?.roll_up_all(records::ENDED, |_| {})?;
    Ok(())
}

#[test]
fn duckdb_and_polars_read_every_version_together_with_today() -> Result<()> {
    let today = tempfile::tempdir()?;
    write_today(today.path())?;
    let mut archives = golden()?;
    archives.push(today.path().to_owned());
    let rows: Value = serde_json::from_str(&tools::python("versions.py", &archives)?)?;
    let n_archives = archives.len() as u64;
    let since_1 = ROWS.map(|(table, n_rows)| (table, n_rows * n_archives));
    let since_2 = ROWS_SINCE_2.map(|(table, n_rows)| (table, n_rows * (n_archives - 1)));
    let since_3 = ROWS_SINCE_3.map(|(table, n_rows)| (table, n_rows * (n_archives - 2)));
    let since_4 = ROWS_SINCE_4.map(|(table, n_rows)| (table, n_rows * (n_archives - 3)));
    let later = since_2.into_iter().chain(since_3).chain(since_4);
    for (table, expected) in since_1.into_iter().chain(later) {
        let found = rows[table].as_u64().context(table)?;
        ensure!(found == expected, "{table}: {rows}");
    }
    Ok(())
}
