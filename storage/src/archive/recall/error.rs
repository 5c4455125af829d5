//! Why there is no answer.

use thiserror::Error;

use crate::archive::ArchiveError;
use crate::log::LogError;
use proto::profile_ops::MergeError;

/// Why recall has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecallError {
    /// The archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The log beside the archive could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The selected profiles do not fit together.
    #[error("the selected profiles cannot be merged: choose one sample type or fewer targets")]
    Merge(#[from] MergeError),
    /// The selected profiles are of several kinds.
    #[error("the selection has {first} and {second} profiles: choose one kind")]
    Kinds {
        /// One of them.
        first: String,
        /// Another one.
        second: String,
    },
    /// The selector matches more series than are wanted.
    #[error("more than {limit} series match: add a matcher, or raise the limit")]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// The answer would be larger than is wanted.
    #[error(
        "more than {limit} points: choose a shorter range, a coarser resolution or fewer series, or \
         raise the limit"
    )]
    TooManyPoints {
        /// The limit.
        limit: usize,
    },
    /// More findings match than are wanted.
    #[error("more than {limit} findings match: choose a shorter range or fewer targets")]
    TooManyFindings {
        /// The limit.
        limit: usize,
    },
    /// The answer would take more memory than it may.
    #[error(
        "the answer takes more than {} MiB of memory: choose a shorter range, fewer targets or one \
         type of profiles",
        .limit >> 20
    )]
    TooMuchMemory {
        /// The limit. Bytes.
        limit: usize,
    },
    /// The question was taken back.
    #[error("the question was taken back before it was answered")]
    Stopped,
    /// Files were replaced faster than they could be read.
    #[error("the archive changed {attempts} times while it was read: try again")]
    Changing {
        /// How often it was tried.
        attempts: u32,
    },
}

impl RecallError {
    /// The error of a file that can be left out of an answer.
    ///
    /// # Errors
    /// If there can be no answer: a file is gone and all has to be listed anew, or the allowance is
    /// used up.
    pub(super) fn into_left_out(self) -> Result<ArchiveError, Self> {
        match self {
            Self::Archive(error) if !error.is_gone() => Ok(error),
            other => Err(other),
        }
    }

    /// Whether a file went away under way: what is there now has to be listed anew.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Archive(error) if error.is_gone())
    }
}
