//! Where a command's result goes.

use std::convert::Infallible;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};

/// A file, or standard output for `-`.
#[derive(Clone, Debug)]
pub(super) enum OutputPath {
    Stdout,
    File(PathBuf),
}

impl FromStr for OutputPath {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" {
            Self::Stdout
        } else {
            Self::File(text.into())
        })
    }
}

impl OutputPath {
    /// The file, unless it is standard output.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) => Some(path),
        }
    }

    /// To be called before the work is done, so that it is not done in vain.
    pub(super) fn refuse_binary_to_terminal(&self) -> anyhow::Result<()> {
        if matches!(self, Self::Stdout) && io::stdout().is_terminal() {
            bail!(
                "refusing to write binary data to a terminal: name a file with -o, or use a pipe"
            );
        }
        Ok(())
    }

    pub(super) fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Stdout => print(bytes),
            Self::File(path) => fs::write(path, bytes)
                .with_context(|| format!("failed to write {}", path.display())),
        }
    }
}

/// Writes to standard output. A reader that has gone away (`| head`) is not an error.
pub(super) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("failed to write to standard output"),
    }
}
