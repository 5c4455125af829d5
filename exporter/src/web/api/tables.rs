//! `GET /api/v1/archive`: what is stored, by table and day.
//!
//! All folders are listed for it, so an answer is kept for a while.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use storage::archive::{ArchiveFile, Inspection, Inspector};

use super::series::word;
use super::{ApiError, Body};
use crate::web::App;

/// How long an answer is good enough.
const KEPT: Duration = Duration::from_secs(20);
/// Days whose mean is the present growth.
const GROWTH_DAYS: usize = 7;

/// The folder of an archive's tables, and what was told of it last. Cheap to clone.
#[derive(Clone)]
pub struct StoredTables(Arc<Mutex<Stored>>);

struct Stored {
    inspector: Inspector,
    /// The last answer, and when it was made.
    last: Option<(Instant, Arc<Tables>)>,
}

/// The whole archive.
#[derive(Debug, Default, Serialize)]
struct Tables {
    /// The folder of the tables.
    path: String,
    tables: Vec<OneTable>,
    n_files: u64,
    n_bytes: u64,
    /// By the newest whole days; absent before a day is over.
    bytes_a_day: Option<u64>,
    /// What the disk can still take; absent where it does not say.
    free_bytes: Option<u64>,
}

#[derive(Debug, Default, Serialize)]
struct OneTable {
    name: &'static str,
    /// `raw`, `5m` or `1h`.
    resolution: &'static str,
    #[serde(flatten)]
    sum: Sum,
    /// Bytes of its columns before they are compressed, and after.
    plain_bytes: u64,
    packed_bytes: u64,
    days: Vec<OneDay>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Sum {
    n_files: u64,
    n_rows: u64,
    n_bytes: u64,
}

#[derive(Debug, Serialize)]
struct OneDay {
    /// In UTC, as `YYYY-MM-DD`.
    date: String,
    #[serde(flatten)]
    sum: Sum,
}

impl Sum {
    fn add(&mut self, file: &ArchiveFile) {
        self.n_files += 1;
        self.n_rows += file.n_rows.unwrap_or(0);
        self.n_bytes += file.n_bytes;
    }
}

pub(super) async fn get(State(app): State<App>, headers: HeaderMap) -> Result<Body, ApiError> {
    let (stored, gzip) = (app.tables, (&headers).into());
    let asked = app
        .questions
        .ask(move |_| Body::json(&*stored.read()?, gzip));
    asked.await
}

impl StoredTables {
    /// Of the archive in a folder.
    pub fn new(folder: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(Stored {
            inspector: Inspector::new(folder),
            last: None,
        })))
    }

    /// Lists them, if the last answer is too old. Questions that come meanwhile wait for the same one.
    fn read(&self) -> Result<Arc<Tables>, ApiError> {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, tables)) = &stored.last
            && made.elapsed() < KEPT
        {
            return Ok(Arc::clone(tables));
        }
        let files = stored.inspector.inspect(&Inspection::default());
        let files = files.map_err(|error| ApiError::unreadable(&error))?;
        let tables = Arc::new(Tables::of(&files, stored.inspector.root()));
        stored.last = Some((Instant::now(), Arc::clone(&tables)));
        Ok(tables)
    }
}

impl Tables {
    fn of(files: &[ArchiveFile], folder: &Path) -> Self {
        let mut tables: Vec<OneTable> = Vec::new();
        let mut by_day: BTreeMap<&str, u64> = BTreeMap::new();
        for file in files {
            *by_day.entry(&file.date).or_default() += file.n_bytes;
            match tables.last_mut().filter(|table| table.name == file.table) {
                Some(table) => table.add(file),
                None => {
                    let mut table = OneTable {
                        name: file.table,
                        resolution: word(file.resolution),
                        ..OneTable::default()
                    };
                    table.add(file);
                    tables.push(table);
                }
            }
        }
        // The newest day may still be under way.
        let whole_days = by_day.into_values().rev().skip(1).take(GROWTH_DAYS);
        let whole_days: Vec<u64> = whole_days.collect();
        let free = rustix::fs::statvfs(folder).ok();
        Self {
            path: folder.display().to_string(),
            n_files: tables.iter().map(|table| table.sum.n_files).sum(),
            n_bytes: tables.iter().map(|table| table.sum.n_bytes).sum(),
            tables,
            bytes_a_day: whole_days
                .iter()
                .sum::<u64>()
                .checked_div(whole_days.len() as u64),
            free_bytes: free.map(|free| free.f_bavail.saturating_mul(free.f_frsize)),
        }
    }
}

impl OneTable {
    /// Files come day by day.
    fn add(&mut self, file: &ArchiveFile) {
        self.sum.add(file);
        self.plain_bytes += file.column_bytes.0;
        self.packed_bytes += file.column_bytes.1;
        match self.days.last_mut().filter(|day| day.date == file.date) {
            Some(day) => day.sum.add(file),
            None => {
                let mut sum = Sum::default();
                sum.add(file);
                self.days.push(OneDay {
                    date: file.date.clone(),
                    sum,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::archive::Resolution;

    fn file(table: &'static str, date: &str, n_bytes: u64) -> ArchiveFile {
        ArchiveFile {
            table,
            resolution: Resolution::Raw,
            date: date.to_owned(),
            path: "x".into(),
            n_bytes,
            n_rows: Some(10),
            column_bytes: (30, 10),
        }
    }

    #[test]
    fn files_are_summed_by_table_and_day_and_growth_is_of_whole_days() {
        let files = [
            file("metric_points", "2026-11-20", 100),
            file("metric_points", "2026-11-21", 60),
            file("metric_points", "2026-11-21", 40),
            file("metric_points", "2026-11-22", 9),
            file("profiles", "2026-11-21", 50),
        ];
        let tables = Tables::of(&files, Path::new("/"));
        assert_eq!((tables.n_files, tables.n_bytes), (5, 259));
        assert_eq!(tables.bytes_a_day, Some((100 + 150) / 2));
        let points = &tables.tables[0];
        assert_eq!(
            (points.sum.n_rows, points.plain_bytes, points.days.len()),
            (40, 120, 3)
        );
        assert_eq!(
            (points.days[1].sum.n_files, points.days[1].sum.n_bytes),
            (2, 100)
        );
    }
}
