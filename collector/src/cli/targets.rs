//! `leadsman targets`: what a running leadsman knows of its targets.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use exporter::web::{
    DiscoveryProblem, Health, ProfileState, ProfileStatus, TargetReport, TargetStatus,
};

use super::output::print;
use super::own::{OwnArgs, OwnClient};

/// Show the targets of a running leadsman: labels, state, last error, skipped profiles
#[derive(Debug, clap::Args)]
pub struct TargetsArgs {
    #[command(flatten)]
    own: OwnArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show only targets whose job or instance contains this
    filter: Option<String>,
}

impl TargetsArgs {
    /// Asks and prints; exit code 1 if a target is down.
    pub fn run(self) -> Result<ExitCode> {
        let client = OwnClient::new(&self.own)?;
        let body = client.get("/api/v1/targets", Duration::from_secs(10))?;
        let mut report: TargetReport =
            serde_json::from_slice(&body).context("failed to read the list of targets")?;
        if let Some(filter) = &self.filter {
            keep_matching(&mut report, filter)?;
        }
        let name = |target: &TargetStatus| (target.job.clone(), target.instance.clone());
        report.targets.sort_by_cached_key(name);
        let text = if self.json {
            serde_json::to_string_pretty(&report)? + "\n"
        } else {
            render(&report)
        };
        print(text.as_bytes())?;
        let any_down = report
            .targets
            .iter()
            .any(|target| target.health == Health::Down);
        Ok(if any_down {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn keep_matching(report: &mut TargetReport, filter: &str) -> Result<()> {
    let has = |text: &String| text.contains(filter);
    report
        .targets
        .retain(|target| has(&target.job) || has(&target.instance));
    report
        .problems
        .retain(|problem| has(&problem.job) || has(&problem.source));
    if report.targets.is_empty() && report.problems.is_empty() {
        bail!("no target's job or instance contains {filter:?}");
    }
    Ok(())
}

fn render(report: &TargetReport) -> String {
    let mut out = String::new();
    for target in &report.targets {
        render_target(&mut out, target);
        target
            .profiles
            .iter()
            .for_each(|profile| render_profile(&mut out, profile));
        out.push('\n');
    }
    if !report.problems.is_empty() {
        out.push_str("Not targets:\n");
    }
    for DiscoveryProblem {
        job,
        source,
        reason,
    } in &report.problems
    {
        let _ = writeln!(out, "  {job}  {source}: {reason}");
    }
    out
}

fn render_profile(out: &mut String, profile: &ProfileStatus) {
    let state = match profile.state {
        _ if !profile.enabled => "off",
        ProfileState::Ok => "ok",
        ProfileState::Skipped => "skipped",
        ProfileState::Failed => "failed",
        ProfileState::Waiting => "waiting",
    };
    let _ = write!(out, "  {:<18} {state:<8}", profile.kind);
    if profile.bytes > 0 {
        let (bytes, seconds) = (profile.bytes, profile.seconds_spent_total);
        let _ = write!(out, " {bytes} bytes, {seconds:.1} s spent in all");
    }
    if let Some(reason) = &profile.reason {
        let mark = if profile.bytes > 0 { ";" } else { "" };
        let _ = write!(out, "{mark} {reason}");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
}

fn render_target(out: &mut String, target: &TargetStatus) {
    let health = match target.health {
        Health::Up => "up",
        Health::Down => "DOWN",
        Health::Unknown => "unknown",
    };
    let _ = writeln!(
        out,
        "{}  {}  {health}  ({} {})",
        target.job, target.instance, target.scheme, target.address
    );
    let labels: Vec<_> = target
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let _ = writeln!(out, "  labels             {}", labels.join(" "));
    if target.last_scrape.is_some() {
        let _ = writeln!(
            out,
            "  metrics            {} samples in {:.1} ms",
            target.n_samples,
            target.last_duration_seconds * 1000.0
        );
    }
    for left_out in &target.left_out {
        let _ = writeln!(out, "  left out           {left_out}");
    }
    if let Some(error) = &target.last_error {
        let _ = writeln!(out, "  last error         {error}");
    }
}
