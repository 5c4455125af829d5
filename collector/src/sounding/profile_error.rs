//! Why a profile was not taken: left out for a reason, or failed.

use std::borrow::Cow;

use storage::log::LogError;

use super::gate::NoLeave;
use super::profile_body::BodyError;
use crate::fetch::FetchError;

/// Why a profile was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error(transparent)]
    NoLeave(#[from] NoLeave),
    #[error("the target does not offer it")]
    Unsupported(#[source] FetchError),
    #[error(transparent)]
    Fetch(FetchError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("profile not logged")]
    Log(#[from] LogError),
}

impl ProfileError {
    pub(super) fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::NoLeave(why) => why.reason().into(),
            Self::Unsupported(_) => "unsupported".into(),
            Self::Fetch(error) => error.reason(),
            Self::Body(error) => error.reason().into(),
            Self::Log(_) => "log".into(),
        }
    }

    pub(super) fn is_skip(&self) -> bool {
        matches!(self, Self::NoLeave(_) | Self::Unsupported(_))
    }
}

/// Statuses of servers that have no such profile. To be refused (401, 403) is a failure: someone
/// has to do something about it, and the next try may succeed.
impl From<FetchError> for ProfileError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Status {
                status: 400 | 404 | 405 | 501,
                ..
            } => Self::Unsupported(error),
            other => Self::Fetch(other),
        }
    }
}
