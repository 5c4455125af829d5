//! What a profile endpoint is asked, and how its answer becomes a profile: pure.

use std::borrow::Cow;
use std::time::Duration;

use proto::UnixNanos;
use proto::compress::{CompressError, decompress};
use proto::goroutine::{self, GoroutineError};
use proto::pprof::{self, PprofError};
use proto::profile::Profile;

use crate::config::{ProfileFormat, ProfileSpec};

/// Why a body is no profile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("failed to decompress the profile")]
    Compress(#[from] CompressError),
    #[error("not a profile that can be read")]
    Pprof(#[from] PprofError),
    #[error("not a goroutine dump that can be read")]
    Goroutine(#[from] GoroutineError),
}

impl BodyError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Compress(CompressError::LimitExceeded { .. }) => "body_too_large",
            Self::Compress(_) => "decode",
            Self::Pprof(_) => "pprof",
            Self::Goroutine(_) => "goroutine",
        }
    }
}

/// Reads a body of at most `limit` bytes after decompression. The profile has a time, and a
/// duration if it `covers` one.
pub(crate) fn read(
    format: ProfileFormat,
    body: &[u8],
    limit: usize,
    started: UnixNanos,
    covers: Duration,
) -> Result<Profile, BodyError> {
    let plain: Cow<'_, [u8]> = decompress(body, limit)?;
    let mut profile = match format {
        ProfileFormat::Pprof => pprof::decode(&plain)?,
        ProfileFormat::GoroutineText { debug: 2 } => {
            goroutine::parse_debug2(&plain)?.to_profile(started)
        }
        ProfileFormat::GoroutineText { .. } => goroutine::parse_debug1(&plain)?.to_profile(started),
    };
    if profile.time_nanos <= 0 {
        profile.time_nanos = started.0;
    }
    if profile.duration_nanos <= 0 {
        profile.duration_nanos = i64::try_from(covers.as_nanos()).unwrap_or(i64::MAX);
    }
    Ok(profile)
}

impl ProfileSpec {
    /// The parameters of a request for `path`: `seconds` and `debug`, unless the path has them.
    pub(crate) fn params(&self, path: &str) -> Vec<(String, String)> {
        let debug = match self.format {
            ProfileFormat::GoroutineText { debug } => Some(u32::from(debug)),
            ProfileFormat::Pprof => None,
        };
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let has = |name: &str| {
            query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(name))
        };
        [("seconds", self.seconds), ("debug", debug)]
            .into_iter()
            .filter(|(name, _)| !has(name))
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_string())))
            .collect()
    }
}

/// Why an empty profile of this kind is empty.
pub(crate) fn why_empty(kind: &str) -> &'static str {
    match kind {
        "block" => "empty: the program sets no block profile rate (containerd never does)",
        "mutex" => "empty: no lock was waited for, or the program sets no mutex profile fraction",
        "process_cpu" => "empty: the program used no CPU meanwhile",
        _ => "empty",
    }
}
