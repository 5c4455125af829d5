//! The discoverer with real files, from the outside.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{self, Config};

struct Running {
    config: watch::Sender<Arc<Config>>,
    targets: watch::Receiver<Vec<DiscoveredTarget>>,
    problems: watch::Receiver<Vec<Problem>>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn parse(folder: &Path, text: &str) -> Arc<Config> {
    let config = config::parse(&folder.join("leadsman.yml"), text);
    Arc::new(config.unwrap_or_else(|errors| panic!("{errors}")))
}

fn start(folder: &Path, text: &str) -> Running {
    let (config, receiver) = watch::channel(parse(folder, text));
    let options = DiscoveryOptions {
        local_root: folder.to_owned(),
        own_address: Some("0.0.0.0:7171".parse().unwrap()),
    };
    let discoverer = Discoverer::new(receiver, options);
    let shutdown = CancellationToken::new();
    Running {
        config,
        targets: discoverer.targets(),
        problems: discoverer.problems(),
        shutdown: shutdown.clone(),
        task: tokio::spawn(discoverer.run(shutdown)),
    }
}

impl Running {
    /// Waits until the targets are these, as `job/instance`.
    async fn wait_for(&mut self, expected: &[&str]) {
        let is_there = |targets: &Vec<DiscoveredTarget>| names(targets) == expected;
        let waited = tokio::time::timeout(Duration::from_secs(30), self.targets.wait_for(is_there));
        if waited.await.is_err() {
            panic!("{:?}, not {expected:?}", names(&self.targets.borrow()));
        }
    }

    async fn wait_for_problem(&mut self, text: &str) {
        let is_there =
            |problems: &Vec<Problem>| problems.iter().any(|p| p.to_string().contains(text));
        let waited =
            tokio::time::timeout(Duration::from_secs(30), self.problems.wait_for(is_there));
        if waited.await.is_err() {
            panic!("{:?}, not {text:?}", self.problems.borrow());
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

fn names(targets: &[DiscoveredTarget]) -> Vec<String> {
    let name =
        |target: &DiscoveredTarget| format!("{}/{}", target.target.job(), target.target.instance());
    targets.iter().map(name).collect()
}

#[tokio::test]
async fn static_targets_and_leadsman_itself_are_there_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "scrape_configs: [{job_name: a, static_configs: [{targets: [\"h:1\", \"h:2\"]}]}]";
    let mut running = start(folder.path(), text);
    running
        .wait_for(&["a/h:1", "a/h:2", "leadsman/127.0.0.1:7171"])
        .await;
    running.stop().await;
}

#[tokio::test]
async fn a_new_configuration_replaces_the_targets() {
    let folder = tempfile::tempdir().unwrap();
    let job = |name: &str| {
        format!(
            "telemetry: {{scrape_self: false}}\nscrape_configs: \
             [{{job_name: {name}, static_configs: [{{targets: [\"h:1\"]}}]}}]"
        )
    };
    let mut running = start(folder.path(), &job("a"));
    running.wait_for(&["a/h:1"]).await;
    running
        .config
        .send(parse(folder.path(), &job("b")))
        .unwrap();
    running.wait_for(&["b/h:1"]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_changed_file_changes_the_targets_and_a_broken_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    std::fs::write(&file, r#"[{"targets": ["h:1"], "labels": {"zone": "a"}}]"#).unwrap();
    let text = "telemetry: {scrape_self: false}\nscrape_configs: \
                [{job_name: a, file_sd_configs: [{files: [targets.json]}]}]";
    let mut running = start(folder.path(), text);
    running.wait_for(&["a/h:1"]).await;
    assert_eq!(
        running.targets.borrow()[0].target.labels.get("zone"),
        Some("a")
    );

    std::fs::write(&file, r#"[{"targets": ["h:1", "h:2"]}]"#).unwrap();
    running.wait_for(&["a/h:1", "a/h:2"]).await;

    std::fs::write(&file, r#"[{"targets": ["h:1", "#).unwrap();
    running.wait_for_problem("targets.json:").await;
    running.wait_for(&["a/h:1", "a/h:2"]).await;
    running.stop().await;
}

#[tokio::test]
async fn too_many_targets_and_equal_labels_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let text = "telemetry: {scrape_self: false}
scrape_configs:
  - job_name: many
    target_limit: 1
    static_configs: [{targets: [\"h:1\", \"h:2\"]}]
  - job_name: twice
    static_configs: [{targets: [\"h:1\", \"h:2\", \"h:2\"]}]
    relabel_configs: [{target_label: instance, replacement: same}]
";
    let mut running = start(folder.path(), text);
    running.wait_for(&["twice/same"]).await;
    running
        .wait_for_problem("many: all targets: 2 targets are over the target_limit of 1")
        .await;
    running
        .wait_for_problem("twice: h:2: another target has the same labels")
        .await;
    running.stop().await;
}
