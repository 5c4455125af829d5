//! The command line: one module per subcommand.

pub mod capture;
pub mod check;
pub mod config;
pub mod profile;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
