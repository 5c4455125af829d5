//! The folder of a capture and its manifest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::step::Step;
use super::subject::Subject;

/// The manifest's file. It is written last: a folder with one is complete.
const MANIFEST: &str = "manifest.json";

/// What was captured, and what was not.
#[derive(Debug, Serialize)]
pub(super) struct Manifest {
    /// Version of leadsman.
    leadsman: &'static str,
    target: String,
    endpoint: String,
    #[serde(serialize_with = "rfc3339")]
    started: Timestamp,
    /// Length of the profiles that measure.
    seconds: u32,
    pub(super) entries: Vec<Entry>,
}

/// One page or profile.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    kind: String,
    #[serde(serialize_with = "rfc3339")]
    started: Timestamp,
    duration_seconds: f64,
    /// Where it is; none if nothing came.
    pub(super) file: Option<String>,
    pub(super) bytes: usize,
    pub(super) content_type: Option<String>,
    /// Number of samples, if it could be read.
    pub(super) samples: Option<usize>,
    /// Why it could not be fetched or read.
    pub(super) error: Option<String>,
}

impl Manifest {
    pub(super) fn new(subject: &Subject, started: Timestamp, seconds: u32) -> Self {
        Self {
            leadsman: env!("CARGO_PKG_VERSION"),
            target: subject.name.clone(),
            endpoint: subject.endpoint.to_string(),
            started,
            seconds,
            entries: Vec::new(),
        }
    }
}

impl Entry {
    pub(super) fn new(step: &Step, started: Timestamp, took: Duration) -> Self {
        Self {
            kind: step.kind().to_owned(),
            started,
            duration_seconds: took.as_secs_f64(),
            file: None,
            bytes: 0,
            content_type: None,
            samples: None,
            error: None,
        }
    }

    /// For people, one line.
    pub(super) fn line(&self) -> String {
        let (kind, took) = (&self.kind, self.duration_seconds);
        match (&self.error, self.samples) {
            (Some(error), _) => format!("{kind:<16} {error}"),
            (None, samples) => {
                let (bytes, n_samples) = (self.bytes, samples.unwrap_or(0));
                format!("{kind:<16} {n_samples} samples, {bytes} bytes, {took:.1} s")
            }
        }
    }
}

/// A folder that is being filled.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn create(path: PathBuf) -> anyhow::Result<Self> {
        let shown = path.display();
        fs::create_dir_all(&path).with_context(|| format!("failed to create folder {shown}"))?;
        let mut entries =
            fs::read_dir(&path).with_context(|| format!("failed to read folder {shown}"))?;
        if entries.next().is_some() {
            bail!("folder {shown} is not empty: choose another one with -o");
        }
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(name);
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
    }

    pub(super) fn finish(&self, manifest: &Manifest) -> anyhow::Result<()> {
        self.write(MANIFEST, &serde_json::to_vec_pretty(manifest)?)
    }
}

/// `capture-TARGET-TIME` in the working folder.
pub(super) fn default_path(name: &str, started: Timestamp) -> PathBuf {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let time = started.strftime("%Y%m%dT%H%M%SZ");
    PathBuf::from(format!("capture-{}-{time}", plain(name.trim_matches('/'))))
}

/// A text as part of a file name: what is not a letter, a digit, `.`, `-` or `_` becomes `_`,
/// and it does not begin with a dot.
pub(super) fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = text
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .take(100)
        .collect();
    if plain.starts_with('.') {
        format!("_{plain}")
    } else {
        plain
    }
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
