//! What is committed against what the catalogue says now.

use super::*;
use crate::config::built_in_signals;

const DOCUMENT: &str = include_str!("../../../../baseline/SIGNALS.md");
const RULES: &str = include_str!("../../../../dashboards/prometheus/leadsman.rules.yaml");
const RULE_TESTS: &str = include_str!("../../../../dashboards/prometheus/tests/leadsman.yaml");

fn rendered(format: Format) -> String {
    format.render(&built_in_signals().unwrap())
}

#[test]
fn the_document_is_that_of_the_catalogue() {
    let remedy = "leadsman signals --format markdown > baseline/SIGNALS.md";
    assert!(rendered(Format::Markdown) == DOCUMENT, "stale: {remedy}");
}

#[test]
fn the_rules_are_those_of_the_catalogue() {
    let remedy =
        "leadsman signals --format prometheus-rules > dashboards/prometheus/leadsman.rules.yaml";
    assert!(
        rendered(Format::PrometheusRules) == RULES,
        "stale: {remedy}"
    );
}

/// The alert and the severity of each alerting rule.
fn alerts() -> Vec<(String, String)> {
    let mut alerts = Vec::new();
    let mut alert = "";
    for line in RULES.lines().map(str::trim_start) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alert = name;
        } else if let Some(severity) = line.strip_prefix("severity: ") {
            alerts.push((alert.to_owned(), severity.to_owned()));
        }
    }
    alerts
}

#[test]
fn every_alert_is_tested() {
    let alerts = alerts();
    assert!(alerts.len() >= 30, "only {}", alerts.len());
    for (alert, severity) in alerts {
        let fires = format!("alertname=\"{alert}\", instance=\"bad\", severity=\"{severity}\"");
        assert!(
            RULE_TESTS.contains(&fires),
            "{alert} ({severity}) does not fire in a test"
        );
    }
}

#[test]
fn the_table_shows_every_signal_with_its_expression() {
    let table = rendered(Format::Table);
    for signal in built_in_signals().unwrap() {
        let head = format!("  {}: {}", signal.name, signal.title);
        assert!(table.contains(&head), "{head}");
        assert!(table.contains(&format!("    {}\n", signal.source)));
    }
    let fsync = "    warning above 500 ms for 10m (etcd mixin)\n    critical above 1 s for 10m";
    assert!(table.contains(fsync));
}

#[test]
fn what_thresholds_depend_on_is_shown_with_them() {
    let signals = built_in_signals().unwrap();
    let kept = keep_matching(&signals, "fragmentation");
    let names: Vec<_> = kept.iter().map(|signal| signal.name.as_str()).collect();
    assert_eq!(names, ["etcd_db_in_use", "etcd_db_fragmentation"]);
    let table = Format::Table.render(&kept);
    let warning = "warning above 50 % for 10m while etcd_db_in_use is above 100 MiB (etcd mixin)";
    assert!(table.contains(warning), "{table}");
    assert!(keep_matching(&signals, "nothing").is_empty());
}
