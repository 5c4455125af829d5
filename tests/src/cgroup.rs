//! A memory cgroup (version 1) of its own. Needs root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A cgroup, which goes when dropped; its processes must have ended.
pub struct MemoryCgroup {
    folder: PathBuf,
}

impl MemoryCgroup {
    /// Makes one with this limit.
    pub fn make(name: &str, limit_bytes: u64) -> Result<Self> {
        let name = format!("leadsman-test-{}-{name}", std::process::id());
        let folder = Path::new("/sys/fs/cgroup/memory").join(name);
        fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let cgroup = Self { folder };
        cgroup.limit(limit_bytes)?;
        Ok(cgroup)
    }

    /// The program that executes another one in here.
    pub fn wrapper(&self) -> Vec<String> {
        let enter = format!(
            "echo $$ > {}/cgroup.procs && exec \"$@\"",
            self.folder.display()
        );
        ["sh", "-c", &enter, "sh"].map(str::to_owned).to_vec()
    }

    /// Sets the limit.
    pub fn limit(&self, bytes: u64) -> Result<()> {
        Ok(fs::write(
            self.folder.join("memory.limit_in_bytes"),
            bytes.to_string(),
        )?)
    }

    /// What is used now, page cache included. Bytes.
    pub fn usage(&self) -> Result<u64> {
        let text = fs::read_to_string(self.folder.join("memory.usage_in_bytes"))?;
        Ok(text.trim().parse()?)
    }

    /// What its processes have for themselves, without files. Bytes.
    pub fn own_memory(&self) -> Result<u64> {
        let text = fs::read_to_string(self.folder.join("memory.stat"))?;
        let bytes = text.lines().find_map(|line| line.strip_prefix("rss "));
        Ok(bytes.context("no rss")?.parse()?)
    }
}

impl Drop for MemoryCgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}
