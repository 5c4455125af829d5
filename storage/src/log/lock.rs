//! One process at a time in a log folder.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::error::LogError;

/// The lock on a log folder; released when dropped, and by the system when the process dies.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Takes the lock of `folder`.
    pub(super) fn take(folder: &Path) -> Result<Self, LogError> {
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(LogError::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LogError::Locked {
                    path: folder.to_owned(),
                    holder: holder(&path),
                });
            }
            Err(errno) => return Err(LogError::io("lock", &path)(errno.into())),
        }
        // Only for the message above: a full disk must not keep the log from being read.
        let _ = file
            .set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

/// Closing the file would not do: a process that another thread is just starting has it open
/// too, until it executes its program.
impl Drop for FolderLock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn holder(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(text) if !text.is_empty() && text.len() < 20 => text,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_come_is_told_who_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let refusal = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(
            refusal.contains(&format!("process {}", std::process::id())),
            "{refusal}"
        );
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }
}
