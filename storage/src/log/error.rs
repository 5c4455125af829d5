//! What can go wrong with the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// Why the log could not do what it was asked to.
#[derive(Clone, Debug, Error)]
pub enum LogError {
    /// Another process keeps its log in this folder.
    #[error("log folder {path} is in use by another leadsman (process {holder})")]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Its process id as it wrote it down, or `unknown`.
        holder: String,
    },
    /// A segment was written by a newer leadsman.
    #[error("log segment {path} has format version {version}, this leadsman reads up to {newest}")]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest version that can be read.
        newest: u32,
    },
    /// A file or folder of the log could not be used.
    #[error("failed to {action} {path}")]
    Io {
        /// What was tried: `open`, `write to`, …
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The log cannot write now and its queue is full, so the record was refused. It recovers by
    /// itself when the cause is gone.
    #[error("log cannot write and its queue is full")]
    Unavailable {
        /// Why it cannot write.
        #[source]
        source: Arc<LogError>,
    },
    /// The record is longer than the log's frames may be.
    #[error("record of {bytes} bytes is longer than the log's limit of {limit}")]
    TooLarge {
        /// Its encoded length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The columns of a metric batch do not fit its layout.
    #[error("metric batch has {n_values} values for {n_series} series")]
    Mismatch {
        /// Number of values (or timestamps).
        n_values: usize,
        /// Number of series in its layout.
        n_series: usize,
    },
    /// A reader of this name is open.
    #[error("log reader {0:?} is already open")]
    ReaderInUse(String),
    /// The name cannot name a cursor.
    #[error("log reader name {0:?} is empty or longer than 100 characters")]
    ReaderName(String),
    /// The log has been closed.
    #[error("log is closed")]
    Closed,
}

impl LogError {
    /// Wraps what the system said about `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source: Arc::new(source),
        }
    }

    /// The error and its causes in one line.
    pub(super) fn describe(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
