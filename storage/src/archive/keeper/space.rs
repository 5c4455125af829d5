//! Free space on the disk, and how much of it is missing.

use std::path::Path;

use rustix::fs::statvfs;

use crate::archive::error::ArchiveError;

/// A disk's space. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// What may still be written.
    pub(super) free: u64,
    /// Size of the file system.
    pub(super) total: u64,
}

impl Space {
    /// Of the file system a folder is on.
    pub(super) fn of(folder: &Path) -> Result<Self, ArchiveError> {
        let space = statvfs(folder)
            .map_err(|error| ArchiveError::io("inspect the disk of", folder)(error.into()))?;
        Ok(Self {
            free: space.f_bavail.saturating_mul(space.f_frsize),
            total: space.f_blocks.saturating_mul(space.f_frsize),
        })
    }

    /// The free space that is missing where `min` should be; of a small disk a tenth.
    pub(super) fn missing(self, min: u64) -> u64 {
        min.min(self.total / 10).saturating_sub(self.free)
    }

    /// What may be written before any is missing.
    pub(super) fn room(self, min: u64) -> u64 {
        self.free.saturating_sub(min.min(self.total / 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_small_disk_a_tenth_stays_free() {
        let space = Space {
            free: 30,
            total: 1000,
        };
        assert_eq!((space.missing(50), space.room(50)), (20, 0));
        assert_eq!((space.missing(500), space.room(500)), (70, 0));
        assert_eq!((space.missing(10), space.room(10)), (0, 20));
    }
}
