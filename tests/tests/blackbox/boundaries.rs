//! What leadsman stays within: its folder, whatever the labels are, and its rights.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use leadsman_tests::contents;
use leadsman_tests::hostile_target::{HostileTarget, text};
use leadsman_tests::leadsman::{Leadsman, binary};
use leadsman_tests::tools;
use leadsman_tests::wait::PATIENCE;

/// Debian's `nobody` and `nogroup`.
const NOBODY: &str = "65534";

#[tokio::test(flavor = "multi_thread")]
async fn no_label_leads_out_of_the_data_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("a/b/c");
    std::fs::create_dir_all(&home)?;
    let target = HostileTarget::start(text("a{path=\"../../x\",slash=\"/etc/x\"} 1\n")).await?;
    let away = "http://127.0.0.1:9/../../../out";
    let long = "long/".repeat(2000);
    let mut yaml = format!(
        "global: {{scrape_interval: 1s}}\n\
         otlp: [{{endpoint: \"{away}\", protocol: http/protobuf, signals: [metrics]}}]\nscrape_configs:\n"
    );
    let names = [
        "../../x",
        "/tmp/leadsman-x",
        "a\\0b",
        "..",
        "a/../../b",
        &long,
    ];
    for name in names {
        yaml += &format!(
            "  - {{job_name: \"{name}\", static_configs: [{{targets: [\"{}\"], \
             labels: {{instance: \"{name}\", zone: \"{name}\"}}}}]}}\n",
            target.address
        );
    }
    let mut leadsman = Leadsman::start(&home, &yaml).await?;
    leadsman.wait_until_up(&["../../x", "a\0b", &long]).await?;
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    let archived = contents::of_archive(&leadsman.data)?;
    assert!(archived.contains("a/../../b") && archived.contains(&long));
    let mut found = BTreeSet::new();
    places(folder.path(), folder.path(), &mut found)?;
    let is_known = |place: &&PathBuf| {
        let known = ["a/b/c/leadsman.yml", "a/b/c/leadsman.log", "a/b/c/data"];
        known.iter().any(|known| place.starts_with(known))
    };
    let outside: Vec<_> = found.iter().filter(|place| !is_known(place)).collect();
    assert!(outside.is_empty(), "{outside:?}");
    assert!(!Path::new("/tmp/leadsman-x").exists());
    Ok(())
}

/// The files below `folder`, relative to `root`.
fn places(root: &Path, folder: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            places(root, &path, found)?;
        } else {
            found.insert(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(())
}

/// In a mount namespace of its own, where `/run` is the test's; so it runs as root.
#[test]
fn without_root_it_says_what_it_may_not_look_at() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let socket = run.join("containerd/debug.sock");
    std::fs::create_dir_all(run.join("containerd"))?;
    let _listener = UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o600))?;
    for path in [folder.path(), &run, &run.join("containerd")] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755))?;
    }
    let home = folder.path().join("home");
    std::fs::create_dir(&home)?;
    std::os::unix::fs::chown(&home, NOBODY.parse().ok(), NOBODY.parse().ok())?;
    // The build's folder may be closed to others.
    let program = folder.path().join("leadsman");
    std::fs::copy(binary()?, &program)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]).arg(
        "mount --bind \"$1\" /run && cd \"$2\" && exec setpriv --reuid=$3 --regid=$3 --clear-groups \
         timeout --preserve-status -s TERM 5 \"$4\" --listen 127.0.0.1:0",
    );
    command
        .arg("sh")
        .args([&run, &home])
        .arg(NOBODY)
        .arg(&program);
    let output = tools::output(command.env("NO_COLOR", "1"))?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "{}: {said}", output.status);
    assert!(home.join("leadsman-data/archive").exists(), "{said}");
    for part in ["/run/containerd/debug.sock", "user 65534 may not"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    Ok(())
}
