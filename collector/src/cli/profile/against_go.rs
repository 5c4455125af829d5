//! The same files through `go tool pprof` (Debian's golang-go, which `make test` installs).

use std::path::Path;
use std::process::Command;

use proto::profile_ops::{canonical, top};

use super::files::read;
use super::tests::{folder, run, testdata};

/// Runs `go tool pprof` and gives back what it printed.
fn go_pprof(arguments: &[&str], files: &[&Path]) -> String {
    let mut command = Command::new("go");
    command.args(["tool", "pprof"]).args(arguments).args(files);
    let output = command.output().expect("go is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn check_merge_equals_go(names: &[&str]) {
    let dir = folder();
    let go_merged = dir.path().join("go.pb.gz");
    let files: Vec<_> = names.iter().map(|name| testdata(name)).collect();
    let paths: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    go_pprof(&["-proto", "-output", go_merged.to_str().unwrap()], &paths);
    let words: Vec<_> = names.iter().map(|name| format!("DATA/{name}")).collect();
    run(
        &dir,
        &format!("merge -o DIR/ours.pb.gz {}", words.join(" ")),
    )
    .unwrap();
    let go = read(&go_merged).unwrap();
    let ours = read(&dir.path().join("ours.pb.gz")).unwrap();
    assert_eq!(canonical(&ours), canonical(&go), "{names:?}");
}

#[test]
fn merges_hold_the_same_samples() {
    check_merge_equals_go(&[
        "etcd-heap-0.pb.gz",
        "etcd-heap-1.pb.gz",
        "etcd-heap-3.pb.gz",
    ]);
    check_merge_equals_go(&["etcd-cpu.pb.gz", "containerd-cpu.pb.gz"]);
    check_merge_equals_go(&["containerd-heap-1.pb.gz", "etcd-heap-1.pb.gz"]);
    check_merge_equals_go(&["etcd-mutex.pb.gz", "containerd-block.pb.gz"]);
    check_merge_equals_go(&["etcd-goroutine.pb.gz"]);
}

#[test]
fn the_top_functions_are_the_same() {
    let merged = folder();
    run(
        &merged,
        "merge -o DIR/m.pb.gz DATA/etcd-heap-1.pb.gz DATA/etcd-heap-3.pb.gz",
    )
    .unwrap();
    let path = merged.path().join("m.pb.gz");
    let shown = go_pprof(
        &[
            "-top",
            "-sample_index=alloc_space",
            "-unit=B",
            "-nodefraction=0",
            "-nodecount=0",
        ],
        &[&path],
    );
    let profile = read(&path).unwrap();
    let ours = top(
        &profile,
        profile.type_idx("alloc_space").unwrap(),
        usize::MAX,
    );
    let mut ours: Vec<_> = ours
        .iter()
        .map(|row| (row.function.clone(), row.flat, row.cum))
        .collect();
    let mut go: Vec<_> = shown.lines().filter_map(top_row).collect();
    ours.sort();
    go.sort();
    assert_eq!(ours, go, "{shown}");
}

/// `  528394B 12.83% 12.83%   528394B 12.83%  runtime.malg (inline)`.
fn top_row(line: &str) -> Option<(String, i64, i64)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let bytes = |word: &str| word.strip_suffix('B').unwrap_or(word).parse().ok();
    let (flat, cum, name) = (bytes(words.first()?)?, bytes(words.get(3)?)?, words.get(5)?);
    Some(((*name).to_owned(), flat, cum))
}
