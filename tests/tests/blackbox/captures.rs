//! `leadsman capture` and `leadsman profile` against `go tool pprof` on the same files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use leadsman_tests::etcd::Etcd;
use leadsman_tests::leadsman::command;
use leadsman_tests::tools;

#[tokio::test(flavor = "multi_thread")]
async fn merged_captures_have_the_totals_that_go_tool_pprof_makes_of_them() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let etcd = Etcd::start(folder.path(), None).await?;
    let _load = etcd.load(folder.path())?;
    let captures = [folder.path().join("first"), folder.path().join("second")];
    for capture in &captures {
        let url = format!("http://{}", etcd.address);
        tools::run(command(["capture", "--seconds", "2", &url, "-o"])?.arg(capture))?;
        ensure!(
            capture.join("manifest.json").exists(),
            "no manifest in {}",
            capture.display()
        );
    }
    for kind in ["process_cpu", "memory", "goroutine"] {
        check_merge(
            folder.path(),
            &captures.each_ref().map(|capture| profile_in(capture, kind)),
            kind,
        )?;
    }
    Ok(())
}

fn profile_in(capture: &Path, kind: &str) -> PathBuf {
    capture.join(format!("{kind}.pb.gz"))
}

/// What `go tool pprof` shows of our merge is what it shows when it merges the files itself. (Its
/// `-proto` output is no reference: it leaves out samples that its own total counts.)
fn check_merge(folder: &Path, files: &[PathBuf], kind: &str) -> Result<()> {
    let ours = folder.join(format!("{kind}.ours.pb.gz"));
    tools::run(command(["profile", "merge", "-o"])?.arg(&ours).args(files))?;
    assert_eq!(top(&[ours])?, top(files)?, "{kind}");
    Ok(())
}

/// The whole table of `go tool pprof -top` over every sample type, without the header that names the file.
fn top(files: &[PathBuf]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for sample_index in 0..4 {
        let mut go = Command::new("go");
        go.args([
            "tool",
            "pprof",
            "-top",
            "-nodecount=100000",
            "-nodefraction=0",
            "-edgefraction=0",
        ]);
        let output = tools::output(go.arg(format!("-sample_index={sample_index}")).args(files))?;
        if !output.status.success() {
            break;
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rows = text
            .lines()
            .skip_while(|line| !line.starts_with("Showing nodes"));
        let mut rows: Vec<String> = rows
            .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        // Rows of equal value come in any order, which changes their running sum too.
        rows.iter_mut()
            .for_each(|row| *row = without_running_sum(row));
        rows.sort();
        lines.append(&mut rows);
    }
    ensure!(
        !lines.is_empty(),
        "go tool pprof showed nothing of {files:?}"
    );
    Ok(lines)
}

fn without_running_sum(row: &str) -> String {
    let columns: Vec<&str> = row.split(' ').collect();
    match columns.as_slice() {
        [flat, flat_percent, _sum_percent, rest @ ..] if flat_percent.ends_with('%') => {
            format!("{flat} {flat_percent} {}", rest.join(" "))
        }
        _ => row.to_owned(),
    }
}
