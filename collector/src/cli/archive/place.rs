//! Which archive: the folder that every subcommand is given.

use std::path::{Path, PathBuf};

use anyhow::bail;
use storage::archive::remote::BucketUrl;

use crate::cli::data;

/// An archive's folder.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// Folder of the archive, or leadsman's data folder
    #[arg(value_name = "DIR", default_value = "leadsman-data")]
    dir: PathBuf,
}

impl Place {
    /// The folder of the tables: DIR itself, or `archive` in it if DIR is leadsman's data folder.
    pub(super) fn tables(&self) -> anyhow::Result<PathBuf> {
        if self.url().is_some() {
            bail!(
                "{} is no folder: copy it to one first, such as with aws s3 sync",
                self.dir.display()
            );
        }
        let inner = self.dir.join("archive");
        let found = if inner.is_dir() { &inner } else { &self.dir };
        if !found.is_dir() {
            bail!("there is no folder {}", self.dir.display());
        }
        Ok(found.clone())
    }

    /// The bucket, if DIR is one.
    pub(super) fn bucket(&self) -> anyhow::Result<Option<BucketUrl>> {
        self.url().map(data::bucket_url).transpose()
    }

    fn url(&self) -> Option<&str> {
        self.dir.to_str().filter(|text| BucketUrl::is_meant(text))
    }
}

/// A path as it is shown below a folder.
pub(super) fn below<'a>(path: &'a Path, root: &Path) -> std::path::Display<'a> {
    path.strip_prefix(root).unwrap_or(path).display()
}
