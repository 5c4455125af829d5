//! `profiling_config.pprof_config`: what profiles are taken of a target.

use std::time::Duration;

/// One profile type of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSpec {
    /// Its name: `process_cpu`, `memory`, `goroutine`, `block`, `mutex`, … or any other.
    pub kind: String,
    /// Whether it is taken.
    pub enabled: bool,
    /// Path of the endpoint, with its own query if it has one.
    pub path: String,
    /// Path that offers the same as a delta already (godeltaprof), to be preferred where the
    /// target has it.
    pub delta_path: Option<String>,
    /// Time between the starts of two profiles.
    pub interval: Duration,
    /// Sent as `?seconds=`: how long the target measures.
    pub seconds: Option<u32>,
    /// What is done about values that count since the process started.
    pub delta: DeltaMode,
    /// What the endpoint answers with.
    pub format: ProfileFormat,
}

/// What is done about values that count since the process started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaMode {
    /// Nothing: the profile is kept as it is.
    Off,
    /// The target measures for `seconds`: what it sends is a delta already.
    Target,
    /// leadsman subtracts the previous profile.
    Computed,
}

/// What a profile endpoint answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileFormat {
    /// pprof protobuf, plain or compressed.
    Pprof,
    /// Go's goroutine text, by its `debug` parameter: 1 (grouped) or 2 (each one with its state).
    GoroutineText {
        /// The value of `debug`.
        debug: u8,
    },
}
