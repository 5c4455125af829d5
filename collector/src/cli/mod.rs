//! The command line: one module per subcommand. It parses, calls, and turns errors into messages
//! and exit codes; what the commands do is elsewhere.

pub mod archive;
pub mod capture;
pub mod check;
pub mod config;
pub mod dashboards;
mod data;
pub mod findings;
pub mod judge;
mod output;
mod own;
pub mod profile;
pub mod report;
mod run;
pub mod series;
pub mod shell;
pub mod signals;
pub mod targets;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigErrors;

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed (for `targets`: a target is down; \
                          for `archive verify`: something is damaged); \
                          2 wrong command line or configuration.";

/// Take soundings (pprof profiles and Prometheus metrics) of etcd, containerd and any Go service,
/// archive them as Parquet, and send them on as OTLP. Without a subcommand it runs.
#[derive(Debug, Parser)]
#[command(name = "leadsman", version, max_term_width = 100, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true, infer_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Config(config::ConfigArgs),
    Targets(targets::TargetsArgs),
    Capture(capture::CaptureArgs),
    Profile(profile::ProfileArgs),
    Archive(archive::ArchiveArgs),
    Series(series::SeriesArgs),
    Findings(findings::FindingsArgs),
    Report(report::ReportArgs),
    Signals(signals::SignalsArgs),
    Dashboards(dashboards::DashboardsArgs),
    Judge(judge::JudgeArgs),
    Completions(shell::CompletionsArgs),
    /// Print the man page, for `man -l -`
    Man,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli { command: None, run } => run.run(),
        Cli {
            command: Some(command),
            ..
        } => command.run(),
    };
    result.unwrap_or_else(|error| {
        if let Some(errors) = error.downcast_ref::<ConfigErrors>() {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
        eprintln!("leadsman: {error:#}");
        ExitCode::FAILURE
    })
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(args) => return Ok(args.run()),
            Self::Targets(args) => return args.run(),
            Self::Config(args) => args.run()?,
            Self::Capture(args) => args.run()?,
            Self::Profile(args) => args.run()?,
            Self::Archive(args) => return args.run(),
            Self::Series(args) => args.run()?,
            Self::Findings(args) => args.run()?,
            Self::Report(args) => args.run()?,
            Self::Signals(args) => args.run()?,
            Self::Dashboards(args) => args.run()?,
            Self::Judge(args) => args.run()?,
            Self::Completions(args) => args.run()?,
            Self::Man => shell::man()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
