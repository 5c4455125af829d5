//! Whether archive files are whole, as far as their ends show.
//!
//! Only the newest days are looked at: an archive of years has too many files for each start, and
//! what a crash on a failing disk damages is new.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::files;
use super::table::Table;

/// Days that are looked at, for each table.
const DAYS: usize = 2;

const MAGIC: &[u8; 4] = b"PAR1";
/// Length of the metadata, and the magic: what a Parquet file ends with. Bytes.
const TRAILER_LEN: u64 = 8;

/// The files of the newest days that cannot be read, have no beginning or end, or no room for
/// their metadata. A folder that cannot be read is told by the flush that needs it.
pub(super) fn damaged_files(root: &Path) -> Vec<PathBuf> {
    let mut damaged = Vec::new();
    for table in Table::ALL {
        let days = files::days(root, table).unwrap_or_default();
        for day in days.into_iter().rev().take(DAYS) {
            let files = files::files(root, table, day).unwrap_or_default();
            let paths = files.iter().map(|file| file.path(root));
            damaged.extend(paths.filter(|path| !is_whole(path).unwrap_or(false)));
        }
    }
    damaged
}

/// Whether a file has its beginning, its end, and room for its metadata.
pub(super) fn is_whole(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let room = length.checked_sub(MAGIC.len() as u64 + TRAILER_LEN);
    let Some(room) = room else {
        return Ok(false);
    };
    let (mut start, mut metadata, mut end) = ([0; 4], [0; 4], [0; 4]);
    file.read_exact_at(&mut start, 0)?;
    file.read_exact_at(&mut metadata, length - TRAILER_LEN)?;
    file.read_exact_at(&mut end, length - MAGIC.len() as u64)?;
    let fits = u64::from(u32::from_le_bytes(metadata)) <= room;
    Ok(start == *MAGIC && end == *MAGIC && fits)
}
