//! Which profiles a command works on: files, or a selection of the archive. Several are merged.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use proto::profile::Profile;
use proto::profile_ops::Merger;

use super::files;
use super::progress::Progress;
use super::select::Selection;

#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Profiles to merge: pprof (gzip, zstd or plain), folded stacks, or a goroutine dump; - for
    /// standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "path",
        conflicts_with = "path"
    )]
    files: Vec<PathBuf>,
    #[command(flatten)]
    archive: Option<Selection>,
}

impl InputArgs {
    /// Reads and merges them.
    pub(super) fn load(&self) -> anyhow::Result<Profile> {
        match &self.archive {
            Some(selection) => selection.load(),
            None => self.load_files(),
        }
    }

    fn load_files(&self) -> anyhow::Result<Profile> {
        let (mut merger, mut progress) = (Merger::new(), Progress::default());
        for path in &self.files {
            let name = files::display(path);
            let profile = files::read(path)?;
            merger
                .add(&profile)
                .with_context(|| format!("failed to merge {name} with the others"))?;
            progress.advance("files read");
        }
        Ok(merger.finish()?)
    }
}
