//! A wall clock of its own for one process: it can be set while the process runs. All other
//! clocks go on as they are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::tools;

/// The clock of the process that runs in [`WallClock::wrapper`].
pub struct WallClock {
    library: PathBuf,
    path: PathBuf,
    file: File,
}

impl WallClock {
    /// Compiles what is preloaded; the clock is right at first.
    pub fn make(folder: &Path) -> Result<Self> {
        let library = folder.join("wall_clock.so");
        let source = tools::tests_folder().join("c/wall_clock.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]);
        tools::run(compiler.arg(&library).arg(source))?;
        let path = folder.join("wall_clock");
        let file = File::create(&path)?;
        let clock = Self {
            library,
            path,
            file,
        };
        clock.shift(0)?;
        Ok(clock)
    }

    /// The program that executes another one with this clock.
    pub fn wrapper(&self) -> Vec<String> {
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", self.library.display()),
            format!("WALL_CLOCK_SHIFT={}", self.path.display()),
        ]
    }

    /// Sets it this many seconds before the right time, or behind.
    pub fn shift(&self, seconds: i64) -> Result<()> {
        Ok(self.file.write_all_at(&seconds.to_ne_bytes(), 0)?)
    }
}
