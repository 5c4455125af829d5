//! `leadsman archive`: what is in an archive, whether it is whole, and work on it by hand.

mod simulate;

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
    Simulate(simulate::SimulateArgs),
}

impl ArchiveArgs {
    /// Does what was asked for.
    ///
    /// # Errors
    /// When a folder cannot be read or written, or another process is at work on it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Simulate(args) => args.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
