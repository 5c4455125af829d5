//! A capture from a server that offers some of the profiles.

use clap::Parser;
use serde_json::Value;

use super::CaptureArgs;
use super::folder::{default_path, plain};
use crate::fetch::tests::server::{Server, answer};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: CaptureArgs,
}

fn args(words: &[&str]) -> CaptureArgs {
    Cli::parse_from(["capture"].iter().chain(words)).args
}

async fn go_program() -> Server {
    let goroutine = include_bytes!("../../../../proto/testdata/etcd-goroutine.pb.gz");
    Server::routed(move |path| match path {
        "/metrics" => answer("200 OK\r\ncontent-type: text/plain", b"a 1\nb 2\n"),
        "/debug/pprof/goroutine" => answer("200 OK", goroutine),
        "/debug/pprof/goroutine?debug=2" => answer("200 OK", b"no dump at all"),
        _ => answer("404 Not Found", b""),
    })
    .await
}

#[tokio::test]
async fn a_capture_is_a_folder_with_a_manifest_of_what_came_and_what_did_not() {
    let server = go_program().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", server.address);
    let out = folder.path().join("out");
    let words = [url.as_str(), "--seconds", "1", "-o", out.to_str().unwrap()];
    args(&words).capture().await.unwrap();
    let manifest = std::fs::read(out.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let entry = |kind: &str| {
        let entries = manifest["entries"].as_array().unwrap();
        entries
            .iter()
            .find(|entry| entry["kind"] == kind)
            .unwrap()
            .clone()
    };
    assert_eq!(entry("metrics")["samples"], 2);
    assert_eq!(
        std::fs::read(out.join("metrics.txt")).unwrap(),
        b"a 1\nb 2\n"
    );
    assert!(entry("goroutine")["samples"].as_u64().unwrap() > 10);
    assert!(out.join("goroutine.pb.gz").exists());
    let missing = entry("block")["error"].as_str().unwrap().to_owned();
    assert_eq!(
        (missing.as_str(), &entry("block")["file"]),
        ("server answered 404", &Value::Null)
    );
    let dump = entry("goroutine_dump");
    assert_eq!(
        dump["file"], "goroutine_dump.txt",
        "what cannot be read is kept"
    );
    assert!(
        dump["error"]
            .as_str()
            .unwrap()
            .contains("not a goroutine dump")
    );
    let asked = server
        .seen()
        .iter()
        .any(|head| head.contains("/profile?seconds=1 "));
    assert!(asked);
    let again = args(&words).capture().await.unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again}");
}

#[tokio::test]
async fn a_capture_of_nothing_is_an_error() {
    let server = Server::routed(|_| answer("404 Not Found", b"")).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", server.address);
    let words = [url.as_str(), "-o", folder.path().to_str().unwrap()];
    let error = args(&words).capture().await.unwrap_err();
    assert!(error.to_string().contains("server answered 404"), "{error}");
    assert!(folder.path().join("manifest.json").exists());
}

#[tokio::test]
async fn a_target_that_is_not_there_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let words = ["unix:///nonexistent.sock", "-o", out.to_str().unwrap()];
    let error = args(&words).capture().await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert!(!out.exists());
}

#[test]
fn names_from_outside_stay_in_the_folder() {
    assert_eq!(plain("../../etc/passwd"), "_.._.._etc_passwd");
    let time = "2026-11-21T10:20:30Z".parse().unwrap();
    let path = default_path("unix:///run/containerd/debug.sock", time);
    let expected = "capture-run_containerd_debug.sock-20261121T102030Z";
    assert_eq!(path.to_str(), Some(expected));
}
