//! What a bucket can do, and all that is asked of it.

use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;

use crate::archive::error::ArchiveError;

/// An object of a bucket, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// The last part of its key.
    pub(super) name: String,
    /// Its size.
    pub(super) bytes: u64,
}

/// A bucket below a prefix. Keys and folders are relative to the prefix, with `/` between their
/// parts. Calls block until they are done; each is tried some times before it fails, and may be
/// made from several threads.
pub(super) trait Store: fmt::Debug + Send + Sync {
    /// Names of the folders directly in a folder, in any order; none if there is no such folder.
    fn folders(&self, folder: &str) -> Result<Vec<String>, ArchiveError>;

    /// Objects directly in a folder whose names start with `start`, in any order.
    fn objects(&self, folder: &str, start: &str) -> Result<Vec<Object>, ArchiveError>;

    /// Writes an object of `bytes` bytes from `source`, in the place of one that is there. It
    /// appears whole or not at all.
    fn upload(&self, key: &str, source: &mut dyn Read, bytes: u64) -> Result<(), ArchiveError>;

    /// Writes the whole of an object to `into`. If there is none, an error that
    /// [`ArchiveError::is_gone`] knows.
    fn download(&self, key: &str, into: &mut dyn Write) -> Result<(), ArchiveError>;

    /// Removes an object, which may be gone already.
    fn delete(&self, key: &str) -> Result<(), ArchiveError>;

    /// What messages call an object, or with an empty key the bucket.
    fn describe(&self, key: &str) -> PathBuf;
}
