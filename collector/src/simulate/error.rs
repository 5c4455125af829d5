//! Why a simulation fails.

use std::io;
use std::path::PathBuf;

use proto::exposition::PageError;
use storage::archive::ArchiveError;

/// Why nothing could be simulated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A recorded file cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The folder holds no page.
    #[error("{path} is no capture: it has no text page of metrics")]
    NoPage {
        /// The page that should be there.
        path: PathBuf,
    },
    /// A recorded page is none.
    #[error("the page of {job} cannot be read")]
    Page {
        /// Whose page.
        job: String,
        /// What is wrong with it.
        #[source]
        source: PageError,
    },
    /// A recorded profile is none.
    #[error("profile {kind} of {job} cannot be read")]
    Profile {
        /// Whose profile.
        job: String,
        /// Its kind.
        kind: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The archive could not be written.
    #[error("failed to write the archive")]
    Archive(#[from] ArchiveError),
}
