//! A real disk that can be told to fail.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::log::disk::{Disk, SegmentFile};

/// The disk as the log sees it; a clone is the test's hand on it.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultyDisk {
    control: Arc<Mutex<Control>>,
}

#[derive(Debug, Default)]
struct Control {
    /// Bytes that can still be written; a write beyond them is cut short.
    space: Option<u64>,
    sync_fails: bool,
    create_fails: bool,
    /// Written and synced length of each file.
    files: Vec<(PathBuf, u64, u64)>,
}

#[derive(Debug)]
struct FaultyFile {
    file: File,
    idx: usize,
    disk: FaultyDisk,
}

impl FaultyDisk {
    pub(super) fn set_space(&self, space: Option<u64>) {
        self.control.lock().unwrap().space = space;
    }

    pub(super) fn fail_syncs(&self) {
        self.control.lock().unwrap().sync_fails = true;
    }

    pub(super) fn fail_creates(&self) {
        self.control.lock().unwrap().create_fails = true;
    }

    pub(super) fn heal(&self) {
        let mut control = self.control.lock().unwrap();
        control.space = None;
        control.sync_fails = false;
        control.create_fails = false;
    }

    /// Takes away from every file what was not synced, except for `kept` parts in 255 of it, the
    /// last byte of which is wrong. To be called when nothing writes any more.
    pub(super) fn cut_power(&self, kept: u8) {
        for (path, written, synced) in &self.control.lock().unwrap().files {
            let Ok(file) = OpenOptions::new().write(true).open(path) else {
                continue;
            };
            let surviving = synced + (written - synced) * u64::from(kept) / 255;
            file.set_len(surviving).unwrap();
            if surviving > *synced {
                std::os::unix::fs::FileExt::write_all_at(&file, b"?", surviving - 1).unwrap();
            }
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let mut control = self.control.lock().unwrap();
        if control.create_fails {
            return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
        }
        control.files.retain(|(known, _, _)| known != path);
        control.files.push((path.to_owned(), 0, 0));
        let idx = control.files.len() - 1;
        Ok(Box::new(FaultyFile {
            file: File::create(path)?,
            idx,
            disk: self.clone(),
        }))
    }
}

impl SegmentFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut control = self.disk.control.lock().unwrap();
        let n_fit = control
            .space
            .map_or(bytes.len(), |space| bytes.len().min(space as usize));
        self.file.write_all(&bytes[..n_fit])?;
        control.files[self.idx].1 += n_fit as u64;
        if let Some(space) = &mut control.space {
            *space -= n_fit as u64;
        }
        if n_fit < bytes.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut control = self.disk.control.lock().unwrap();
        if control.sync_fails {
            return Err(io::Error::from_raw_os_error(5)); // EIO
        }
        control.files[self.idx].2 = control.files[self.idx].1;
        Ok(())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        // A disk that fails does not truncate either: what was given up stays in the file.
        Err(io::Error::from_raw_os_error(5))
    }
}
