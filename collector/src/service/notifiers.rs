//! The notifiers, one for each receiver of alerts, changed by a reload; and the tally of findings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use exporter::alert::{AlertMetrics, AlertReceiver, AlertRules, Notifier, Past, Tally};
use prometheus::Registry;
use proto::{Labels, LabelsBuilder};
use storage::archive::Recall;
use storage::log::{Log, ReadFrom};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::part::Part;
use crate::config::AlertingConfig;
use crate::relabel::{self, Keep, Rule};

/// The notifiers, by the name of their receiver.
pub(super) struct Notifiers {
    metrics: Arc<AlertMetrics>,
    past: Past,
    config: Option<AlertingConfig>,
    running: BTreeMap<String, Running>,
    tally: Part,
}

struct Running {
    receiver: AlertReceiver,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Notifiers {
    /// No notifier yet, and the tally; `data` is the folder of log and archive.
    pub(super) fn new(registry: &Registry, log: &Log, data: &Path) -> Result<Self> {
        let metrics = Arc::new(AlertMetrics::new(registry)?);
        let past = Past::new(Recall::open(data));
        let reader = log
            .reader("tally", ReadFrom::Tail)
            .context("failed to read the log for the tally of findings")?;
        let (tally, known) = (Tally::new(Arc::clone(&metrics)), past.clone());
        let tally = Part::spawn("the tally of findings", async move {
            tally.run(reader, known).await;
            Ok(())
        });
        Ok(Self {
            metrics,
            past,
            config: None,
            running: BTreeMap::new(),
            tally,
        })
    }

    /// Makes the running notifiers those of `config`. What holds for all of them makes all of them
    /// begin anew, from their cursors; else those that stay as they are go on.
    pub(super) async fn apply(&mut self, log: &Log, config: &AlertingConfig) -> Result<()> {
        let rules_stay = self.config.as_ref().is_some_and(|old| {
            let receivers = config.receivers.clone();
            AlertingConfig {
                receivers,
                ..old.clone()
            } == *config
        });
        let stays = |running: &Running| rules_stay && config.receivers.contains(&running.receiver);
        let (staying, leaving): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.running)
                .into_iter()
                .partition(|(_, running)| stays(running));
        self.running = staying;
        // All at once: each may take some seconds.
        for running in leaving.values() {
            running.stop.cancel();
        }
        for (name, running) in leaving {
            info!(receiver = name, "receiver of alerts left or changed");
            running.end().await;
        }
        self.config = Some(config.clone());
        let rules = rules(config);
        for receiver in &config.receivers {
            if !self.running.contains_key(&receiver.name) {
                let running = self.start(log, receiver, rules.clone())?;
                self.running.insert(receiver.name.clone(), running);
            }
        }
        Ok(())
    }

    fn start(&self, log: &Log, receiver: &AlertReceiver, rules: AlertRules) -> Result<Running> {
        let problem = || format!("failed to start telling {} of findings", receiver.name);
        let notifier = Notifier::new(receiver, rules, self.past.clone(), &self.metrics)
            .with_context(problem)?;
        let name = format!("alert-{}", receiver.name);
        let stats = log.stats();
        let has_cursor = stats.readers.iter().any(|reader| reader.name == name);
        // Nobody wants to be told of what the log still has of the days before.
        let from = match has_cursor {
            true => ReadFrom::Cursor,
            false => ReadFrom::Position(stats.end),
        };
        let reader = log.reader(&name, from).with_context(problem)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(notifier.run(reader, stop.clone()));
        Ok(Running {
            receiver: receiver.clone(),
            task,
            stop,
        })
    }

    /// Waits until the tally has ended although the log is open.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        self.tally.failure().await
    }

    /// Lets them tell what is left of the closed log, all at the same time.
    pub(super) async fn finish(self) -> Result<()> {
        for running in self.running.values() {
            running.stop.cancel();
        }
        for running in self.running.into_values() {
            running.end().await;
        }
        self.tally.finish().await
    }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        // A panic was told by the panic hook already; what was not told is at the cursor.
        let _ = self.task.await;
    }
}

fn rules(config: &AlertingConfig) -> AlertRules {
    let relabel = config.relabel.clone();
    AlertRules {
        silences: Arc::new(config.silences.clone()),
        relabel: Arc::new(move |labels| relabelled(&relabel, &labels)),
        resend_interval: config.resend_interval,
        external_url: config.external_url.clone(),
    }
}

fn relabelled(rules: &[Rule], labels: &Labels) -> Option<Labels> {
    let mut builder = LabelsBuilder::default();
    for (name, value) in labels {
        builder.set(name, value);
    }
    (relabel::apply(rules, &mut builder) == Keep::Yes).then(|| builder.build())
}
