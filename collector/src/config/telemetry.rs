//! `telemetry`: our own logs and traces.

use super::scalar::{boolean, non_empty, one_of, share};
use super::table::Table;

/// Our own logs and traces.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryConfig {
    /// A filter as of `tracing_subscriber`: a level, or `module=level` pairs.
    pub log_level: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Share of our own soundings that are traced, 0…1.
    pub trace_sample_ratio: f64,
    /// Whether leadsman is a target of itself.
    pub scrape_self: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text at a terminal, or else JSON.
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
}

const LOG_FORMATS: [(&str, LogFormat); 3] = [
    ("auto", LogFormat::Auto),
    ("text", LogFormat::Text),
    ("json", LogFormat::Json),
];

impl TelemetryConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let config = Self {
            log_level: table
                .get("log_level", non_empty)
                .unwrap_or_else(|| "info".to_owned()),
            log_format: table
                .get("log_format", one_of(&LOG_FORMATS))
                .unwrap_or(LogFormat::Auto),
            trace_sample_ratio: table.get("trace_sample_ratio", share).unwrap_or(0.1),
            scrape_self: table.get("scrape_self", boolean).unwrap_or(true),
        };
        if config
            .log_level
            .parse::<tracing_subscriber::EnvFilter>()
            .is_err()
        {
            let problem = format!("wrong value {:?}", config.log_level);
            let allowed = "error, warn, info, debug, trace; or module=level pairs with commas";
            table.fail("log_level", problem, allowed);
        }
        config
    }
}
