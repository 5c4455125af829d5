//! `leadsman targets`: what is a target, how it is doing, what is not one; and targets of files.

use std::path::Path;

use anyhow::{Result, ensure};
use leadsman_tests::containerd::Containerd;
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::free_port;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn targets_tells_states_reasons_and_what_is_no_target() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let containerd = Containerd::start(folder.path()).await?;
    let good = CountingTarget::start().await?;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let list = folder.path().join("broken.json");
    std::fs::write(
        folder.path().join("odd.json"),
        "[{\"targets\": [\"not/an/address\"]}]",
    )?;
    std::fs::write(&list, "[{\"targets\": [\"h:1\"], \"labels\": 7}]")?;
    let yaml = format!(
        r#"
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: containerd
    metrics_enabled: false
    static_configs: [{{targets: ["unix://{socket}"], labels: {{zone: a}}}}]
    profiling_config: {{pprof_config: {{
      goroutine: {{enabled: true, interval: 1s}}, block: {{enabled: true, interval: 1s}},
      fgprof: {{enabled: true, interval: 2s, seconds: 1}}, memory: {{enabled: false}}}}}}
  - job_name: nobody
    static_configs: [{{targets: ["{nobody}"]}}]
  - job_name: good
    static_configs: [{{targets: ["{good}", "unwanted:1"]}}]
    relabel_configs: [{{source_labels: [__address__], regex: "unwanted.*", action: drop}}]
  - job_name: same
    static_configs: [{{targets: ["{good}", "{nobody}"]}}]
    relabel_configs: [{{target_label: instance, replacement: one}}]
  - job_name: listed
    file_sd_configs: [{{files: [{list:?}, odd.json]}}]
"#,
        socket = containerd.debug_socket.display(),
        good = good.address,
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    leadsman.wait_until_up(&["good", "containerd"]).await?;
    let expected = expected(&nobody);
    let said = until("everything to be told", PATIENCE, || async {
        let (said, code) = leadsman.targets_command()?;
        let missing: Vec<_> = expected
            .iter()
            .filter(|part| !has_line(&said, part))
            .collect();
        ensure!(
            missing.is_empty() && code == Some(1),
            "{missing:?} in {said}"
        );
        Ok(said)
    })
    .await?;
    assert!(!said.contains("unwanted:1  up"), "{said}");
    check_faults_are_logged(&leadsman);
    check_filter_and_json(&leadsman)
}

/// Parts of lines, each in this order on one line.
fn expected(nobody: &str) -> Vec<Vec<String>> {
    let lines: [&[&str]; 11] = [
        &["containerd", "unix://", "up"],
        &["labels", "instance=", "job=\"containerd\"", "zone=\"a\""],
        &["goroutine", "ok", "bytes"],
        &["block", "ok", "empty", "containerd never does"],
        &["fgprof", "skipped", "does not offer it", "404"],
        &["memory", "off", "disabled in the configuration"],
        &["nobody", nobody, "DOWN"],
        &["last error", "failed to connect", "refused"],
        &["good", "unwanted:1", "dropped by relabel_configs"],
        &["listed", "odd.json", "wrong target", "not/an/address"],
        &["same", nobody, "another target has the same labels"],
    ];
    let mut lines: Vec<Vec<String>> = lines
        .iter()
        .map(|parts| parts.iter().map(ToString::to_string).collect())
        .collect();
    lines.push(vec!["listed".into(), "broken.json".into(), "labels".into()]);
    lines
}

fn has_line(said: &str, parts: &[String]) -> bool {
    said.lines().any(|line| {
        let end = parts.iter().try_fold(0, |from, part| {
            let found = line.get(from..)?.find(part.as_str())?;
            Some(from + found + part.len())
        });
        end.is_some()
    })
}

/// What is wrong is logged, what was asked for is not.
fn check_faults_are_logged(leadsman: &Leadsman) {
    let log = leadsman.process.output();
    let faults: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("not a target"))
        .collect();
    for fault in ["not/an/address", "same labels", "broken.json"] {
        let n_lines = faults.iter().filter(|line| line.contains(fault)).count();
        assert_eq!(n_lines, 1, "{fault} is told once: {log}");
    }
    assert!(
        !faults.iter().any(|line| line.contains("unwanted")),
        "{log}"
    );
}

fn check_filter_and_json(leadsman: &Leadsman) -> Result<()> {
    let targets = || command(["targets", "--address", &leadsman.address]);
    let json = tools::run(targets()?.args(["--json", "containerd"]))?;
    let report: Value = serde_json::from_str(&json)?;
    assert_eq!(report["targets"][0]["job"], "containerd", "{report:#}");
    assert_eq!(report["targets"][0]["health"], "up", "{report:#}");
    let output = tools::output(targets()?.arg("nothing-of-this-name"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nothing-of-this-name"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_of_a_file_comes_and_goes_and_its_series_end() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (stays, goes) = (
        CountingTarget::start().await?,
        CountingTarget::start().await?,
    );
    let receiver = OtlpReceiver::grpc().await?;
    let list = folder.path().join("list.yml");
    let (stays, goes) = (stays.address.to_string(), goes.address.to_string());
    write_list(&list, &[&stays])?;
    let yaml = format!(
        "global: {{scrape_interval: 1s}}\n\
         otlp: [{{endpoint: \"http://{}\", protocol: grpc, signals: [metrics], batch_interval: 1s}}]\n\
         scrape_configs: [{{job_name: listed, file_sd_configs: [{{files: [{list:?}]}}]}}]\n",
        receiver.address
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    wait_for_targets(&leadsman, &[&stays]).await?;
    write_list(&list, &[&stays, &goes])?;
    wait_for_targets(&leadsman, &[&stays, &goes]).await?;
    write_list(&list, &[&stays])?;
    wait_for_targets(&leadsman, &[&stays]).await?;
    until(
        "stale markers of the target that went",
        PATIENCE,
        || async {
            for metric in ["scrapes_total", "up"] {
                let n_ends = receiver.n_ends(metric, &goes);
                ensure!(n_ends == 1, "{n_ends} ends of {metric}");
            }
            Ok(())
        },
    )
    .await?;
    assert_eq!(receiver.n_ends("scrapes_total", &stays), 0);
    Ok(())
}

/// Replaces the file at once, as file_sd's writers should.
fn write_list(list: &Path, targets: &[&str]) -> Result<()> {
    let new = list.with_extension("new");
    std::fs::write(&new, format!("- targets: {targets:?}\n"))?;
    Ok(std::fs::rename(new, list)?)
}

/// Waits until the job has these targets, no others, and all are up.
async fn wait_for_targets(leadsman: &Leadsman, expected: &[&str]) -> Result<()> {
    until(
        &format!("{expected:?} to be the targets"),
        PATIENCE,
        || async {
            let mut targets = leadsman.targets().await?;
            targets.retain(|target| target["job"] == "listed");
            let is_up = |instance: &&str| {
                targets
                    .iter()
                    .any(|target| target["instance"] == **instance && target["health"] == "up")
            };
            ensure!(
                targets.len() == expected.len() && expected.iter().all(is_up),
                "{targets:#?}"
            );
            Ok(())
        },
    )
    .await
}
