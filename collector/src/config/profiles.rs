//! `profiling_config.pprof_config`: what profiles are taken of a target.

use std::time::Duration;

use super::global::INTERVALS;
use super::scalar::{Wrong, boolean, duration, integer, one_of};
use super::scrape::path;
use super::table::Table;
use super::units::format_duration;
use super::yaml::Node;

/// One profile type of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSpec {
    /// Its name: `process_cpu`, `memory`, `goroutine`, `block`, `mutex`, … or any other.
    pub kind: String,
    /// Whether it is taken.
    pub enabled: bool,
    /// Path of the endpoint, with its own query if it has one; `seconds` and `debug` come on top.
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

/// How long a target measures when nothing else is said.
const DEFAULT_SECONDS: u32 = 10;

impl ProfileSpec {
    /// The types that a job with `profiling_config` has when nothing else is said. `memory` is
    /// `heap`: Go's `allocs` holds the same four values.
    pub fn defaults() -> Vec<Self> {
        let cumulative = |kind, path, delta_path: &str| Self {
            delta: DeltaMode::Computed,
            delta_path: Some(delta_path.to_owned()),
            ..Self::snapshot(kind, path)
        };
        let measured = |kind, path| Self {
            delta: DeltaMode::Target,
            seconds: Some(DEFAULT_SECONDS),
            ..Self::snapshot(kind, path)
        };
        let off = |spec| Self {
            enabled: false,
            ..spec
        };
        vec![
            measured("process_cpu", "/debug/pprof/profile"),
            cumulative("memory", "/debug/pprof/heap", "/debug/pprof/delta_heap"),
            Self::snapshot("goroutine", "/debug/pprof/goroutine"),
            cumulative("block", "/debug/pprof/block", "/debug/pprof/delta_block"),
            cumulative("mutex", "/debug/pprof/mutex", "/debug/pprof/delta_mutex"),
            off(Self::snapshot("threadcreate", "/debug/pprof/threadcreate")),
            off(measured("fgprof", "/debug/fgprof")),
            // It stops the process while it writes: seconds, with 100,000 goroutines.
            off(Self {
                format: ProfileFormat::GoroutineText { debug: 2 },
                ..Self::snapshot("goroutine_dump", "/debug/pprof/goroutine")
            }),
        ]
    }

    /// A profile of a moment, which is kept as it is.
    pub fn snapshot(kind: &str, path: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            enabled: true,
            path: path.to_owned(),
            delta_path: None,
            interval: Duration::from_secs(60),
            seconds: None,
            delta: DeltaMode::Off,
            format: ProfileFormat::Pprof,
        }
    }
}

/// A job's `profiling_config`: the defaults with what is written over them, as Parca does it.
/// Without the key nothing is profiled.
pub(super) fn read(table: &mut Table<'_>) -> Vec<ProfileSpec> {
    table
        .table("profiling_config", read_config)
        .unwrap_or_default()
}

fn read_config(table: &mut Table<'_>) -> Vec<ProfileSpec> {
    let prefix = table.get("path_prefix", path).unwrap_or_default();
    let mut specs = ProfileSpec::defaults();
    let written = table.named_tables("pprof_config", |kind, table| {
        let default = ProfileSpec::defaults()
            .into_iter()
            .find(|spec| spec.kind == kind);
        read_spec(kind, default, table)
    });
    for spec in written {
        match specs.iter_mut().find(|known| known.kind == spec.kind) {
            Some(known) => *known = spec,
            None => specs.push(spec),
        }
    }
    for spec in &mut specs {
        spec.path.insert_str(0, prefix.trim_end_matches('/'));
    }
    specs
}

fn read_spec(kind: &str, default: Option<ProfileSpec>, table: &mut Table<'_>) -> ProfileSpec {
    let is_own = default.is_none();
    let default = default.unwrap_or_else(|| ProfileSpec::snapshot(kind, ""));
    let written_path = table.get("path", path);
    if is_own && !table.has("path") {
        let problem = format!(
            "missing in {}, which is not a profile type we know",
            table.place()
        );
        table.fail("path", problem, "the endpoint's path");
    }
    let seconds = table.get("seconds", integer(1..=300)).or(default.seconds);
    let delta = table.get("delta", delta_mode);
    let spec = ProfileSpec {
        kind: kind.to_owned(),
        // Who writes a type down wants it.
        enabled: table.get("enabled", boolean).unwrap_or(true),
        delta_path: table.get("delta_path", path).or(default.delta_path),
        interval: table
            .get("interval", duration(INTERVALS))
            .unwrap_or(default.interval),
        format: table
            .get("format", one_of(&FORMATS))
            .unwrap_or(default.format),
        path: written_path.unwrap_or(default.path),
        delta: delta.unwrap_or(match seconds {
            Some(_) => DeltaMode::Target,
            None => default.delta,
        }),
        seconds,
    };
    table.ignore(&[("keep_sample_type", "every sample type is kept")]);
    check(table, spec)
}

/// What Go's pprof handlers refuse, or what would never be done.
fn check(table: &Table<'_>, mut spec: ProfileSpec) -> ProfileSpec {
    let is_text = spec.format != ProfileFormat::Pprof;
    if spec.delta == DeltaMode::Target && spec.seconds.is_none() {
        spec.seconds = Some(DEFAULT_SECONDS);
    }
    if is_text && (spec.seconds.is_some() || spec.delta != DeltaMode::Off) {
        let key = if table.has("seconds") {
            "seconds"
        } else {
            "delta"
        };
        table.fail(key, "a goroutine dump has no duration", "leaving it out");
    }
    if spec.delta == DeltaMode::Computed && spec.seconds.is_some() {
        table.fail(
            "delta",
            "with seconds the target sends a delta already",
            "target, off",
        );
    }
    let seconds = Duration::from_secs(spec.seconds.map_or(0, u64::from));
    if spec.enabled && seconds >= spec.interval {
        let problem = format!(
            "not below the interval of {}",
            format_duration(spec.interval)
        );
        table.fail("seconds", problem, "less than the interval");
    }
    spec
}

const FORMATS: [(&str, ProfileFormat); 3] = [
    ("pprof", ProfileFormat::Pprof),
    (
        "goroutine_debug1",
        ProfileFormat::GoroutineText { debug: 1 },
    ),
    (
        "goroutine_debug2",
        ProfileFormat::GoroutineText { debug: 2 },
    ),
];

/// `true` and `false` are Parca's.
fn delta_mode(node: &Node) -> Result<DeltaMode, Wrong> {
    let modes = [
        ("off", DeltaMode::Off),
        ("target", DeltaMode::Target),
        ("computed", DeltaMode::Computed),
        ("true", DeltaMode::Target),
        ("false", DeltaMode::Off),
    ];
    one_of(&modes)(node)
}
