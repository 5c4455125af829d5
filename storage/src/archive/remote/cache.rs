//! Files of a bucket, kept in a folder of bounded size.
//!
//! Files are immutable and their names unique, so what is here is right for ever. What was used
//! longest ago goes first. Processes may share the folder: a file appears by a rename, and one
//! that is removed while it is open stays readable.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::archive::error::ArchiveError;

/// Where files are while they come.
const INCOMING: &str = ".incoming";
/// After so long nobody is downloading any more.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    max_bytes: u64,
    /// Size of its files, as far as is known here. Bytes.
    n_bytes: AtomicU64,
    n_incoming: AtomicU64,
}

struct Cached {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// The cache in `folder`, which is made if need be.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> Result<Self, ArchiveError> {
        let incoming = folder.join(INCOMING);
        fs::create_dir_all(&incoming).map_err(ArchiveError::io("create", &incoming))?;
        for file in list(&incoming) {
            if file.used.elapsed().is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(&file.path); // another process may have been first
            }
        }
        let cache = Self {
            folder: folder.to_owned(),
            max_bytes,
            n_bytes: AtomicU64::new(0),
            n_incoming: AtomicU64::new(0),
        };
        cache.make_room(None);
        Ok(cache)
    }

    /// Opens the file `key`, which `fetch` brings if it is not here.
    pub(super) fn file(
        &self,
        key: &str,
        fetch: impl FnOnce(&mut File) -> Result<(), ArchiveError>,
    ) -> Result<File, ArchiveError> {
        let path = self.folder.join(key);
        match File::open(&path) {
            Ok(file) => {
                // Not by access time, which many file systems are told not to keep. Where it is
                // refused the file goes earlier than it should.
                let _ = file.set_modified(SystemTime::now());
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ArchiveError::io("open", &path)(error)),
        }
        let incoming = self.incoming_path();
        let brought = self.bring(&incoming, &path, fetch);
        if brought.is_err() {
            let _ = fs::remove_file(&incoming); // there may be none
        }
        let (file, bytes) = brought?;
        let before = self.n_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.max_bytes {
            self.make_room(Some(&path));
        }
        Ok(file)
    }

    fn incoming_path(&self) -> PathBuf {
        let n = self.n_incoming.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{:p}-{n}", std::process::id(), self);
        self.folder.join(INCOMING).join(name)
    }

    fn bring(
        &self,
        incoming: &Path,
        path: &Path,
        fetch: impl FnOnce(&mut File) -> Result<(), ArchiveError>,
    ) -> Result<(File, u64), ArchiveError> {
        let mut options = File::options();
        let open = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(incoming);
        let mut file = open.map_err(ArchiveError::io("create", incoming))?;
        fetch(&mut file)?;
        // What a crash leaves under the name must be whole.
        file.rewind()
            .and_then(|()| file.sync_data())
            .map_err(ArchiveError::io("write", incoming))?;
        let meta = file
            .metadata()
            .map_err(ArchiveError::io("look at", incoming))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(ArchiveError::io("create", folder))?;
        }
        fs::rename(incoming, path).map_err(ArchiveError::io("move into the cache", incoming))?;
        Ok((file, meta.len()))
    }

    /// Counts what is here, and removes what was used longest ago if that is too much, down to nine
    /// tenths; never `keep`.
    fn make_room(&self, keep: Option<&Path>) {
        let mut all = Vec::new();
        for table in folders(&self.folder) {
            all.extend(folders(&table).iter().flat_map(|day| list(day)));
        }
        let mut n_bytes: u64 = all.iter().map(|file| file.bytes).sum();
        if n_bytes > self.max_bytes {
            let goal = self.max_bytes / 10 * 9;
            all.sort_by_key(|file| file.used);
            for file in all.iter().filter(|file| keep != Some(&*file.path)) {
                if n_bytes <= goal {
                    break;
                }
                if fs::remove_file(&file.path).is_ok() {
                    n_bytes -= file.bytes;
                }
            }
        }
        self.n_bytes.store(n_bytes, Ordering::Relaxed);
    }
}

/// Folders in a folder, but for those with a dot.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir())
    });
    folders.map(|entry| entry.path()).collect()
}

/// Files in a folder. What cannot be looked at has gone.
fn list(folder: &Path) -> Vec<Cached> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let meta = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Cached {
            path: entry.path(),
            bytes: meta.len(),
            used: meta.modified().ok()?,
        })
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn bring(size: usize) -> impl FnOnce(&mut File) -> Result<(), ArchiveError> {
        move |file| {
            file.write_all(&vec![1; size]).unwrap();
            Ok(())
        }
    }

    fn refuse(_: &mut File) -> Result<(), ArchiveError> {
        Err(ArchiveError::damaged(Path::new("x"), "fetched again"))
    }

    fn age(folder: &Path, key: &str, seconds: u64) {
        let file = File::open(folder.join(key)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds))
            .unwrap();
    }

    #[test]
    fn a_file_is_fetched_once_and_found_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1000).unwrap();
        cache.file("t/d/a", bring(10)).unwrap();
        cache.file("t/d/a", refuse).unwrap();
        let again = Cache::open(folder.path(), 1000).unwrap();
        let mut text = Vec::new();
        again
            .file("t/d/a", refuse)
            .unwrap()
            .read_to_end(&mut text)
            .unwrap();
        assert_eq!(text, [1; 10]);
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 100).unwrap();
        for (key, seconds) in [("t/d/a", 300), ("t/d/b", 200), ("t/e/c", 100)] {
            cache.file(key, bring(30)).unwrap();
            age(folder.path(), key, seconds);
        }
        cache.file("t/d/a", refuse).unwrap();
        cache.file("u/d/e", bring(30)).unwrap();
        let is_here = |key| folder.path().join(key).exists();
        let here = ["t/d/a", "t/d/b", "t/e/c", "u/d/e"].map(is_here);
        assert_eq!(here, [true, false, true, true], "b was used longest ago");
        cache.file("t/d/huge", bring(500)).unwrap();
        assert!(
            is_here("t/d/huge") && !is_here("t/d/a"),
            "what is asked for is brought"
        );
    }

    #[test]
    fn a_fetch_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1000).unwrap();
        let cut = |file: &mut File| {
            file.write_all(b"half").unwrap();
            refuse(file)
        };
        cache.file("t/d/a", cut).unwrap_err();
        assert_eq!(list(&folder.path().join(INCOMING)).len(), 0);
        cache.file("t/d/a", bring(10)).unwrap();
    }

    #[test]
    fn an_abandoned_download_is_removed_and_a_current_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        Cache::open(folder.path(), 1000).unwrap();
        for (name, seconds) in [("old", 100_000), ("new", 10)] {
            fs::write(folder.path().join(INCOMING).join(name), "x").unwrap();
            age(folder.path(), &format!("{INCOMING}/{name}"), seconds);
        }
        Cache::open(folder.path(), 1000).unwrap();
        let left = list(&folder.path().join(INCOMING));
        assert_eq!(left.len(), 1);
        assert!(left[0].path.ends_with("new"));
    }
}
