//! A bucket in memory, archives in folders, and a mirror's pass between them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::metrics::MirrorMetrics;
use super::super::options::RemoteRetention;
use super::super::pace::Pace;
use super::super::pass::{Look, Pass};
use super::super::pending::Seen;
use super::super::stop::Stop;
use super::super::store::{Object, Store};
use super::super::uploaded::Uploaded;
use crate::Position;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files::TablePath;
use crate::archive::table::Table;

/// What the next request that changes or reads something does instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Fails, and nothing has happened.
    Refused,
    /// Fails, and yet it has happened.
    AnswerLost,
    /// An upload succeeds, and half of it is there.
    CutShort,
}

/// A bucket in memory; clones are the same bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryBucket {
    pub(super) objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Requests until each fault, which then happens once.
    faults: Arc<Mutex<Vec<(usize, Fault)>>>,
    pub(super) requests: Arc<Mutex<Vec<String>>>,
}

impl MemoryBucket {
    /// After so many more requests the next one has this fault.
    pub(super) fn fail_after(&self, n_requests: usize, fault: Fault) {
        self.faults.lock().unwrap().push((n_requests, fault));
    }

    pub(super) fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn request(&self, what: String) -> Result<Option<Fault>, ArchiveError> {
        self.requests.lock().unwrap().push(what);
        let mut faults = self.faults.lock().unwrap();
        let due = faults.iter().position(|(left, _)| *left == 0);
        let fault = due.map(|idx| faults.remove(idx).1);
        for (left, _) in faults.iter_mut() {
            *left = left.saturating_sub(1);
        }
        match fault {
            Some(Fault::Refused) => Err(refused()),
            fault => Ok(fault),
        }
    }
}

fn refused() -> ArchiveError {
    ArchiveError::io("ask", Path::new("memory"))(io::Error::other("out of order"))
}

fn answer(fault: Option<Fault>) -> Result<(), ArchiveError> {
    if fault == Some(Fault::AnswerLost) {
        return Err(refused());
    }
    Ok(())
}

impl Store for MemoryBucket {
    fn folders(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        self.request(format!("folders {folder}"))?;
        let start = format!("{folder}/");
        let keys = self.keys();
        let below = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&start)?.split_once('/'));
        let mut names: Vec<String> = below.map(|(name, _)| name.to_owned()).collect();
        names.dedup();
        Ok(names)
    }

    fn objects(&self, folder: &str, start: &str) -> Result<Vec<Object>, ArchiveError> {
        self.request(format!("objects {folder}"))?;
        let start = format!("{folder}/{start}");
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(key, _)| key.starts_with(&start));
        let found = found.map(|(key, data)| Object {
            name: key.rsplit('/').next().unwrap().to_owned(),
            bytes: data.len() as u64,
        });
        Ok(found.collect())
    }

    fn upload(&self, key: &str, source: &mut dyn Read, bytes: u64) -> Result<(), ArchiveError> {
        let fault = self.request(format!("upload {key}"))?;
        let mut data = Vec::new();
        source
            .read_to_end(&mut data)
            .map_err(ArchiveError::io("read", Path::new(key)))?;
        assert_eq!(data.len() as u64, bytes);
        if fault == Some(Fault::CutShort) {
            data.truncate(data.len() / 2);
        }
        self.objects.lock().unwrap().insert(key.to_owned(), data);
        answer(fault)
    }

    fn download(&self, key: &str, into: &mut dyn Write) -> Result<(), ArchiveError> {
        let fault = self.request(format!("download {key}"))?;
        let data = self.objects.lock().unwrap().get(key).cloned();
        let gone = || ArchiveError::io("get", Path::new(key))(io::ErrorKind::NotFound.into());
        into.write_all(&data.ok_or_else(gone)?).unwrap();
        answer(fault)
    }

    fn delete(&self, key: &str) -> Result<(), ArchiveError> {
        let fault = self.request(format!("delete {key}"))?;
        self.objects.lock().unwrap().remove(key);
        answer(fault)
    }

    fn describe(&self, key: &str) -> PathBuf {
        Path::new("memory").join(key)
    }
}

/// An archive's folder with its mirror.
pub(super) struct Scene {
    pub(super) folder: tempfile::TempDir,
    pub(super) writer: WriterId,
    pub(super) metrics: MirrorMetrics,
    pub(super) uploaded: Uploaded,
    pub(super) retention: RemoteRetention,
    pub(super) today: Day,
    seen: Seen,
}

impl Scene {
    pub(super) fn new(writer: u64) -> Self {
        let writer = WriterId(writer);
        Self {
            folder: tempfile::tempdir().unwrap(),
            writer,
            metrics: MirrorMetrics::new().unwrap(),
            uploaded: Uploaded::of_mirror(writer),
            retention: RemoteRetention::default(),
            today: day("2026-11-25"),
            seen: Seen::default(),
        }
    }

    /// As if it had been started again.
    pub(super) fn restart(&mut self) {
        self.seen = Seen::default();
        self.uploaded = Uploaded::of_mirror(self.writer);
    }

    pub(super) fn pass(&mut self, store: &dyn Store, look: Look) -> Result<(), ArchiveError> {
        let mut pass = Pass {
            root: self.folder.path(),
            writer: self.writer,
            store,
            retention: self.retention,
            today: self.today,
            metrics: &self.metrics,
            uploaded: &self.uploaded,
            stop: &Stop::default(),
            pace: &mut Pace::new(None),
            seen: &mut self.seen,
            swept: false,
        };
        pass.run(look)
    }

    pub(super) fn file(&self, table: Table, date: &str, from: u64, to: u64) -> TablePath {
        let name = FileName {
            writer: self.writer,
            from: Position(from),
            to: Position(to),
        };
        TablePath {
            table,
            day: day(date),
            name,
        }
    }

    /// Writes a file of ours with these rows, as it would come from a flush or a compaction.
    pub(super) fn write(&self, file: &TablePath, rows: &[u64]) {
        fs::create_dir_all(file.folder(self.folder.path())).unwrap();
        fs::write(file.path(self.folder.path()), parquet_like(rows)).unwrap();
    }

    pub(super) fn is_awaited(&self, file: &TablePath) -> bool {
        is_awaited(&self.uploaded, file)
    }

    pub(super) fn remove(&self, file: &TablePath) {
        fs::remove_file(file.path(self.folder.path())).unwrap();
    }

    pub(super) fn uploads(&self, outcome: &str) -> u64 {
        self.metrics.uploads.with_label_values(&[outcome]).get()
    }
}

pub(super) fn is_awaited(uploaded: &Uploaded, file: &TablePath) -> bool {
    let files = std::iter::once((file.name, 0));
    uploaded.is_awaited(file.table, file.day, files).unwrap()
}

pub(super) fn day(date: &str) -> Day {
    Day::parse(date).unwrap()
}

pub(super) fn key(file: &TablePath) -> String {
    format!("{}/{}/{}", file.table.name(), file.day.folder(), file.name)
}

/// Has the ends of a Parquet file, and the rows between them.
pub(super) fn parquet_like(rows: &[u64]) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    bytes.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
    bytes.extend([0; 4]);
    bytes.extend(b"PAR1");
    bytes
}

pub(super) fn rows(bytes: &[u8]) -> Vec<u64> {
    let rows = &bytes[4..bytes.len() - 8];
    rows.chunks_exact(8)
        .map(|row| u64::from_le_bytes(row.try_into().unwrap()))
        .collect()
}
