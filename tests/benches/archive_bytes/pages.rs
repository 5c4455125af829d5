//! Recorded pages and profiles, and the times that they get.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

/// Between two scrapes.
const STEP_MILLIS: i64 = 15_000;

/// One file of a recording.
pub(crate) struct Recorded {
    /// A target's job, or `prof-` and the kind of a profile.
    pub(crate) name: String,
    /// Number of the scrape.
    pub(crate) number: usize,
    /// When it would have been scraped, ms since 1970.
    pub(crate) time: i64,
    path: PathBuf,
}

impl Recorded {
    pub(crate) fn body(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).with_context(|| self.path.display().to_string())
    }

    /// The kind of the profile if it is one; otherwise it is a page.
    pub(crate) fn profile_kind(&self) -> Option<&str> {
        self.name.strip_prefix("prof-")
    }
}

/// A recording, in the order of time.
pub(crate) struct Pages {
    pub(crate) files: Vec<Recorded>,
}

impl Pages {
    /// Files `NAME-NUMBER.txt` and `prof-KIND-NUMBER.pb.gz`. The last scrape gets the time of now.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let stem = name.and_then(|name| name.split('.').next());
            let (name, number) = stem
                .and_then(|stem| stem.rsplit_once('-'))
                .with_context(|| format!("not a recorded file: {}", path.display()))?;
            files.push(Recorded {
                name: name.to_owned(),
                number: number.parse()?,
                time: 0,
                path,
            });
        }
        files.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
        let last = files.last().context("nothing is recorded")?.number;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        for file in &mut files {
            file.time = now - (last - file.number) as i64 * STEP_MILLIS;
        }
        let pages = Self { files };
        ensure!(!pages.names().is_empty(), "no page is recorded");
        Ok(pages)
    }

    pub(crate) fn n_scrapes(&self) -> usize {
        let numbers: BTreeSet<usize> = self.pages().map(|file| file.number).collect();
        numbers.len()
    }

    /// The targets' jobs.
    pub(crate) fn names(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.pages().map(|file| file.name.as_str()).collect();
        names.into_iter().collect()
    }

    pub(crate) fn pages(&self) -> impl Iterator<Item = &Recorded> {
        self.files
            .iter()
            .filter(|file| file.profile_kind().is_none())
    }
}
