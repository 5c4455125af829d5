//! `leadsman completions` and `leadsman man`: what packagers install beside the binary.

use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::output::print;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints them to standard output.
    pub fn run(&self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "leadsman", &mut script);
        print(&script)
    }
}

/// Prints the man page of leadsman and, below it, those of its subcommands and of theirs.
pub fn man() -> Result<()> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    render(&command, &mut page)?;
    print(&page)
}

fn render(command: &Command, page: &mut Vec<u8>) -> Result<()> {
    clap_mangen::Man::new(command.clone()).render(page)?;
    command
        .get_subcommands()
        .filter(|subcommand| subcommand.get_name() != "help")
        .try_for_each(|subcommand| render(subcommand, page))
}
