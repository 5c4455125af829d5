//! The task that keeps the set of targets up to date.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proto::Labels;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::DiscoveredTarget;
use super::files::FileSources;
use super::group::{Problem, Severity, TargetGroup};
use super::local::LocalScan;
use super::set::TargetSet;
use crate::config::{Config, Discovery, Job};

/// Files are looked at this often; Prometheus is told of changes by the kernel.
const FILE_POLL: Duration = Duration::from_secs(5);

/// Where discovery happens.
#[derive(Clone, Debug)]
pub struct DiscoveryOptions {
    /// The folder that is taken for `/` when this machine is looked at: `/`, or a mount of the
    /// host in a container.
    pub local_root: PathBuf,
    /// Where our own endpoints listen.
    pub own_address: Option<SocketAddr>,
}

impl DiscoveryOptions {
    /// This machine, before our own endpoints listen.
    pub fn of_this_machine() -> Self {
        Self {
            local_root: "/".into(),
            own_address: None,
        }
    }
}

/// Finds the targets of a configuration, again and again.
pub struct Discoverer {
    options: DiscoveryOptions,
    config: watch::Receiver<Arc<Config>>,
    files: FileSources,
    targets: watch::Sender<Vec<DiscoveredTarget>>,
    problems: watch::Sender<Vec<Problem>>,
}

impl Discoverer {
    /// A new configuration comes through `config`; nothing is looked for before [`Self::run`].
    pub fn new(config: watch::Receiver<Arc<Config>>, options: DiscoveryOptions) -> Self {
        Self {
            options,
            config,
            files: FileSources::default(),
            targets: watch::Sender::new(Vec::new()),
            problems: watch::Sender::new(Vec::new()),
        }
    }

    /// Where our own endpoints listen, when that was not known before.
    pub fn with_own_address(mut self, address: SocketAddr) -> Self {
        self.options.own_address = Some(address);
        self
    }

    /// The whole current set of targets, whenever it changes.
    pub fn targets(&self) -> watch::Receiver<Vec<DiscoveredTarget>> {
        self.targets.subscribe()
    }

    /// What is not a target, and why.
    pub fn problems(&self) -> watch::Receiver<Vec<Problem>> {
        self.problems.subscribe()
    }

    /// Runs until `shutdown`, or until nobody can send a configuration any more.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let scan = watch::Sender::new(LocalScan::new(&self.options.local_root));
        let mut scanned = scan.subscribe();
        let around = look_around(self.config.clone(), scan);
        let looking = tokio::spawn(shutdown.clone().run_until_cancelled_owned(around));
        let mut poll = tokio::time::interval(FILE_POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_stale = true;
        loop {
            let config = {
                // It may have come while the poll was due, which alone makes nothing stale.
                let config = self.config.borrow_and_update();
                is_stale |= config.has_changed();
                Arc::clone(&config)
            };
            is_stale |= self.refresh_files(&config).await;
            if is_stale {
                let scan = scanned.borrow_and_update().clone();
                self.publish(&config, &scan);
            }
            is_stale = tokio::select! {
                () = shutdown.cancelled() => break,
                changed = self.config.changed() => if changed.is_ok() { true } else { break },
                Ok(()) = scanned.changed() => true,
                _ = poll.tick() => false,
            };
        }
        looking.abort();
    }

    /// Reads what has changed, away from the runtime: a file may lie on a slow disk.
    async fn refresh_files(&mut self, config: &Arc<Config>) -> bool {
        let (config, mut files) = (Arc::clone(config), std::mem::take(&mut self.files));
        let reading = tokio::task::spawn_blocking(move || {
            let changed = files.refresh(&config);
            (files, changed)
        });
        match reading.await {
            Ok((files, changed)) => {
                self.files = files;
                changed
            }
            Err(error) => {
                tracing::error!(%error, "reading target files failed");
                true
            }
        }
    }

    fn publish(&self, config: &Config, scan: &LocalScan) {
        let mut set = TargetSet::default();
        for job in &config.jobs {
            let groups = self.groups(job, scan, &mut set);
            set.add(job, &groups, &config.global.external_labels);
        }
        let (targets, problems) = set.finish();
        log_new(&self.problems.borrow(), &problems);
        send_if_changed(&self.targets, targets);
        send_if_changed(&self.problems, problems);
    }

    fn groups(&self, job: &Arc<Job>, scan: &LocalScan, set: &mut TargetSet) -> Vec<TargetGroup> {
        let mut groups = Vec::new();
        let group = |source: &str, targets, labels| TargetGroup {
            job: Arc::clone(job),
            source: source.to_owned(),
            targets,
            labels,
        };
        for (idx, discovery) in job.discovery.iter().enumerate() {
            match discovery {
                Discovery::Static(listed) => {
                    let (targets, labels) = (listed.targets.clone(), listed.labels.clone());
                    groups.push(group("static_configs", targets, labels));
                }
                Discovery::Own => {
                    let own = self.options.own_address.map(reachable);
                    let targets = own.iter().map(SocketAddr::to_string).collect();
                    groups.push(group("leadsman itself", targets, Labels::default()));
                }
                Discovery::Local { .. } => {
                    groups.extend(scan.groups(job));
                    set.problems.extend(scan.problems());
                }
                Discovery::File(_) => {
                    let Some(files) = self.files.get(&job.name, idx) else {
                        continue;
                    };
                    let read = files.groups().into_iter();
                    groups.extend(read.map(|(path, targets, labels)| {
                        group(&path.display().to_string(), targets, labels)
                    }));
                    set.problems
                        .extend(files.problems().map(|(path, reason)| Problem {
                            job: job.name.clone(),
                            source: path.display().to_string(),
                            reason: reason.to_owned(),
                            severity: Severity::Fault,
                        }));
                }
            }
        }
        groups
    }
}

/// A fault is told once, when it comes up.
fn log_new(before: &[Problem], now: &[Problem]) {
    let faults = now
        .iter()
        .filter(|problem| problem.severity == Severity::Fault);
    for problem in faults.filter(|problem| !before.contains(problem)) {
        let (job, source, reason) = (&problem.job, &problem.source, &problem.reason);
        tracing::warn!(job, source, reason, "not a target");
    }
}

fn send_if_changed<T: PartialEq>(sender: &watch::Sender<T>, new: T) {
    sender.send_if_modified(|old| {
        let is_new = *old != new;
        *old = new;
        is_new
    });
}

/// Whoever listens on every address is reached on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Looks at this machine for as long as a job wants it.
async fn look_around(mut config: watch::Receiver<Arc<Config>>, scans: watch::Sender<LocalScan>) {
    loop {
        let wanted = refresh_interval(&config.borrow_and_update());
        let pause = match wanted {
            Some(interval) => {
                let mut scan = scans.borrow().clone();
                scan.refresh().await;
                scans.send_replace(scan);
                interval
            }
            None => Duration::MAX,
        };
        tokio::select! {
            changed = config.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The shortest time between two looks that a job asks for.
fn refresh_interval(config: &Config) -> Option<Duration> {
    let discoveries = config.jobs.iter().flat_map(|job| &job.discovery);
    discoveries
        .filter_map(|discovery| match discovery {
            Discovery::Local { refresh_interval } => Some(*refresh_interval),
            _ => None,
        })
        .min()
}
