//! `leadsman profile`: merges, ranks, draws and converts profiles from files or the archive.

mod convert;
mod diff;
mod files;
mod flame;
mod input;
pub(super) mod progress;
mod select;
mod top;
mod units;

use clap::{Args, Subcommand};

use super::output::OutputPath;
use input::InputArgs;

/// Merge, rank, draw and convert profiles, from files or from the archive.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Merge profiles into one pprof file
    Merge(MergeArgs),
    /// Show the functions that spend the most
    Top(top::TopArgs),
    /// Compare two profiles or two ranges: which functions grew and which shrank
    Diff(diff::DiffArgs),
    /// Draw a flame graph
    Flame(flame::FlameArgs),
    /// Convert to pprof, folded stacks, a flame graph or speedscope
    Convert(convert::ConvertArgs),
}

#[derive(Debug, Args)]
struct MergeArgs {
    /// File to write, gzip'd pprof; - for standard output
    #[arg(short, long, value_name = "OUT")]
    output: OutputPath,
    #[command(flatten)]
    input: InputArgs,
}

impl ProfileArgs {
    /// Does what was asked for.
    ///
    /// # Errors
    /// If a file cannot be read or written, is no profile, or the profiles do not fit together;
    /// the message names the file.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Merge(args) => args.run(),
            Command::Top(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Flame(args) => args.run(),
            Command::Convert(args) => args.run(),
        }
    }
}

impl MergeArgs {
    fn run(self) -> anyhow::Result<()> {
        self.output.refuse_binary_to_terminal()?;
        let profile = self.input.load()?;
        let bytes = proto::compress::gzip(&proto::pprof::encode(&profile));
        self.output.write(&bytes)
    }
}

#[cfg(test)]
mod against_go;
#[cfg(test)]
mod tests;
