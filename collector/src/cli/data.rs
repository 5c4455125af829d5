//! Which archive a command reads.

use std::path::{Path, PathBuf};

use anyhow::bail;
use storage::archive::Recall;

/// Where leadsman keeps its data unless it is told otherwise.
const DEFAULT: &str = "leadsman-data";

/// The archive in `given`, or in the data folder here.
pub(super) fn recall(given: Option<&Path>) -> anyhow::Result<Recall> {
    Ok(Recall::open(&folder(given)?))
}

/// The folder of the archive: as given, or leadsman's data folder here.
pub(super) fn folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) if path.is_dir() => Ok(path.to_owned()),
        Some(path) => bail!("there is no folder {}", path.display()),
        None if Path::new(DEFAULT).is_dir() => Ok(DEFAULT.into()),
        None => bail!("there is no ./{DEFAULT} here: name the archive's folder with --archive DIR"),
    }
}
