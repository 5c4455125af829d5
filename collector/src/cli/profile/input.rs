//! Which profiles a command works on: files. Several are merged.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use proto::profile::Profile;
use proto::profile_ops::Merger;

use super::files;

#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Profiles to merge: pprof (gzip, zstd or plain), folded stacks, or a goroutine dump; - for
    /// standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl InputArgs {
    /// Reads and merges them.
    pub(super) fn load(&self) -> anyhow::Result<Profile> {
        let mut merger = Merger::new();
        for path in &self.files {
            let name = files::display(path);
            let profile = files::read(path)?;
            merger
                .add(&profile)
                .with_context(|| format!("failed to merge {name} with the others"))?;
        }
        Ok(merger.finish()?)
    }
}
