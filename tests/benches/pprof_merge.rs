//! Merging captured heap profiles: `leadsman profile merge` beside `go tool pprof -proto`.
//!
//! Both read, merge and write the same gzip'd files as one command. What a file costs is the
//! difference between many files and one, so that neither pays for its start. It prints a Markdown
//! table; run it by `make bench`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use leadsman_tests::leadsman;
use leadsman_tests::process::Process;
use leadsman_tests::tools::tests_folder;
use leadsman_tests::usage::cpu_time_of_life;

const CAPTURES: [&str; 3] = ["etcd-heap-1", "etcd-heap-3", "containerd-heap-1"];
const N_FILES: usize = 600;
const PATIENCE: Duration = Duration::from_secs(300);

/// Wall clock and CPU time of a command.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// The command, how often it is run (its cost is below the clock's step), and its name.
struct Tool {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let files = copies(folder.path())?;
    let tools = [
        Tool {
            name: "leadsman profile merge",
            program: leadsman::binary()?,
            arguments: &["profile", "merge", "-o", "merged.pb.gz"],
        },
        Tool {
            name: "go tool pprof -proto",
            program: "go".into(),
            arguments: &["tool", "pprof", "-proto", "-output=merged.pb.gz"],
        },
    ];
    println!("\n{N_FILES} captured heap profiles (8 kB of gzip each) into one\n");
    println!("| | wall ms | CPU ms | CPU µs per file | × leadsman |");
    println!("|---|--:|--:|--:|--:|");
    let mut base = None;
    for tool in &tools {
        let one = tool.run(folder.path(), &files[..1])?;
        let all = tool.run(folder.path(), &files)?;
        let each = (all.cpu.saturating_sub(one.cpu)).as_secs_f64() * 1e6 / (N_FILES - 1) as f64;
        println!(
            "| {} | {} | {} | {each:.0} | {:.1} |",
            tool.name,
            all.wall.as_millis(),
            all.cpu.as_millis(),
            each / *base.get_or_insert(each)
        );
    }
    Ok(())
}

impl Tool {
    fn run(&self, folder: &Path, files: &[PathBuf]) -> Result<Took> {
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments)
            .args(files)
            .current_dir(folder)
            .env("PPROF_TMPDIR", folder);
        let start = Instant::now();
        let mut process = Process::spawn("merge", folder, command)?;
        let cpu = cpu_time_of_life(&mut process, PATIENCE)?;
        let wall = start.elapsed();
        let merged = folder.join("merged.pb.gz");
        ensure!(merged.exists(), "{}: {}", self.name, process.output());
        std::fs::remove_file(merged)?;
        Ok(Took { wall, cpu })
    }
}

/// Names of their own, for a tool that reads a file only once.
fn copies(folder: &Path) -> Result<Vec<PathBuf>> {
    let from = tests_folder().join("../proto/testdata");
    let mut files = Vec::with_capacity(N_FILES);
    for (idx, capture) in CAPTURES.iter().cycle().take(N_FILES).enumerate() {
        let file = folder.join(format!("{idx}.pb.gz"));
        std::fs::copy(from.join(format!("{capture}.pb.gz")), &file)?;
        files.push(file);
    }
    Ok(files)
}
