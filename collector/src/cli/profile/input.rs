//! Which profiles a command works on: files, or a selection of the archive. Several are merged.

use std::path::PathBuf;

use clap::Args;
use proto::profile::Profile;

use super::files;
use super::select::Selection;

#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Profiles to merge: pprof (gzip, zstd or plain), folded stacks, or a goroutine dump; - for
    /// standard input [default: what is selected of the archive]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

impl InputArgs {
    /// Reads and merges them.
    pub(super) fn load(&self) -> anyhow::Result<Profile> {
        if self.files.is_empty() {
            Ok(self.selection.load()?.profile)
        } else {
            let merged = files::read_merged(&self.files)?;
            Ok(self.selection.chosen_samples(merged))
        }
    }
}
