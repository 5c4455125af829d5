//! A small file system of its own, which can be filled up. Mounting it needs root.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use crate::tools;

/// A mounted tmpfs; it is unmounted when dropped.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it on a folder, which is made if need be.
    pub fn mount(folder: &Path, mebibytes: u32) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let options = format!("size={mebibytes}m");
        let mut mount = Command::new("mount");
        tools::run(
            mount
                .args(["-t", "tmpfs", "-o", &options, "leadsman-test"])
                .arg(folder),
        )?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Leaves this many bytes free, or none if there are fewer.
    pub fn fill(&self, free: u64) -> Result<()> {
        let ballast = File::create(self.ballast())?;
        loop {
            let space = statvfs(&self.folder)?;
            let bytes = (space.f_bavail * space.f_frsize).saturating_sub(free);
            if bytes == 0 {
                return Ok(());
            }
            match fallocate(&ballast, FallocateFlags::empty(), 0, bytes) {
                // Somebody else was quicker.
                Err(Errno::NOSPC) => {}
                done => return Ok(done?),
            }
        }
    }

    /// Takes back what [`SmallDisk::fill`] took.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    /// Mounts it again with other options, such as `ro`.
    pub fn remount(&self, options: &str) -> Result<()> {
        let options = format!("remount,{options}");
        tools::run(
            Command::new("mount")
                .args(["-o", &options])
                .arg(&self.folder),
        )?;
        Ok(())
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still has a file open there does not keep the folder from being removed.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
