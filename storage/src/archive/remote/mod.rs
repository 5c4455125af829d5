//! The archive in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure, a folder.
//!
//! A bucket holds the same files under the same keys as the archive's folder:
//! `PREFIX/TABLE/date=YYYY-MM-DD/WRITER-FROM-TO.parquet`. The [`Mirror`] brings what one archive
//! has up to it, and touches no file of another writer: many leadsmen make one data set without
//! knowing of each other. What is to be done follows from listings alone, so there is no state that
//! could be lost or wrong. [`Bucket::recall`] reads a bucket's tables through a local cache.
//!
//! Only `object_stores` knows a protocol, and is there only with the feature `object-store`. This
//! module does not know where its options come from, and never reads what is in the files.

mod cache;
mod files;
mod metrics;
mod mirror;
#[cfg(feature = "object-store")]
mod object_stores;
mod options;
mod pace;
mod pass;
mod pending;
mod plan;
mod stop;
mod store;
#[cfg(test)]
pub(super) mod tests;
mod trouble;
mod uploaded;
mod url;

pub use metrics::MirrorMetrics;
pub use mirror::{Mirror, MirrorEnd, MirrorHandle};
pub use options::{BucketOptions, MirrorOptions, RemoteRetention, StoreKeys};
pub use trouble::advice;
pub use uploaded::Uploaded;
pub use url::{BucketScheme, BucketUrl};

use std::path::Path;
use std::sync::Arc;

use super::error::ArchiveError;
use super::inspect::{ArchiveFile, Inspection};
use super::recall::Recall;
use files::BucketFiles;
use store::Store;

/// Whether this build can speak to object stores: the feature `object-store`.
pub const CAN_USE_BUCKETS: bool = cfg!(feature = "object-store");

/// A bucket, ready to be spoken to. Nothing has been sent yet.
#[derive(Debug)]
pub struct Bucket(Box<dyn Store>);

impl Bucket {
    /// Prepares for requests to a bucket. Credentials that are not in `keys` come from the
    /// environment, or from the machine the program runs on.
    ///
    /// # Errors
    /// The options do not fit together, a folder is not there, or this build has no object stores.
    #[cfg(feature = "object-store")]
    pub fn open(options: &BucketOptions, keys: &StoreKeys) -> Result<Self, ArchiveError> {
        object_stores::connect(options, keys).map(|store| Self(Box::new(store)))
    }

    /// As with the feature; without it there is nothing that could be opened.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "object-store"))]
    pub fn open(_: &BucketOptions, _: &StoreKeys) -> Result<Self, ArchiveError> {
        Err(ArchiveError::NoObjectStores)
    }

    /// Asks it what it has of the archive in the folder `root`, each time that is of interest.
    ///
    /// # Errors
    /// When the archive's writer cannot be read.
    pub fn uploaded(self, root: &Path) -> Result<Uploaded, ArchiveError> {
        Ok(Uploaded::of_bucket(mirror::writer(root)?, self))
    }

    /// Lists its current files by table and day, of all writers. Nothing is read: rows are not
    /// known.
    ///
    /// # Errors
    /// When there is no such table, a date is none, or the bucket cannot be listed.
    pub fn inspect(&self, asked: &Inspection) -> Result<Vec<ArchiveFile>, ArchiveError> {
        let store = &*self.0;
        let mut found = Vec::new();
        for (table, day) in
            asked.partitions(&store.describe(""), |table| pass::days(store, table))?
        {
            found.extend(
                files::current(store, table, day)?
                    .into_iter()
                    .map(|(name, n_bytes)| ArchiveFile {
                        table: table.name(),
                        resolution: table.resolution(),
                        date: day.to_string(),
                        path: store.describe(&pass::key(table, day, name)),
                        n_bytes,
                        n_rows: None,
                        column_bytes: (0, 0),
                    }),
            );
        }
        Ok(found)
    }

    /// Makes its tables ready for questions. Files are kept in a cache below `cache`, which other
    /// buckets and processes may use too, of up to `max_bytes` for this bucket.
    ///
    /// # Errors
    /// When the folder of the cache cannot be made.
    pub fn recall(self, cache: &Path, max_bytes: u64) -> Result<Recall, ArchiveError> {
        let files = BucketFiles::new(self, cache, max_bytes)?;
        Ok(Recall::over(Arc::new(files)))
    }
}
