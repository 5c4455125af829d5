//! The commands as they are typed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use proto::profile_ops::canonical;
use proto::{Labels, ProfileRecord, Record, Target};
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};
use tempfile::TempDir;

use super::ProfileArgs;
use super::files::read;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    profile: ProfileArgs,
}

/// Runs `leadsman profile LINE`, with `DIR` and `DATA` standing for the folders.
pub(super) fn run(dir: &TempDir, line: &str) -> anyhow::Result<()> {
    let data = testdata("");
    let words = line.split(' ').map(|word| {
        word.replace("DIR", dir.path().to_str().unwrap())
            .replace("DATA/", data.to_str().unwrap())
    });
    let cli = Cli::try_parse_from(std::iter::once("profile".to_owned()).chain(words))?;
    cli.profile.run()
}

pub(super) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../proto/testdata")
        .join(name)
}

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn merged_files_have_the_sum_of_their_values() {
    let dir = folder();
    let (first, second) = ("etcd-heap-1.pb.gz", "etcd-heap-3.pb.gz");
    run(
        &dir,
        &format!("merge -o DIR/out.pb.gz DATA/{first} DATA/{second}"),
    )
    .unwrap();
    let merged = read(&dir.path().join("out.pb.gz")).unwrap();
    let sum = read(&testdata(first)).unwrap().total(1) + read(&testdata(second)).unwrap().total(1);
    assert_eq!(merged.total(1), sum);
}

#[test]
fn samples_of_files_are_chosen_by_their_labels() {
    let dir = folder();
    let total = |samples: &str| {
        let dump = "DATA/etcd-goroutine-debug2.txt";
        run(&dir, &format!("merge {samples}-o DIR/out.pb.gz {dump}")).unwrap();
        read(&dir.path().join("out.pb.gz")).unwrap().total(0)
    };
    let (all, select) = (total(""), total("--samples {state=\"select\"} "));
    assert!(0 < select && select < all, "{select} of {all}");
    assert_eq!(total("--samples {state!=\"select\"} "), all - select);
    run(&dir, "top --samples {state= DATA/etcd-goroutine-debug2.txt").unwrap_err();
}

#[test]
fn every_format_is_told_by_the_name_of_the_file() {
    let dir = folder();
    for (name, beginning) in [
        ("out.pb.gz", &b"\x1f\x8b"[..]),
        ("out.svg", b"<?xml"),
        ("out.json", b"{\"$schema\""),
        ("out.folded", b"go.etcd.io"),
    ] {
        run(&dir, &format!("convert -o DIR/{name} DATA/etcd-cpu.pb.gz")).unwrap();
        let bytes = fs::read(dir.path().join(name)).unwrap();
        let start = String::from_utf8_lossy(&bytes[..40]).into_owned();
        let is_right = bytes
            .windows(beginning.len())
            .take(200)
            .any(|part| part == beginning);
        assert!(is_right, "{name} begins with {start}");
    }
}

#[test]
fn pprof_to_pprof_changes_nothing() {
    let dir = folder();
    run(&dir, "convert --to pprof -o DIR/out DATA/etcd-cpu.pb.gz").unwrap();
    let (before, after) = (
        read(&testdata("etcd-cpu.pb.gz")),
        read(&dir.path().join("out")),
    );
    assert_eq!(canonical(&before.unwrap()), canonical(&after.unwrap()));
}

#[test]
fn goroutine_dumps_and_folded_stacks_are_read_too() {
    let dir = folder();
    run(
        &dir,
        "convert -o DIR/g.folded DATA/etcd-goroutine-debug2.txt",
    )
    .unwrap();
    run(&dir, "convert -o DIR/g.svg DIR/g.folded").unwrap();
    assert_eq!(read(&dir.path().join("g.folded")).unwrap().total(0), 100);
}

#[test]
fn errors_name_the_file_and_the_reason() {
    let dir = folder();
    fs::write(
        dir.path().join("text"),
        "heap profile: 1: 2 [3: 4] @ heap/1\n",
    )
    .unwrap();
    fs::write(dir.path().join("binary"), [0xff, 0, 1]).unwrap();
    let check = |line: &str, expected: &str| {
        let error = format!("{:#}", run(&dir, line).unwrap_err());
        let error = error.replace(dir.path().to_str().unwrap(), "DIR");
        assert!(error.contains(expected), "{error}");
    };
    check("top DIR/none", "failed to read DIR/none: No such file");
    check(
        "top DIR/text",
        "failed to read DIR/text as a profile: body is heap profile text",
    );
    check(
        "top DIR/binary",
        "failed to read DIR/binary as a profile: malformed protobuf",
    );
    check(
        "top -t x DATA/etcd-cpu.pb.gz",
        "no sample type \"x\"; there is samples, cpu",
    );
    check(
        "convert -o DIR/out DATA/etcd-cpu.pb.gz",
        "cannot tell the format",
    );
    check(
        "merge -o DIR/out DATA/etcd-cpu.pb.gz DATA/etcd-heap-1.pb.gz",
        "etcd-heap-1.pb.gz with the others: profile has alloc_objects/count",
    );
}

