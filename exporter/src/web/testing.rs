//! An archive of profiles for tests of what is answered from it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::profile::{Function, Line, Location, Profile, ProfileBuilder, SampleLabel, ValueType};
use proto::{Labels, ProfileRecord, Record, Target};
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};

use super::tests::{Running, start_over};

/// 2026-11-21 12:00 UTC, milliseconds.
pub(super) const START: i64 = 1_795_262_400_000;
pub(super) const MINUTE: i64 = 60_000;
/// A function that would be a script if it were not escaped.
pub(super) const HOSTILE: &str = "</script><script>alert(1)</script>\"&";

pub(super) const CPU: &str = "process_cpu:cpu:nanoseconds:cpu:nanoseconds";
pub(super) const IN_USE: &str = "memory:inuse_space:bytes:space:bytes";

/// One capture: kind, minute, job, and values of `main;work` and `main;HOSTILE`.
type Capture = (&'static str, i64, &'static str, [i64; 2]);

/// Four minutes of two jobs: CPU of both, memory in use of one.
pub(super) const CAPTURES: [Capture; 8] = [
    ("process_cpu", 0, "etcd", [10, 1]),
    ("process_cpu", 1, "etcd", [20, 0]),
    ("process_cpu", 2, "etcd", [30, 2]),
    ("process_cpu", 0, "kubelet", [100, 0]),
    ("process_cpu", 3, "kubelet", [200, 0]),
    ("memory", 0, "etcd", [1000, 0]),
    ("memory", 1, "etcd", [2000, 0]),
    ("memory", 2, "etcd", [3000, 60]),
];

/// A server over the archive.
pub(super) struct Scene {
    pub(super) server: Running,
    /// Is there as long as the server.
    pub(super) _folder: tempfile::TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        Self {
            server: start_over(folder.path()),
            _folder: folder,
        }
    }
}

/// Writes the archive.
pub(super) fn write(folder: &Path) {
    let mut archive = Archive::open(ArchiveOptions {
        path: folder.to_owned(),
        buffer_bytes: 1 << 20,
        flush_interval: Duration::from_secs(60),
        compression_level: 1,
    })
    .unwrap();
    for (position, (kind, minute, job, values)) in (1..).zip(CAPTURES) {
        let labels = Labels::from_pairs([("job", job), ("instance", "a:1"), ("zone", "<b>")]);
        let record = ProfileRecord {
            target: Arc::new(Target {
                labels,
                scheme: "http".to_owned(),
                address: "a:1".to_owned(),
            }),
            kind: kind.to_owned(),
            is_delta: true,
            profile: profile(kind, minute, values),
        };
        archive.write(Position(position), &Record::Profile(Arc::new(record)));
    }
    archive.flush().unwrap();
}

fn profile(kind: &str, minute: i64, values: [i64; 2]) -> Profile {
    let types = match kind {
        "memory" => ["inuse_space", "bytes", "space", "bytes"],
        _ => ["cpu", "nanoseconds", "cpu", "nanoseconds"],
    };
    let mut builder = ProfileBuilder::new();
    let [sample_type, unit, period_type, period_unit] = types.map(|text| builder.string(text));
    let header = builder.profile_mut();
    header.time_nanos = (START + minute * MINUTE) * 1_000_000;
    header.duration_nanos = 10_000_000_000;
    header.sample_types = vec![ValueType {
        kind: sample_type,
        unit,
    }];
    header.period_type = ValueType {
        kind: period_type,
        unit: period_unit,
    };
    let mut location = |name: &str| {
        let name = builder.string(name);
        let function = builder.function(Function {
            name,
            system_name: name,
            ..Function::default()
        });
        let line = Line {
            function,
            line: 1,
            column: 0,
        };
        builder.location(Location {
            lines: [line].into_iter().collect(),
            ..Location::default()
        })
    };
    let main = location("main");
    let leaves = [location("work"), location(HOSTILE)];
    for (leaf, value) in leaves.into_iter().zip(values) {
        let stack = builder.stack(&[leaf, main]);
        let (key, text) = (builder.string("state"), builder.string("<i>"));
        let labels = builder.label_set(&[SampleLabel {
            key,
            value: proto::profile::LabelValue::Str(text),
        }]);
        if value > 0 {
            builder.add_sample(stack, labels, &[value]);
        }
    }
    builder.finish()
}
