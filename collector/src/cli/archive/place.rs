//! Which archive: the folder that every subcommand is given.

use std::path::{Path, PathBuf};

use anyhow::bail;

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
        let inner = self.dir.join("archive");
        let found = if inner.is_dir() { &inner } else { &self.dir };
        if !found.is_dir() {
            bail!("there is no folder {}", self.dir.display());
        }
        Ok(found.clone())
    }
}

/// A path as it is shown below a folder.
pub(super) fn below<'a>(path: &'a Path, root: &Path) -> std::path::Display<'a> {
    path.strip_prefix(root).unwrap_or(path).display()
}
