//! Which archive a command reads: a folder, or a bucket through a cache.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use storage::archive::Recall;
use storage::archive::remote::{Bucket, BucketOptions, BucketUrl, StoreKeys, advice};

use crate::config::units;

/// Where leadsman keeps its data unless it is told otherwise.
const DEFAULT: &str = "leadsman-data";

/// Where files of a bucket are kept for the next question.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CacheArgs {
    /// Keep files of a bucket in this folder [default: leadsman in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep so much of a bucket there
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "4GiB")]
    cache_size: u64,
}

impl CacheArgs {
    /// The folder as given, or the user's own.
    fn folder(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.cache {
            return Ok(folder.clone());
        }
        let user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let user = user.filter(|path| path.is_absolute()).or_else(home);
        let user = user.context("there is no cache folder: name one with --cache DIR")?;
        Ok(user.join("leadsman"))
    }
}

fn size(text: &str) -> Result<u64, &'static str> {
    units::parse_size(text).ok_or("expected a size such as 500MiB or 4GiB")
}

/// An archive that is there.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// The archive's folder, or leadsman's data folder.
    Folder(PathBuf),
    /// A bucket.
    Bucket(BucketUrl),
}

impl Place {
    /// As given, or leadsman's data folder here.
    pub(super) fn find(given: Option<&Path>) -> anyhow::Result<Self> {
        let text = given.and_then(Path::to_str);
        if let Some(text) = text.filter(|text| BucketUrl::is_meant(text)) {
            return Ok(Self::Bucket(bucket_url(text)?));
        }
        match given {
            Some(path) if path.is_dir() => Ok(Self::Folder(path.to_owned())),
            Some(path) => bail!("there is no folder {}", path.display()),
            None if Path::new(DEFAULT).is_dir() => Ok(Self::Folder(DEFAULT.into())),
            None => {
                bail!("there is no ./{DEFAULT} here: name the archive's folder with --archive DIR")
            }
        }
    }

    /// An error from reading it, with what can be done if it is a bucket.
    pub(super) fn failed(
        &self,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> anyhow::Error {
        let advice = match self {
            Self::Bucket(_) => advice(&error),
            Self::Folder(_) => None,
        };
        let remedy = advice.map_or(String::new(), |advice| format!(": {advice}"));
        anyhow::Error::new(error).context(format!("failed to read {self}{remedy}"))
    }

    /// Makes it ready for questions. The credentials of a bucket come from the environment.
    pub(super) fn recall(&self, cache: &CacheArgs) -> anyhow::Result<Recall> {
        match self {
            Self::Folder(folder) => Ok(Recall::open(folder)),
            Self::Bucket(url) => Ok(open(url)?.recall(&cache.folder()?, cache.cache_size)?),
        }
    }
}

/// Reads what is meant as a bucket. It is not repeated: it may hold a secret.
pub(super) fn bucket_url(text: &str) -> anyhow::Result<BucketUrl> {
    let url = BucketUrl::parse(text);
    url.with_context(|| format!("not a bucket; allowed: {}", BucketUrl::FORMS))
}

/// A bucket, with credentials and the rest from the environment.
pub(super) fn open(url: &BucketUrl) -> anyhow::Result<Bucket> {
    let options = BucketOptions::new(url.clone());
    let bucket = Bucket::open(&options, &StoreKeys::default());
    bucket.map_err(|error| Place::Bucket(url.clone()).failed(error))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_url_is_a_bucket_or_refused() {
        let find = |text: &str| Place::find(Some(Path::new(text)));
        assert_eq!(find("s3://b/p").unwrap().to_string(), "s3://b/p");
        let error = find("http://key:secret@b/p").unwrap_err().to_string();
        assert!(error.starts_with("not a bucket; allowed: s3://"), "{error}");
        assert!(!error.contains("secret"));
        assert!(matches!(find("/"), Ok(Place::Folder(_))));
        assert_eq!(
            find("/nothing").unwrap_err().to_string(),
            "there is no folder /nothing"
        );
    }
}
