//! Configuration: one YAML file, validated as a whole, into the options of each part.

mod job;
mod profiles;
mod profiling;
mod telemetry;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exporter::otlp::ReceiverOptions;
use exporter::web::WebOptions;
use proto::Labels;
use storage::archive::ArchiveOptions;
use storage::log::LogOptions;

pub use job::{Discovery, FileSource, Job, Scheme, ScrapeRules, StaticGroup};
pub use profiles::{DeltaMode, ProfileFormat, ProfileSpec};
pub use profiling::{ProfilingBudget, QuietHours};
pub use telemetry::{LogFormat, TelemetryConfig};

/// The whole configuration, validated.
#[derive(Clone, Debug)]
pub struct Config {
    /// What holds for every job.
    pub global: Global,
    /// The log and the tables.
    pub archive: ArchiveConfig,
    /// Our own endpoints.
    pub web: WebOptions,
    /// OTLP receivers.
    pub otlp: Vec<ReceiverOptions>,
    /// What is sounded.
    pub jobs: Vec<Arc<Job>>,
    /// How much profiling may cost the targets.
    pub profiling: ProfilingBudget,
    /// Our own logs and traces.
    pub telemetry: TelemetryConfig,
    /// What is allowed but probably not meant: to be shown once, at start and by `check`.
    pub warnings: Vec<String>,
}

/// What holds for every job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Time between two scrapes of one target, where a job does not say otherwise.
    pub scrape_interval: Duration,
    /// Longest time for one scrape, where a job does not say otherwise.
    pub scrape_timeout: Duration,
    /// Labels that every target gets.
    pub external_labels: Labels,
}

/// Where the data is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// The data folder: `log/` and `archive/` are below it.
    pub path: PathBuf,
    /// The log, under `log/`.
    pub log: LogOptions,
    /// The tables, under `archive/`.
    pub archive: ArchiveOptions,
}
