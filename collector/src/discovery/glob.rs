//! File names with one asterisk.

use std::path::{Path, PathBuf};

/// Most files of one pattern.
const MAX_FILES: usize = 10_000;

/// The files that match `pattern`, whose last component may hold one `*`; sorted. A pattern
/// without it is itself, whether or not there is such a file.
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let Some((start, end)) = name.split_once('*') else {
        return vec![pattern.to_owned()];
    };
    let folder = pattern
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let long_enough = name.len() >= start.len() + end.len();
            long_enough && name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| folder.join(entry.file_name()))
        .take(MAX_FILES)
        .collect();
    paths.sort();
    paths
}
