//! The command line: what it prints and how it exits.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use leadsman_tests::leadsman::command;
use leadsman_tests::tools;

#[test]
fn the_default_configuration_passes_its_own_check() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("leadsman.yml");
    std::fs::write(&file, tools::run(&mut command(["config", "default"])?)?)?;
    tools::run(command(["check"])?.arg(&file))?;
    Ok(())
}

#[test]
fn a_wrong_key_is_told_with_file_line_key_and_what_is_allowed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bad.yml");
    std::fs::write(&file, "global:\n  scrape_intervall: 15s\n")?;
    let output = tools::output(command(["check"])?.arg(&file))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(2),
        "{:?}: {said}",
        output.status
    );
    for part in ["bad.yml:2", "scrape_intervall", "scrape_interval"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    Ok(())
}

#[test]
fn a_missing_file_is_told_by_name() -> Result<()> {
    let output = tools::output(&mut command(["--config", "/does/not/exist.yml"])?)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("/does/not/exist.yml"), "{said}");
    Ok(())
}

#[test]
fn completions_and_man_page_are_what_shells_and_man_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let completions = tools::run(&mut command(["completions", "bash"])?)?;
    check_with(
        folder.path(),
        "completions.bash",
        &completions,
        Command::new("bash").arg("-n"),
    )?;
    let man = tools::run(&mut command(["man"])?)?;
    assert!(man.contains(".TH leadsman 1"), "{man}");
    Ok(())
}

#[test]
fn rows_of_a_file_and_of_a_pipe_are_judged_alike() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rows.csv");
    let mut rows = String::from("TimeStamp,Value,Label\n");
    for row in 0..5000 {
        let value = if row == 4999 { 500 } else { 100 + row * 7 % 5 };
        rows += &format!("{},{value},0\n", row * 300);
    }
    std::fs::write(&file, rows)?;
    let judged = tools::run(command(["judge"])?.arg(&file))?;
    let piped = tools::run(command(["judge", "-"])?.stdin(std::fs::File::open(&file)?))?;
    assert_eq!(judged, piped);
    assert_eq!(judged.lines().count(), 5001);
    let last = judged.lines().last().unwrap_or_default();
    let fields: Vec<&str> = last.split(',').collect();
    ensure!(fields[..2] == ["1499700", "500"], "{last}");
    ensure!(fields[2].parse::<f64>()? > 0.6, "{last}");
    Ok(())
}

#[test]
fn a_row_that_cannot_be_judged_is_told_with_file_and_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bad.csv");
    std::fs::write(
        &file,
        "timestamp,value\n2026-03-02 00:00:00,1\n2026-03-02,much\n",
    )?;
    let output = tools::output(command(["judge"])?.arg(&file))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["bad.csv:3", "`much` is no number"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    Ok(())
}

fn check_with(folder: &Path, name: &str, text: &str, checker: &mut Command) -> Result<()> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    tools::run(checker.arg(file))?;
    Ok(())
}
