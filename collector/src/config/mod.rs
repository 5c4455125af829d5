//! Configuration: one YAML file, validated as a whole, into the options of each part.
//!
//! A file becomes a tree with line numbers (`yaml`), readers ask it for the keys they know
//! (`table`, `scalar`), and what they find wrong is collected, not only the first. This module
//! knows what may be written; what it does is known to the part whose options it fills.

mod access;
mod alerting;
mod archive;
mod causes;
mod error;
mod global;
pub(crate) mod groups;
mod http;
mod job;
mod judging;
mod object_store;
mod otlp;
mod own;
mod profiles;
mod profiling;
mod relabeling;
mod scalar;
mod scrape;
mod signals;
mod silences;
mod span_metrics;
mod table;
mod telemetry;
#[cfg(test)]
mod tests;
mod traces;
mod web;
pub(crate) mod yaml;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use baseline::catalogue::Signal;
use exporter::otlp::{IntakeOptions, ReceiverOptions};
use exporter::web::WebOptions;

use table::{Source, Table};

pub use alerting::AlertingConfig;
pub use archive::ArchiveConfig;
pub use causes::built_in as built_in_causes;
pub use error::{ConfigError, ConfigErrors};
pub use global::Global;
pub use job::{Discovery, FileSource, Job, Scheme, ScrapeRules, StaticGroup};
pub use judging::JudgingConfig;
pub use object_store::ObjectStoreConfig;
pub use profiles::{DeltaMode, ProfileFormat, ProfileSpec};
pub use profiling::{ProfilingBudget, QuietHours};
pub(crate) use proto::units;
pub use signals::built_in as built_in_signals;
pub use span_metrics::SpanMetricsConfig;
pub use telemetry::{LogFormat, TelemetryConfig};
pub(crate) use web::DEFAULT_LISTEN;

/// The configuration that holds without a file, with a comment on every key.
pub const DEFAULT_FILE: &str = include_str!("default.yml");

/// Longest configuration file that is read. Bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

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
    /// Where traces of others are taken.
    pub traces: IntakeOptions,
    /// Who is told of findings.
    pub alerting: AlertingConfig,
    /// What is sounded.
    pub jobs: Vec<Arc<Job>>,
    /// How much profiling may cost the targets.
    pub profiling: ProfilingBudget,
    /// What is watched of the targets: the catalogue, with what the file says over it.
    pub signals: Vec<Signal>,
    /// How signals are computed and judged.
    pub judging: JudgingConfig,
    /// What is counted of received spans.
    pub span_metrics: SpanMetricsConfig,
    /// Our own logs and traces.
    pub telemetry: TelemetryConfig,
    /// What is allowed but probably not meant: to be shown once, at start and by `check`.
    pub warnings: Vec<String>,
}

/// Reads and validates the configuration in `path`, or the embedded default without one.
///
/// # Errors
/// Everything that is wrong with the file, each with its line.
pub fn load(path: Option<&Path>) -> Result<Config, ConfigErrors> {
    match path {
        Some(path) => parse(path, &read_file(path)?),
        None => parse(Path::new("default.yml"), DEFAULT_FILE),
    }
}

/// Validates `text` as if it were the content of `file`: paths in it are relative to its folder.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &Path, text: &str) -> Result<Config, ConfigErrors> {
    let signals = built_in_signals()?;
    let document = yaml::parse(text).map_err(|error| not_yaml(file, error))?;
    let source = Source::new(file);
    let config = source.table(&document, "the file", |table| read(table, signals));
    match (source.finish(), config) {
        (Ok(warnings), Some(config)) => Ok(Config { warnings, ..config }),
        (Err(errors), _) => Err(errors.into()),
        (Ok(_), None) => Err(Vec::new().into()),
    }
}

fn not_yaml(file: &Path, error: yaml::YamlError) -> ConfigError {
    ConfigError {
        file: file.to_owned(),
        line: Some(error.line),
        key: None,
        problem: error.message,
        allowed: None,
    }
}

fn read_file(path: &Path) -> Result<String, ConfigErrors> {
    let failed = |problem: String| ConfigError {
        file: path.to_owned(),
        line: None,
        key: None,
        problem,
        allowed: None,
    };
    let cannot = |error: std::io::Error| failed(format!("failed to read: {error}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(failed(format!(
            "longer than {}",
            units::format_size(MAX_FILE_BYTES)
        ))
        .into());
    }
    Ok(text)
}

/// `signals` are those of the catalogue.
fn read(table: &mut Table<'_>, mut signals: Vec<Signal>) -> Config {
    let global = table.section("global", Global::read);
    let archive = table.section("archive", ArchiveConfig::read);
    let web = table.section("web", web::read);
    let otlp = otlp::read_all(table);
    let traces = table.section("traces", traces::read);
    traces::check(table, &traces, &otlp);
    let alerting = table.section("alerting", AlertingConfig::read);
    let mut jobs = scrape::read_all(table, &global);
    let profiling = table.section("profiling", ProfilingBudget::read);
    signals::read_over(table, &mut signals);
    let judging = table.section("judging", JudgingConfig::read);
    let span_metrics = table.section("span_metrics", SpanMetricsConfig::read);
    let telemetry = table.section("telemetry", TelemetryConfig::read);
    foreign_keys(table);
    let own = own::job(table, &global, &web, &telemetry, &jobs);
    jobs.extend(own);
    Config {
        global,
        archive,
        web,
        otlp,
        traces,
        alerting,
        jobs: jobs.into_iter().map(Arc::new).collect(),
        profiling,
        signals,
        judging,
        span_metrics,
        telemetry,
        warnings: Vec::new(),
    }
}

/// Keys of a whole `prometheus.yml` or `parca.yaml`.
fn foreign_keys(table: &mut Table<'_>) {
    table.ignore(&[
        ("rule_files", "rules are not evaluated here"),
        ("runtime", "this is not a Go program"),
    ]);
    table.refuse(&[
        ("remote_write", "data leaves by otlp"),
        ("remote_read", "data is read from the archive"),
        ("scrape_config_files", "one file holds everything"),
        ("storage", "see archive"),
        ("tracing", "see otlp, traces and telemetry"),
        ("object_storage", "see archive"),
    ]);
}
