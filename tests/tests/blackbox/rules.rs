//! The rules for Prometheus, in the eyes of Prometheus' own tool.

use std::process::Command;

use anyhow::Result;
use leadsman_tests::tools;

fn promtool(arguments: [&str; 3]) -> Result<String> {
    let folder = tools::tests_folder().join("../dashboards/prometheus");
    tools::run(Command::new("promtool").args(arguments).current_dir(folder))
}

#[test]
fn prometheus_reads_the_rules() -> Result<()> {
    let said = promtool(["check", "rules", "leadsman.rules.yaml"])?;
    assert!(said.contains("rules found"), "{said}");
    Ok(())
}

/// Each alert fires for the instance that is bad and for no other; see the file of the tests.
#[test]
fn every_alert_fires_when_it_should_and_only_then() -> Result<()> {
    promtool(["test", "rules", "tests/leadsman.yaml"])?;
    Ok(())
}
