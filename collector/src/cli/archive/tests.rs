//! The subcommands, run as the command line runs them, on a simulated archive.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    archive: ArchiveArgs,
}

fn run(args: &[&str]) -> anyhow::Result<ExitCode> {
    let args = std::iter::once("archive").chain(args.iter().copied());
    Line::try_parse_from(args)?.archive.run()
}

fn simulate(out: &Path, more: &[&str]) -> anyhow::Result<ExitCode> {
    let out = out.to_str().unwrap();
    let args = [
        "simulate",
        out,
        "--days",
        "2",
        "--step",
        "2h",
        "--until",
        "2026-11-23",
        "--series-per-target",
        "60",
        "--profile-interval",
        "8h",
    ];
    run(&[&args[..], more].concat())
}

#[test]
fn a_simulated_archive_is_healthy_until_a_bit_flips() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("leadsman-data/archive");
    simulate(&out, &[]).unwrap();
    let data = folder.path().join("leadsman-data");
    let data = data.to_str().unwrap();
    for command in [
        &["verify", data][..],
        &["verify", "--quick", data],
        &["ls", data],
        &["stats", data, "-o", "json"],
        &["ls", "--files", "-o", "csv", data],
    ] {
        assert_eq!(run(command).unwrap(), ExitCode::SUCCESS, "{command:?}");
    }
    let day = fs::read_dir(out.join("metric_points/date=2026-11-22"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&day).unwrap();
    bytes[50] ^= 1;
    fs::write(&day, bytes).unwrap();
    assert_eq!(run(&["verify", data]).unwrap(), ExitCode::FAILURE);
}

#[test]
fn what_is_there_is_not_written_over_and_what_is_not_there_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine"), "").unwrap();
    let refused = simulate(folder.path(), &[]).unwrap_err().to_string();
    assert!(refused.contains("is not empty"), "{refused}");
    let missing = folder.path().join("none");
    let refused = run(&["ls", missing.to_str().unwrap()])
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("there is no folder"), "{refused}");
}

#[test]
fn an_archive_is_merged_by_hand_unless_somebody_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("archive");
    let text = out.to_str().unwrap();
    let args = [
        "simulate",
        text,
        "--days",
        "1",
        "--step",
        "2h",
        "--until",
        "2026-11-23",
        "--series-per-target",
        "40",
        "--profile-interval",
        "off",
    ];
    run(&[&args[..], &["--flush-interval", "4h", "--as-flushed"]].concat()).unwrap();
    let n_files = || {
        fs::read_dir(out.join("metric_points/date=2026-11-22"))
            .unwrap()
            .count()
    };
    assert_eq!(n_files(), 6);
    let lock = fs::File::open(out.join(".lock")).unwrap();
    lock.lock().unwrap();
    let refused = run(&["compact", text]).unwrap_err().to_string();
    assert!(refused.starts_with("leadsman is running on"), "{refused}");
    drop(lock);
    run(&["compact", text]).unwrap();
    assert_eq!(n_files(), 1);
    assert_eq!(run(&["verify", text]).unwrap(), ExitCode::SUCCESS);
}

#[test]
fn a_prune_tells_what_would_go_and_drops_what_was_rolled_up() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("archive");
    simulate(&out, &["--as-flushed"]).unwrap();
    let config = folder.path().join("leadsman.yml");
    fs::write(
        &config,
        "archive: {retention: {raw: 1d, tables: {metric_exemplars: 1d}}}\n",
    )
    .unwrap();
    let (dir, config) = (out.to_str().unwrap(), config.to_str().unwrap());
    let is_there = |table: &str| out.join(table).join("date=2026-11-22").exists();
    run(&["prune", dir, "--config", config, "--dry-run"]).unwrap();
    assert!(is_there("profiles"));
    run(&["prune", dir, "--config", config]).unwrap();
    // Rows that nobody has rolled up yet wait.
    assert!(is_there("metric_points") && is_there("profiles") && is_there("metric_series"));
    run(&["compact", dir]).unwrap();
    run(&["prune", dir, "--config", config]).unwrap();
    assert!(!is_there("metric_points") && !is_there("profile_samples"));
    // Windows refer to series and stacks.
    assert!(is_there("metric_rollups_5m") && is_there("metric_series") && is_there("stacks"));
    fs::write(config, "archive: {retention: {raw: 1w, 5m: 1d}}").unwrap();
    let error = run(&["prune", dir, "--config", config]).unwrap_err();
    assert!(error.to_string().contains("no longer than 5m"), "{error}");
}

#[test]
fn work_on_a_bucket_is_refused_with_a_way_out() {
    for command in ["verify", "stats", "compact", "prune"] {
        let refused = run(&[command, "s3://bucket/prefix"])
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("copy it to one first"),
            "{command}: {refused}"
        );
    }
    let refused = run(&["ls", "s3://key:secret@bucket"])
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("not a bucket"), "{refused}");
    assert!(!refused.contains("secret"), "{refused}");
}
