//! `leadsman check`: validates configuration files.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config;

/// Exit code for a configuration that is not valid.
pub const INVALID_CONFIG: u8 = 2;

/// Check configuration files: where a mistake is, and what is allowed there
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl CheckArgs {
    /// Prints a line for each valid file; mistakes and warnings go to standard error. The exit
    /// code is 2 if a file is not valid.
    pub fn run(self) -> ExitCode {
        let mut code = ExitCode::SUCCESS;
        for path in &self.files {
            match config::load(Some(path)) {
                Ok(config) => {
                    config
                        .warnings
                        .iter()
                        .for_each(|warning| eprintln!("warning: {warning}"));
                    let (n_jobs, n_receivers) = (config.jobs.len(), config.otlp.len());
                    let path = path.display();
                    println!("{path}: valid; jobs: {n_jobs}, OTLP receivers: {n_receivers}");
                }
                Err(errors) => {
                    eprintln!("{errors}");
                    code = ExitCode::from(INVALID_CONFIG);
                }
            }
        }
        code
    }
}
