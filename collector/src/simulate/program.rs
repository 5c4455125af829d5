//! A program as it was recorded: its metrics page and its profiles.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use proto::UnixNanos;
use proto::profile::Profile;

use super::error::SimulateError;
use super::page;
use crate::config::ProfileFormat;
use crate::sounding::profile_body;

/// Largest recorded profile, decompressed. Bytes.
const PROFILE_LIMIT: usize = 64 << 20;
/// How long a program had counted when its page was recorded, as far as the rates go.
const COUNTED: Duration = Duration::from_secs(30);

/// What is replayed.
#[derive(Clone, Debug)]
pub struct Program {
    /// The label `job` of its targets.
    pub job: String,
    /// Port of its targets' addresses.
    pub(super) port: u16,
    pub(super) page: String,
    pub(super) profiles: Vec<Recorded>,
    /// How long the counters of the page have counted for.
    pub(super) counted: Duration,
}

/// A recorded profile.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) kind: String,
    pub(super) profile: Profile,
}

/// Kind, format, and the recorded bytes.
type Body<'a> = (&'a str, ProfileFormat, &'a [u8]);

const GOROUTINE_DUMP: ProfileFormat = ProfileFormat::GoroutineText { debug: 2 };

/// Profiles of a capture's folder, by the names that `leadsman capture` gives them.
const CAPTURED: [(&str, &str, ProfileFormat); 6] = [
    ("process_cpu", "process_cpu.pb.gz", ProfileFormat::Pprof),
    ("memory", "memory.pb.gz", ProfileFormat::Pprof),
    ("goroutine", "goroutine.pb.gz", ProfileFormat::Pprof),
    ("block", "block.pb.gz", ProfileFormat::Pprof),
    ("mutex", "mutex.pb.gz", ProfileFormat::Pprof),
    ("goroutine_dump", "goroutine_dump.txt", GOROUTINE_DUMP),
];

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../proto/testdata/", $name)).as_slice()
    };
}

impl Program {
    /// etcd 3.4 under some load and containerd 1.6, as they were recorded for leadsman's tests.
    ///
    /// # Errors
    /// None, unless leadsman was built from other files.
    pub fn embedded() -> Result<Vec<Self>, SimulateError> {
        let etcd = Self::read(
            "etcd",
            2379,
            include_str!("../../../proto/testdata/etcd-3.4.txt"),
            &[
                (
                    "process_cpu",
                    ProfileFormat::Pprof,
                    recorded!("etcd-cpu.pb.gz"),
                ),
                (
                    "memory",
                    ProfileFormat::Pprof,
                    recorded!("etcd-heap-3.pb.gz"),
                ),
                (
                    "goroutine",
                    ProfileFormat::Pprof,
                    recorded!("etcd-goroutine.pb.gz"),
                ),
                ("mutex", ProfileFormat::Pprof, recorded!("etcd-mutex.pb.gz")),
                (
                    "goroutine_dump",
                    GOROUTINE_DUMP,
                    recorded!("etcd-goroutine-debug2.txt"),
                ),
            ],
        )?;
        let containerd = Self::read(
            "containerd",
            1338,
            include_str!("../../../proto/testdata/containerd-1.6.txt"),
            &[
                (
                    "process_cpu",
                    ProfileFormat::Pprof,
                    recorded!("containerd-cpu.pb.gz"),
                ),
                (
                    "memory",
                    ProfileFormat::Pprof,
                    recorded!("containerd-heap-1.pb.gz"),
                ),
                (
                    "goroutine_dump",
                    GOROUTINE_DUMP,
                    recorded!("containerd-goroutine-debug2.txt"),
                ),
            ],
        )?;
        Ok(vec![etcd, containerd])
    }

    /// What `leadsman capture` wrote into a folder. Profiles that it does not have are not simulated.
    ///
    /// # Errors
    /// Without a text page, and when a file cannot be read.
    pub fn captured(job: &str, folder: &Path) -> Result<Self, SimulateError> {
        let page = folder.join("metrics.txt");
        let Some(text) = read(&page)?.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Err(SimulateError::NoPage { path: page });
        };
        let mut bodies = Vec::new();
        for (kind, name, format) in CAPTURED {
            if let Some(bytes) = read(&folder.join(name))? {
                bodies.push((kind, format, bytes));
            }
        }
        let bodies: Vec<Body<'_>> = bodies
            .iter()
            .map(|(kind, format, bytes)| (*kind, *format, &**bytes))
            .collect();
        Self::read(job, 2379, &text, &bodies)
    }

    /// The same program with about so many series.
    #[must_use]
    pub fn with_series(mut self, n_series: usize) -> Self {
        self.page = page::fit(&self.page, n_series);
        self
    }

    fn read(job: &str, port: u16, page: &str, bodies: &[Body<'_>]) -> Result<Self, SimulateError> {
        let mut profiles = Vec::new();
        for (kind, format, bytes) in bodies {
            let read = profile_body::read(
                *format,
                bytes,
                PROFILE_LIMIT,
                UnixNanos::default(),
                Duration::ZERO,
            );
            let profile = read.map_err(|source| SimulateError::Profile {
                job: job.to_owned(),
                kind: (*kind).to_owned(),
                source: source.into(),
            })?;
            profiles.push(Recorded {
                kind: (*kind).to_owned(),
                profile,
            });
        }
        Ok(Self {
            job: job.to_owned(),
            port,
            page: page.to_owned(),
            profiles,
            counted: COUNTED,
        })
    }
}

/// A file's bytes; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, SimulateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SimulateError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}
