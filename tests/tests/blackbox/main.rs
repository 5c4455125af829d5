//! Black-box tests: real systems around the real binary.

mod alerts;
mod boundaries;
mod buckets;
mod captures;
mod chaos;
mod churn;
mod clock;
mod command_line;
mod crash;
mod damage;
mod dashboards;
mod deploy;
mod disk;
mod endpoints;
mod events;
mod exposition;
mod first_minutes;
mod hostile;
mod keeper;
mod large;
mod main_job;
mod memory;
mod notebooks;
mod outage;
mod pages;
mod profiles;
mod pyroscope;
mod recall;
mod receivers;
mod reload;
mod rules;
mod scene;
mod served;
mod span_metrics;
mod stopping;
mod targets;
mod traces;
mod troubles;
mod versions;
mod weeks;
mod wire;

use anyhow::{Context, Result};
use leadsman_tests::tools;

/// Archived points `(time in ms, value)` of a metric of a job, by time.
fn archived_points(data: &std::path::Path, metric: &str, job: &str) -> Result<Vec<(u64, f64)>> {
    let archive = data.join("archive");
    let json = tools::python(
        "points.py",
        [archive.as_os_str(), metric.as_ref(), job.as_ref()],
    )?;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json)?;
    let point = |row: &serde_json::Value| Some((row[0].as_u64()?, row[1].as_f64()?));
    rows.iter()
        .map(|row| point(row).with_context(|| format!("not a point: {row}")))
        .collect()
}

/// Of a counter that each scrape increases: no scrape is there twice or before an earlier one.
#[track_caller]
fn check_once_and_in_order(points: &[(u64, f64)]) {
    assert!(
        points.is_sorted_by(|(_, before), (_, value)| before < value),
        "a scrape twice or out of order: {points:?}"
    );
}
