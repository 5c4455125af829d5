//! `file_sd_configs`: lists of target groups in files, read again when they change.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use proto::{Labels, LabelsBuilder};

use super::glob::expand;
use crate::config::groups::{self, ListedGroup};
use crate::config::{Config, Discovery, FileSource, units};

/// Longest file that is read. Bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The label that says which file a target is from.
const FILEPATH: &str = "__meta_filepath";

/// The files of every `file_sd_configs` entry of a configuration.
#[derive(Debug, Default)]
pub(super) struct FileSources {
    /// By the job's name and the entry's place in it.
    entries: HashMap<(String, usize), Files>,
}

impl FileSources {
    /// Reads what has changed; whether anything has.
    pub(super) fn refresh(&mut self, config: &Config) -> bool {
        let mut old = std::mem::take(&mut self.entries);
        let mut has_changed = false;
        for job in &config.jobs {
            for (idx, discovery) in job.discovery.iter().enumerate() {
                if let Discovery::File(source) = discovery {
                    let key = (job.name.clone(), idx);
                    let mut files = old.remove(&key).unwrap_or_default();
                    has_changed |= files.refresh(source);
                    self.entries.insert(key, files);
                }
            }
        }
        has_changed || !old.is_empty()
    }

    /// The files of one entry.
    pub(super) fn get(&self, job: &str, idx: usize) -> Option<&Files> {
        self.entries.get(&(job.to_owned(), idx))
    }
}

/// The files of one `file_sd_configs` entry, as they were read last.
#[derive(Debug, Default)]
pub(super) struct Files {
    read: HashMap<PathBuf, FileState>,
    /// When all of them were read last.
    read_at: Option<Instant>,
}

#[derive(Debug, PartialEq)]
struct FileState {
    /// When the content changed last, and how long it was.
    stamp: Option<(SystemTime, u64)>,
    /// What the last valid content said.
    groups: Vec<ListedGroup>,
    /// Why the present content does not count.
    problem: Option<String>,
}

impl Files {
    /// Reads what has changed, and says whether anything has. A file that became invalid keeps its
    /// last valid groups, one that is gone loses them.
    fn refresh(&mut self, source: &FileSource) -> bool {
        let is_due = self
            .read_at
            .is_none_or(|at| at.elapsed() >= source.refresh_interval);
        if is_due {
            self.read_at = Some(Instant::now());
        }
        let paths: Vec<_> = source
            .patterns
            .iter()
            .flat_map(|pattern| expand(pattern))
            .collect();
        let n_before = self.read.len();
        self.read.retain(|path, _| paths.contains(path));
        let mut has_changed = self.read.len() != n_before;
        for path in paths {
            has_changed |= self.refresh_file(path, is_due);
        }
        has_changed
    }

    /// A file that looks the same is left alone, unless all of them are due.
    fn refresh_file(&mut self, path: PathBuf, is_due: bool) -> bool {
        let stamp = stamp(&path);
        let known = self.read.get(&path);
        if !is_due && known.is_some_and(|state| state.stamp == stamp) {
            return false;
        }
        let (groups, problem) = match read(&path) {
            Ok(groups) => (groups, None),
            Err(problem) => {
                let kept = known
                    .filter(|_| stamp.is_some())
                    .map(|state| state.groups.clone());
                (kept.unwrap_or_default(), Some(problem))
            }
        };
        let new = FileState {
            stamp,
            groups,
            problem,
        };
        let has_changed = known != Some(&new);
        self.read.insert(path, new);
        has_changed
    }

    /// The groups, each with its file; ordered.
    pub(super) fn groups(&self) -> Vec<(&Path, Vec<String>, Labels)> {
        let mut groups = Vec::new();
        for (path, state) in &self.read {
            for group in &state.groups {
                let mut labels = LabelsBuilder::from(&group.labels);
                labels.set(FILEPATH, path.display().to_string());
                groups.push((path.as_path(), group.targets.clone(), labels.build()));
            }
        }
        groups.sort();
        groups
    }

    /// What is wrong with which file.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.read
            .iter()
            .filter_map(|(path, state)| Some((path.as_path(), state.problem.as_deref()?)))
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Vec<ListedGroup>, String> {
    let cannot = |error: std::io::Error| format!("failed to read: {error}");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "longer than {}",
            units::format_size(MAX_FILE_BYTES)
        ));
    }
    groups::parse(path, &text).map_err(|errors| errors.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn source(pattern: PathBuf) -> FileSource {
        FileSource {
            patterns: vec![pattern],
            refresh_interval: Duration::from_secs(300),
        }
    }

    /// Every target with its `zone`.
    fn targets(files: &Files) -> Vec<String> {
        let groups = files.groups().into_iter();
        groups
            .flat_map(|(_, targets, labels)| {
                let zone = labels.get("zone").unwrap_or("-").to_owned();
                targets
                    .into_iter()
                    .map(move |target| format!("{target} {zone}"))
            })
            .collect()
    }

    #[test]
    fn json_and_yaml_files_that_match_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "a.json",
            "[\n\t{\"targets\": [\"a:1\", \"b:1\"],\n\t\"labels\": {\"zone\": \"x\"}}\n]",
        );
        write("b.json", "- targets: [c:1]\n");
        write("c.yml", "- targets: [d:1]\n");
        let mut files = Files::default();
        files.refresh(&source(folder.path().join("*.json")));
        assert_eq!(targets(&files), ["a:1 x", "b:1 x", "c:1 -"]);
    }

    #[test]
    fn a_file_that_becomes_invalid_keeps_its_targets_and_one_that_goes_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yml");
        let mut files = Files::default();
        std::fs::write(&path, "- targets: [a:1]\n").unwrap();
        files.refresh(&source(path.clone()));
        assert_eq!(targets(&files), ["a:1 -"]);

        std::fs::write(&path, "- targets: [a:1, b:1]\n  label: {}\n").unwrap();
        files.refresh(&source(path.clone()));
        assert_eq!(targets(&files), ["a:1 -"]);
        let problems: Vec<_> = files
            .problems()
            .map(|(_, problem)| problem.to_owned())
            .collect();
        assert!(
            problems[0].contains("a.yml:2: key \"label\": unknown"),
            "{problems:?}"
        );

        std::fs::write(&path, "- targets: [b:1, c:1, d:1]\n").unwrap();
        files.refresh(&source(path.clone()));
        assert_eq!(targets(&files), ["b:1 -", "c:1 -", "d:1 -"]);
        assert_eq!(files.problems().count(), 0);

        std::fs::remove_file(&path).unwrap();
        files.refresh(&source(path));
        assert!(targets(&files).is_empty());
    }
}
