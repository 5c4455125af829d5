//! `leadsman config`: prints the default configuration.

use super::output::print;
use crate::config::DEFAULT_FILE;

/// Print the default configuration
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

/// What is shown.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum ConfigCommand {
    /// Print the configuration that holds without a file, with a comment on every key
    Default,
}

impl ConfigArgs {
    /// Prints to standard output.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            ConfigCommand::Default => print(DEFAULT_FILE.as_bytes()),
        }
    }
}
