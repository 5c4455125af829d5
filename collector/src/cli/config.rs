//! `leadsman config`: prints the default configuration.

use std::io::{self, ErrorKind, Write};

use crate::config::DEFAULT_FILE;

/// Shows configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

/// What is shown.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum ConfigCommand {
    /// Prints the configuration that holds without a file, with a comment on every key.
    Default,
}

impl ConfigArgs {
    /// Prints to standard output.
    ///
    /// # Errors
    /// Standard output cannot be written to; a reader that has had enough is no error.
    pub fn run(self) -> io::Result<()> {
        match self.command {
            ConfigCommand::Default => match io::stdout().write_all(DEFAULT_FILE.as_bytes()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                result => result,
            },
        }
    }
}
