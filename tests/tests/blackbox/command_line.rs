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

fn check_with(folder: &Path, name: &str, text: &str, checker: &mut Command) -> Result<()> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    tools::run(checker.arg(file))?;
    Ok(())
}
