//! System calls of a running process that fail or take their time, by strace.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::process::Process;
use crate::wait::{PATIENCE, until};

/// An strace that is attached; it lets go when dropped.
pub struct Strace {
    _process: Process,
}

impl Strace {
    /// Tampers with `calls` (names with commas) of `process` as strace's `-e inject=` has it:
    /// `error=EIO`, `delay_enter=100ms`, …
    pub async fn inject(
        folder: &Path,
        process: &Process,
        calls: &str,
        tampering: &str,
    ) -> Result<Self> {
        let (trace, inject) = (
            format!("trace={calls}"),
            format!("inject={calls}:{tampering}"),
        );
        Self::attach(folder, process, &["-e", &trace, "-e", &inject]).await
    }

    /// Attaches strace with these arguments.
    pub async fn attach(folder: &Path, process: &Process, args: &[&str]) -> Result<Self> {
        let mut command = Command::new("strace");
        let pid = process.id().to_string();
        command.args(["-f", "-o", "/dev/null"]).args(args);
        command.args(["-p", &pid]);
        let mut strace = Process::spawn("strace", folder, command)?;
        until("strace to be attached", PATIENCE, || {
            let attached = strace.check_alive().and_then(|()| {
                let said = strace.output();
                ensure!(said.contains("attached"), "{said}");
                Ok(())
            });
            async { attached }
        })
        .await?;
        Ok(Self { _process: strace })
    }
}
