//! What can go wrong with the archive.

use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use super::table::Table;

/// Why the archive could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file system refused.
    #[error("failed to {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A Parquet file could not be written or read.
    #[error("failed to {action} parquet file {path}")]
    Parquet {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The library's answer.
        #[source]
        source: ParquetError,
    },
    /// Columns did not fit the schema they are written or read with.
    #[error("columns of {table} do not fit their schema")]
    Columns {
        /// The table.
        table: &'static str,
        /// The library's answer.
        #[source]
        source: ArrowError,
    },
    /// The metrics of the archive could not be made.
    #[error("failed to make the archive's metrics")]
    Metrics(#[source] prometheus::Error),
    /// Another process writes this archive.
    #[error("archive {path} is in use by another process")]
    Locked {
        /// The archive's folder.
        path: PathBuf,
    },
    /// A long job was asked to stop before its end.
    #[error("stopped before it was done")]
    Stopped,
    /// A thread of the archive ended in a panic, which was told where it happened.
    #[error("a thread of the archive panicked")]
    Panicked,
    /// A file of ours does not hold what it must.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A bucket was asked for.
    #[error(
        "this leadsman was built without object stores: build it with the feature object-store"
    )]
    NoObjectStores,
}

impl ArchiveError {
    /// Whether a file is not there any more: it was compacted, or has expired, since it was listed.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// For `map_err` on file-system calls.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// For `map_err` on Parquet calls.
    pub(super) fn parquet(action: &'static str, path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet {
            action,
            path,
            source,
        }
    }

    /// For `map_err` on building columns.
    pub(super) fn columns(table: Table) -> impl FnOnce(ArrowError) -> Self {
        move |source| Self::Columns {
            table: table.name(),
            source,
        }
    }

    /// For what is found in a file and must not be there.
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}
