//! `leadsman` without a subcommand: the main job.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::config::LogFormat;
use crate::service::{self, ConfigSource, Overrides};

/// Options of the main job; each wins over the configuration file.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Configuration file; without one leadsman looks for targets on this machine, see
    /// `leadsman config default`
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on this address instead of `web.listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Keep log and archive in this folder instead of `archive.path`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// error, warn, info, debug, trace, or module=level pairs, instead of `telemetry.log_level`
    #[arg(long, value_name = "LEVEL", value_parser = log_level)]
    log_level: Option<String>,
    /// How log lines look, instead of `telemetry.log_format`
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormatArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArg {
    Text,
    Json,
}

impl RunArgs {
    pub(super) fn run(self) -> Result<ExitCode> {
        let overrides = Overrides {
            listen: self.listen,
            data: self.data,
            log_level: self.log_level,
            log_format: self.log_format.map(|format| match format {
                LogFormatArg::Text => LogFormat::Text,
                LogFormatArg::Json => LogFormat::Json,
            }),
        };
        let source = ConfigSource::new(self.config, overrides);
        let config = source.load()?;
        // One thread for soundings and answers: between threads each of a scrape's dozen wake-ups
        // would cost more than its decoding. What takes milliseconds moves aside (`heavy`).
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("leadsman")
            .enable_all()
            .build()
            .context("failed to start the runtime")?;
        runtime.block_on(service::run(source, config))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn log_level(text: &str) -> Result<String, &'static str> {
    let is_filter = text.parse::<tracing_subscriber::EnvFilter>().is_ok();
    is_filter
        .then(|| text.to_owned())
        .ok_or("expected a level, or module=level pairs with commas")
}