/// An archive of three heap profiles of etcd, an hour apart, and one CPU profile.
fn archive(dir: &TempDir) {
    let options = ArchiveOptions {
        path: dir.path().join("archive"),
        buffer_bytes: 1 << 20,
        flush_interval: Duration::from_secs(60),
        compression_level: 1,
    };
    let mut archive = Archive::open(options).unwrap();
    let labels = Labels::from_pairs([("job", "etcd"), ("instance", "a:1"), ("zone", "z")]);
    let target = Arc::new(Target {
        labels,
        scheme: "http".into(),
        address: "a:1".into(),
    });
    let captures = [
        "etcd-heap-0.pb.gz",
        "etcd-heap-1.pb.gz",
        "etcd-heap-3.pb.gz",
        "etcd-cpu.pb.gz",
    ];
    for (hour, name) in (0..).zip(captures) {
        let mut profile = read(&testdata(name)).unwrap();
        let noon = 1_795_262_400_000_000_000; // 2026-11-21T12:00:00Z
        profile.time_nanos = noon + hour * 3_600_000_000_000;
        let kind = if name.contains("cpu") {
            "process_cpu"
        } else {
            "memory"
        };
        let (target, kind) = (Arc::clone(&target), kind.to_owned());
        let record = ProfileRecord {
            target,
            kind,
            is_delta: false,
            profile,
        };
        archive.write(
            Position(hour as u64 + 1),
            &Record::Profile(Arc::new(record)),
        );
    }
    archive.flush().unwrap();
}

#[test]
fn the_archive_gives_what_was_written_to_it() {
    let dir = folder();
    archive(&dir);
    let select = "--archive DIR --job etcd --label zone=z --kind memory";
    let from = "--from 2026-11-21T13:00:00Z --until 2026-11-21T15:00:00Z";
    run(&dir, &format!("merge -o DIR/a.pb.gz {select} {from}")).unwrap();
    run(
        &dir,
        "merge -o DIR/f.pb.gz DATA/etcd-heap-1.pb.gz DATA/etcd-heap-3.pb.gz",
    )
    .unwrap();
    let [mut archived, of_files] =
        ["a", "f"].map(|name| read(&dir.path().join(format!("{name}.pb.gz"))).unwrap());
    archived.time_nanos = of_files.time_nanos;
    assert_eq!(canonical(&archived), canonical(&of_files));
}

#[test]
fn a_selection_that_cannot_be_merged_says_what_to_do() {
    let dir = folder();
    archive(&dir);
    let check = |line: &str, expected: &str| {
        let error = format!("{:#}", run(&dir, line).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    check(
        "top --archive DIR",
        "the selection has memory and process_cpu profiles: choose with --kind",
    );
    check("top --archive DIR --job other", "matches the selection");
    check(
        "top --job etcd",
        "there is no ./leadsman-data here: name the archive's folder with",
    );
    check("top --archive DIR/none", "there is no folder");
    check(
        "top --archive DIR DATA/etcd-cpu.pb.gz",
        "cannot be used with",
    );
}

#[test]
fn two_ranges_of_the_archive_are_compared() {
    let dir = folder();
    archive(&dir);
    let now = "--from 2026-11-21T14:00:00Z --until 2026-11-21T15:00:00Z";
    let base = "--base-from 2026-11-21T12:00:00Z --base-until 2026-11-21T13:00:00Z";
    let select = format!("--archive DIR --job etcd --kind memory {now} {base}");
    run(&dir, &format!("diff {select} -o DIR/d.pb.gz")).unwrap();
    let difference = read(&dir.path().join("d.pb.gz")).unwrap();
    let total = |name: &str| read(&testdata(name)).unwrap().total(3);
    assert_eq!(
        difference.total(3),
        total("etcd-heap-3.pb.gz") - total("etcd-heap-0.pb.gz")
    );
    run(&dir, &format!("diff {select} -o DIR/d.svg")).unwrap();
    let svg = fs::read_to_string(dir.path().join("d.svg")).unwrap();
    assert!(
        svg.contains("2026-11-21 14:00:00 to 2026-11-21 15:00:00 UTC against"),
        "{svg}"
    );
    let error = format!("diff --archive DIR --job etcd --kind memory {now}");
    let error = format!("{:#}", run(&dir, &error).unwrap_err());
    assert!(
        error.contains("failed to read the base: no profile in"),
        "{error}"
    );
}

#[test]
fn two_files_are_compared() {
    let dir = folder();
    let files = "DATA/etcd-heap-0.pb.gz DATA/etcd-heap-3.pb.gz";
    run(&dir, &format!("diff {files}")).unwrap();
    run(
        &dir,
        &format!("diff --per total -t alloc_space --by total {files} -o DIR/d.svg"),
    )
    .unwrap();
    assert!(run(&dir, "diff DATA/etcd-heap-0.pb.gz").is_err());
}
