//! The tables of a bucket, for recall.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::cache::Cache;
use super::store::{Object, Store};
use super::{Bucket, pass};
use crate::Position;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files::{self, TablePath};
use crate::archive::recall::source::Files;
use crate::archive::table::Table;

/// Objects that a listing shows at a time.
const PAGE: usize = 1000;
/// How often a listing of several pages is begun anew.
const ATTEMPTS: usize = 20;

/// A bucket, read through a cache. It is listed afresh each time it is asked.
#[derive(Debug)]
pub(super) struct BucketFiles {
    store: Box<dyn Store>,
    cache: Cache,
}

impl BucketFiles {
    /// Reads `bucket` through a cache below `folder`, which other buckets and processes may use
    /// too, of up to `max_bytes` for this bucket.
    pub(super) fn new(bucket: Bucket, folder: &Path, max_bytes: u64) -> Result<Self, ArchiveError> {
        let Bucket(store) = bucket;
        let name = store.describe("");
        let hash = xxhash_rust::xxh3::xxh3_64(name.as_os_str().as_encoded_bytes());
        let cache = Cache::open(&folder.join(format!("{hash:016x}")), max_bytes)?;
        Ok(Self { store, cache })
    }
}

impl Files for BucketFiles {
    fn days(&self, table: Table) -> Result<Vec<Day>, ArchiveError> {
        pass::days(&*self.store, table)
    }

    fn files(&self, table: Table, day: Day) -> Result<Vec<TablePath>, ArchiveError> {
        let names = current(&*self.store, table, day)?.into_iter();
        Ok(names
            .map(|(name, _)| TablePath { table, day, name })
            .collect())
    }

    fn come_one_by_one(&self) -> bool {
        true
    }

    fn open(&self, file: &TablePath) -> Result<File, ArchiveError> {
        let key = pass::key(file.table, file.day, file.name);
        self.cache
            .file(&key, |into| self.store.download(&key, into))
    }

    fn describe(&self, file: &TablePath) -> PathBuf {
        self.store
            .describe(&pass::key(file.table, file.day, file.name))
    }

    fn written(&self) -> Result<Option<(WriterId, Position)>, ArchiveError> {
        Ok(None) // a bucket has no log beside it
    }
}

/// The files of a partition of a bucket that no other one supersedes, with their sizes.
pub(super) fn current(
    store: &dyn Store,
    table: Table,
    day: Day,
) -> Result<Vec<(FileName, u64)>, ArchiveError> {
    let objects = listed(store, &pass::folder(table, day))?;
    let parsed = objects.iter();
    let parsed = parsed.filter_map(|object| Some((FileName::parse(&object.name)?, object.bytes)));
    let sizes: HashMap<FileName, u64> = parsed.collect();
    let names = files::current(sizes.keys().copied().collect()).into_iter();
    Ok(names
        .filter_map(|name| Some((name, *sizes.get(&name)?)))
        .collect())
}

/// The objects of a folder as they were at one moment. Between two pages of a listing files may
/// have been replaced by one that sorts before them: two equal listings saw none of that.
fn listed(store: &dyn Store, folder: &str) -> Result<Vec<Object>, ArchiveError> {
    let mut objects = store.objects(folder, "")?;
    for _ in 0..ATTEMPTS {
        if objects.len() < PAGE {
            return Ok(objects);
        }
        let again = store.objects(folder, "")?;
        if again == objects {
            return Ok(objects);
        }
        objects = again;
    }
    let what = format!("changed during each of {ATTEMPTS} listings: ask again");
    Err(ArchiveError::damaged(&store.describe(folder), what))
}
