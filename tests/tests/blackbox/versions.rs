//! Files of every schema version, read together with today's by other engines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use leadsman_tests::tools;
use serde_json::Value;
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};

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
    let flushes = records::flushes(&recorded).map_err(|error| anyhow!("{error}"))?;
    for (record, end) in flushes.iter().flatten().zip(1..) {
        archive.write(Position(end), record);
    }
    archive.flush()?;
    Ok(())
}

#[test]
fn duckdb_and_polars_read_every_version_together_with_today() -> Result<()> {
    let today = tempfile::tempdir()?;
    write_today(today.path())?;
    let mut archives = golden()?;
    archives.push(today.path().to_owned());
    let rows: Value = serde_json::from_str(&tools::python("versions.py", &archives)?)?;
    for (table, expected) in ROWS {
        let found = rows[table].as_u64().context(table)?;
        ensure!(found == expected * archives.len() as u64, "{table}: {rows}");
    }
    Ok(())
}
