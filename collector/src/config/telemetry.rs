//! `telemetry`: our own logs and traces.

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
    /// For people.
    Text,
    /// One object a line.
    Json,
}
