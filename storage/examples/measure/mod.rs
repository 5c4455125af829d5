//! What examples that measure share.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// Bytes and number of files of an archive by table.
pub(crate) fn sizes(archive: &Path) -> io::Result<BTreeMap<String, (u64, usize)>> {
    let mut sizes = BTreeMap::new();
    for table in fs::read_dir(archive)? {
        let table = table?;
        let name = table.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        for day in fs::read_dir(table.path())? {
            for file in fs::read_dir(day?.path())? {
                let (bytes, n_files) = sizes.entry(name.clone()).or_insert((0, 0));
                *bytes += file?.metadata()?.len();
                *n_files += 1;
            }
        }
    }
    Ok(sizes)
}

/// The most memory that the process has had, as Linux says it.
pub(crate) fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
