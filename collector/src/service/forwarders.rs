//! The OTLP forwarders, one for each configured receiver, changed by a reload.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use exporter::otlp::{Forwarder, OtlpMetrics, ReceiverOptions};
use prometheus::Registry;
use storage::log::{Log, ReadFrom};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The forwarders, by the name of their receiver.
pub(super) struct Forwarders {
    metrics: Arc<OtlpMetrics>,
    running: BTreeMap<String, Running>,
}

struct Running {
    options: ReceiverOptions,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Forwarders {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let metrics = Arc::new(OtlpMetrics::new(registry)?);
        Ok(Self {
            metrics,
            running: BTreeMap::new(),
        })
    }

    /// Makes the running forwarders those of `receivers`: the ones that stay as they are go on,
    /// a changed one goes on from its cursor.
    pub(super) async fn apply(&mut self, log: &Log, receivers: &[ReceiverOptions]) -> Result<()> {
        let before = std::mem::take(&mut self.running);
        for (name, running) in before {
            if receivers.contains(&running.options) {
                self.running.insert(name, running);
            } else {
                info!(receiver = name, "OTLP receiver left or changed");
                running.end().await;
            }
        }
        for options in receivers {
            if !self.running.contains_key(&options.name) {
                let running = self.start(log, options)?;
                self.running.insert(options.name.clone(), running);
            }
        }
        Ok(())
    }

    fn start(&self, log: &Log, options: &ReceiverOptions) -> Result<Running> {
        let problem = || format!("failed to start forwarding to {}", options.endpoint);
        let forwarder =
            Forwarder::new(options.clone(), Arc::clone(&self.metrics)).with_context(problem)?;
        let reader = log
            .reader(&format!("otlp-{}", options.name), ReadFrom::Cursor)
            .with_context(problem)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(forwarder.run(reader, stop.clone()));
        Ok(Running {
            options: options.clone(),
            task,
            stop,
        })
    }

    /// Lets them send what is left of the closed log, all at the same time.
    pub(super) async fn finish(self) {
        for running in self.running.values() {
            running.stop.cancel();
        }
        for running in self.running.into_values() {
            running.end().await;
        }
    }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        // A panic was told by the panic hook already; what was not sent is at the cursor.
        let _ = self.task.await;
    }
}
