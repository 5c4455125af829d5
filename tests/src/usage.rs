//! What a process has used, as the kernel counts it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::Process;

/// Ticks per second of the times in `/proc/PID/stat` (`USER_HZ`, a constant of Linux' interface).
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of all its threads, in user and kernel mode, and of the children it has waited for,
/// in steps of 10 ms.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    Ok(stat(pid)?.1)
}

/// The memory that is resident. Bytes.
pub fn memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most memory that was resident at one time. Bytes.
pub fn peak_memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Number of its threads.
pub fn threads(pid: u32) -> Result<usize> {
    Ok(status(pid, "Threads:")?.parse()?)
}

/// Number of its open file descriptors.
pub fn descriptors(pid: u32) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

fn status_bytes(pid: u32, key: &str) -> Result<u64> {
    let kib = status(pid, key)?;
    let kib = kib.strip_suffix(" kB").context("not in kB")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// A line of `/proc/PID/status` without its key.
fn status(pid: u32, key: &str) -> Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    Ok(line.with_context(|| format!("no {key}"))?.trim().to_owned())
}

/// Waits for a process to end, and returns the CPU time of its whole life.
///
/// The kernel keeps the times of a process that has ended until its parent has asked how.
pub fn cpu_time_of_life(process: &mut Process, patience: Duration) -> Result<Duration> {
    let pid = process.id();
    let polls = patience.as_millis() / POLL.as_millis();
    for _ in 0..polls {
        let (state, cpu) = stat(pid)?;
        if state == 'Z' {
            process.wait(patience)?;
            return Ok(cpu);
        }
        std::thread::sleep(POLL);
    }
    bail!("it still runs after {patience:?}:\n{}", process.output())
}

const POLL: Duration = Duration::from_millis(2);

/// Bytes of the files in a folder and the folders in it; none if it is not there.
pub fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

/// State and CPU time.
fn stat(pid: u32) -> Result<(char, Duration)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name, in brackets, may hold anything.
    let (_, fields) = line.rsplit_once(") ").context("no name in stat")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let state = fields.first().and_then(|state| state.chars().next());
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5).
    let times = fields.get(11..15).context("no times")?;
    let ticks = times.iter().map(|time| time.parse::<u64>());
    let ticks = ticks.sum::<Result<u64, _>>()?;
    let cpu = Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND);
    Ok((state.context("no state")?, cpu))
}
