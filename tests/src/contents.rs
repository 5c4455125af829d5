//! What is in a data folder, as text: the log's blocks and the archive's columns are compressed.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use proto::Record;
use storage::Position;
use storage::log::{Log, LogOptions, ReadFrom};

use crate::tools;

/// Every record of the log in `data`, which nobody has open. Nothing is deleted.
pub fn of_log(data: &Path) -> Result<String> {
    let options = LogOptions {
        path: data.join("log"),
        segment_bytes: 1 << 20,
        disk_budget_bytes: u64::MAX,
        memory_tail_bytes: 0,
        queue_bytes: 0,
        sync_interval: Duration::ZERO,
    };
    let log = Log::open(options, Position(0))?;
    let mut reader = log.reader("contents", ReadFrom::Position(Position(0)))?;
    let mut text = String::new();
    while let Some(entry) = reader.try_next()? {
        match &entry.record {
            Record::Traces(request) => text += &String::from_utf8_lossy(request),
            record => text += &format!("{record:?}\n"),
        }
    }
    Ok(text)
}

/// Every value of every table of the archive in `data`.
pub fn of_archive(data: &Path) -> Result<String> {
    tools::python("values.py", [data.join("archive")])
}
