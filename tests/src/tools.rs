//! Where `tests/setup.sh` put its tools, and short runs of programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

/// The folder of the tools.
pub fn folder() -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").unwrap_or_else(|| "/root".into());
        std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(|| Path::new(&home).join(".cache"), PathBuf::from)
    };
    std::env::var_os("LEADSMAN_TEST_TOOLS")
        .map_or_else(|| cache().join("leadsman/test-tools"), PathBuf::from)
}

/// The repository's own folder of the tests.
pub fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs to the end; an error with its whole output if it fails.
pub fn run(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{command:?} ended with {}:\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

/// Runs to the end, however it ends.
pub fn output(command: &mut Command) -> Result<Output> {
    command
        .output()
        .with_context(|| format!("failed to start {command:?}: run tests/setup.sh"))
}

/// Runs a script of `tests/python` with DuckDB and Polars.
pub fn python(
    script: &str,
    args: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
) -> Result<String> {
    let python = folder().join("venv/bin/python");
    run(Command::new(python)
        .arg(tests_folder().join("python").join(script))
        .args(args))
}
