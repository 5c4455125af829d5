//! `leadsman archive`: what is in an archive, whether it is whole, and work on it by hand.

mod compact;
mod ls;
mod place;
mod prune;
mod simulate;
mod stats;
mod table;
#[cfg(test)]
mod tests;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Look into an archive, check it, and work on it.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(ls::LsArgs),
    Verify(verify::VerifyArgs),
    Stats(stats::StatsArgs),
    Compact(compact::CompactArgs),
    Prune(prune::PruneArgs),
    Simulate(simulate::SimulateArgs),
}

impl ArchiveArgs {
    /// Does what was asked for.
    ///
    /// # Errors
    /// When a folder cannot be read or written, or another process is at work on it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Ls(args) => args.run()?,
            Command::Verify(args) => return args.run(),
            Command::Stats(args) => args.run()?,
            Command::Compact(args) => args.run()?,
            Command::Prune(args) => args.run()?,
            Command::Simulate(args) => args.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
