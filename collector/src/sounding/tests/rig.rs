//! A sounder with a real log in a temporary folder, and targets for it.

use std::sync::Arc;
use std::time::Duration;

use baseline::causes::Causes;
use baseline::profiles::ProfileProgram;
use baseline::signals::Program;
use exporter::web::TargetStatus;
use prometheus::Registry;
use proto::metrics::MetricBatch;
use proto::{Labels, ProfileRecord, Record, Target};
use storage::log::{Log, ReadFrom, Reader};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::{Sounder, SounderHandle, SoundingMetrics};
use crate::config::{Global, Job, ProfileSpec, ProfilingBudget, Scheme};
use crate::discovery::{Address, DiscoveredTarget};
use crate::fetch::tests::server::Server;
use crate::testing::open_log;

/// No test waits longer than this for something to happen.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Rig {
    pub(super) targets: watch::Sender<Vec<DiscoveredTarget>>,
    pub(super) handle: SounderHandle,
    pub(super) registry: Registry,
    reader: Reader,
    log: Log,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Rig {
    pub(super) fn start(targets: Vec<DiscoveredTarget>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = open_log(&folder.path().join("log"));
        let reader = log.reader("test", ReadFrom::Cursor).unwrap();
        let registry = Registry::new();
        let metrics = SoundingMetrics::register(&registry).unwrap();
        let signals = crate::config::built_in_signals().unwrap();
        let of_profiles = ProfileProgram::new(&signals, Causes::default());
        let sounder = Sounder::new(
            log.appender(),
            metrics,
            ProfilingBudget::default(),
            Arc::new(Program::default()),
            Arc::new(of_profiles),
        );
        let (handle, shutdown) = (sounder.handle(), CancellationToken::new());
        let (targets, wanted) = watch::channel(targets);
        let running = tokio::spawn(sounder.run(wanted, shutdown.clone()));
        Self {
            targets,
            handle,
            registry,
            reader,
            log,
            shutdown,
            running,
            _folder: folder,
        }
    }

    async fn next(&mut self) -> Record {
        let next = tokio::time::timeout(PATIENCE, self.reader.next());
        next.await.expect("a record in time").unwrap().record
    }

    pub(super) async fn next_scrape(&mut self) -> Arc<MetricBatch> {
        loop {
            if let Record::Metrics(batch) = self.next().await {
                return batch;
            }
        }
    }

    pub(super) async fn next_profile(&mut self) -> Arc<ProfileRecord> {
        loop {
            if let Record::Profile(record) = self.next().await {
                return record;
            }
        }
    }

    /// Waits until the only target's status is as asked.
    pub(super) async fn status(&self, is_it: impl Fn(&TargetStatus) -> bool) -> TargetStatus {
        let look = async {
            loop {
                if let [status] = &self.handle.board().statuses()[..]
                    && is_it(status)
                {
                    return status.clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the status in time")
    }

    /// Value of a metric, summed over its labels.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let value = |metric: &prometheus::proto::Metric| {
            metric.get_counter().get_value() + metric.get_gauge().get_value()
        };
        family.map_or(0.0, |family| family.get_metric().iter().map(value).sum())
    }

    /// Shuts down and returns all records not yet read.
    pub(super) async fn shut_down(mut self) -> Vec<Record> {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.running)
            .await
            .expect("shut down in time")
            .unwrap();
        self.log.close().await.unwrap();
        let mut records = Vec::new();
        while let Ok(Some(entry)) = self.reader.try_next() {
            records.push(entry.record);
        }
        records
    }
}

/// A target that is scraped each 100 ms.
pub(super) fn target(server: &Server, profiles: Vec<ProfileSpec>) -> DiscoveredTarget {
    let address = server.address.to_string();
    let labels = Labels::from_pairs([("job", "test"), ("instance", &address)]);
    let mut job = Job::new("test", &Global::default());
    job.metrics_enabled = profiles.is_empty();
    DiscoveredTarget {
        job: Arc::new(job),
        target: Arc::new(Target {
            labels,
            scheme: "http".into(),
            address: address.clone(),
        }),
        discovered: Labels::default(),
        address: Address::Tcp(address),
        scheme: Scheme::Http,
        metrics_path: "/metrics".into(),
        params: Vec::new(),
        scrape_interval: Duration::from_millis(100),
        scrape_timeout: Duration::from_millis(100),
        profiles,
    }
}

/// The value of a series; `None` if there is no such sample.
pub(super) fn value(batch: &MetricBatch, name: &str) -> Option<f64> {
    let mut samples = batch.samples();
    samples
        .find(|(series, ..)| series.labels.metric_name() == name)
        .map(|(.., value)| value)
}
