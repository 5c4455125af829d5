//! The running leadsman: opens the parts, joins them, and takes them down in order.
//!
//! Data flows one way: sounder, and the intake of traces → log → readers (archive, forwarders, notifiers, live view). Shutdown goes the
//! same way, so that what was sounded last is archived and sent too: no new soundings and traces, then
//! what was counted of spans, the log's queue, then the readers up to its end, then the mirror, then our
//! endpoints.

mod banner;
mod catalogue;
mod events;
mod forwarders;
#[cfg(test)]
mod metrics_table;
mod mirror;
mod notifiers;
mod part;
mod readers;
mod signals;
mod source;
mod spans;
mod targets;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use baseline::profiles::ProfileProgram;
use baseline::signals::Program;
use exporter::otlp::Intake;
use exporter::web::{App, LiveView, Pages, Questions, Server, StoredTables};
use prometheus::Registry;
use storage::archive::remote::MirrorMetrics;
use storage::archive::{Archive, Keeper, Recall};
use storage::log::Log;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::{self, ArchiveConfig, Config};
use crate::discovery::{Discoverer, DiscoveryOptions};
use crate::judging::{Judging, JudgingMetrics, Links};
use crate::sounding::{Sounder, SounderHandle, SoundingMetrics};
use crate::telemetry::{OwnProfiler, Telemetry};

use events::Announcer;
use forwarders::Forwarders;
use mirror::MirrorPart;
use notifiers::Notifiers;
use part::Part;
use readers::Readers;
use signals::{Signal, Signals};

pub(crate) use source::{ConfigSource, Overrides};

/// Longest time for soundings that are under way when leadsman is asked to stop.
const SOUNDING_DRAIN: Duration = Duration::from_secs(5);
/// Longest time for what was counted of spans to be told.
const COUNT_DRAIN: Duration = Duration::from_secs(2);
/// Longest time for the readers to reach the end of the log. What a receiver has not taken by then
/// stays in the log, at its cursor.
const READER_DRAIN: Duration = Duration::from_secs(15);

/// Runs until SIGTERM or SIGINT; reloads on SIGHUP.
///
/// # Errors
/// A part cannot start, or ends by itself.
pub(crate) async fn run(source: ConfigSource, config: Config) -> Result<()> {
    let mut signals = Signals::listen().context("failed to listen for signals")?;
    let mut service = Service::start(config).await?;
    let stopped = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload => service.reload(&source).await,
                Signal::Stop(name) => {
                    info!(signal = name, "stopping; a second signal stops at once");
                    break Ok(());
                }
            },
            failure = service.failure() => break Err(failure),
        }
    };
    tokio::select! {
        drained = service.drain() => stopped.and(drained),
        Signal::Stop(name) = signals.next_stop() => {
            warn!(signal = name, "stopped without waiting; what is durable in the log is archived at the next start");
            stopped
        }
    }
}

/// Everything that runs.
struct Service {
    log: Log,
    events: Announcer,
    sounder: SounderHandle,
    sounding: Part,
    discovery: Part,
    stop_sounding: CancellationToken,
    spans: Part,
    stop_spans: CancellationToken,
    intake: Part,
    readers: Readers,
    forwarders: Forwarders,
    notifiers: Notifiers,
    mirror: MirrorPart,
    server: Part,
    stop_server: CancellationToken,
    ready: Arc<AtomicBool>,
    config: watch::Sender<Arc<Config>>,
    telemetry: Telemetry,
}

impl Service {
    async fn start(config: Config) -> Result<Self> {
        let instance = config.web.listen.to_string();
        let telemetry = Telemetry::start(&config.telemetry, &instance)?;
        for warning in &config.warnings {
            warn!("{warning}");
        }
        let registry = Registry::new();
        let (archive, mut keeper, log) = open_storage(&config.archive, &registry)?;
        let mirror = MirrorPart::start(&config.archive, MirrorMetrics::register(&registry)?)?;
        keeper.wait_for(mirror.uploaded());
        telemetry.register(&registry)?;
        telemetry.send_traces_to(log.appender());
        let events = Announcer::new(&log);
        events.started().await;

        let metrics = SoundingMetrics::register(&registry)?;
        let program = Program::new(&config.signals).context("failed to compile the signals")?;
        let causes = config::built_in_causes()?;
        let program = Arc::new(program.every(config.judging.signal_interval));
        let of_profiles = ProfileProgram::new(&config.signals, causes.clone());
        let sounder = Sounder::new(
            log.appender(),
            metrics.clone(),
            config.profiling.clone(),
            Arc::clone(&program),
            Arc::new(of_profiles),
        );
        let handle = sounder.handle();
        let judging = Judging::new(
            &config.signals,
            &config.judging,
            causes,
            Recall::open(&config.archive.path),
            handle.clone(),
            log.appender(),
            JudgingMetrics::register(&registry)?,
        );
        let config = watch::Sender::new(Arc::new(config));
        let discoverer = Discoverer::new(config.subscribe(), DiscoveryOptions::of_this_machine());
        let (live, ready) = (LiveView::new(), Arc::new(AtomicBool::new(false)));
        let (board, problems) = (handle.board().clone(), discoverer.problems());
        let app = App {
            registry: registry.clone(),
            live: live.clone(),
            targets: Arc::new(move || targets::report(&board, &problems.borrow())),
            faults: faults(&log, &archive),
            questions: Questions::new(Recall::open(&config.borrow().archive.path)),
            ready: Arc::clone(&ready),
            tables: StoredTables::new(config.borrow().archive.archive.path.clone()),
            signals: catalogue::prepared(&config.borrow().signals),
            pages: Pages::new(dashboards::pages::FILES),
            profiler: Arc::new(OwnProfiler),
        };
        let server = Server::bind(config.borrow().web.clone(), app)?;
        let address = server.local_addr();
        let judging = judging.linking(links(&config.borrow(), address));

        let traces = config.borrow().traces.clone();
        let intake = Intake::bind(traces, log.appender(), &registry)?;
        for listen in intake.local_addrs() {
            info!(%listen, "traces of others are taken");
        }

        let readers = Readers::start(&log, archive, keeper, judging, live)?;
        let mut forwarders = Forwarders::new(&registry)?;
        let mut notifiers = Notifiers::new(&registry, &log, &config.borrow().archive.path)?;
        let current = config.borrow().clone();
        forwarders.apply(&log, &current.otlp).await?;
        notifiers.apply(&log, &current.alerting).await?;
        forget_unused_readers(&log)?;
        let (stop_sounding, stop_server) = (CancellationToken::new(), CancellationToken::new());
        let stop_spans = CancellationToken::new();
        let stop = stop_spans.clone();
        let spans = spans::start(&current, program, &log, &registry, metrics, stop)?;
        let server = Part::spawn("our own server", {
            let stop = stop_server.clone();
            async move { Ok(server.run(stop).await?) }
        });
        let intake = Part::spawn("the intake of traces", {
            let stop = stop_sounding.clone();
            async move { Ok(intake.run(stop).await?) }
        });
        let (sounding, discovery) = start_sounding(
            sounder,
            discoverer.with_own_address(address),
            &stop_sounding,
        );
        ready.store(true, Ordering::Release);
        banner::show(&config.borrow(), address);
        Ok(Self {
            log,
            events,
            sounder: handle,
            sounding,
            discovery,
            stop_sounding,
            spans,
            stop_spans,
            intake,
            readers,
            forwarders,
            notifiers,
            mirror,
            server,
            stop_server,
            ready,
            config,
            telemetry,
        })
    }

    /// Waits until a part that should run for ever has ended.
    async fn failure(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.spans.failure() => error,
            error = self.readers.failure() => error,
            error = self.notifiers.failure() => error,
            error = self.mirror.failure() => error,
            error = self.server.failure() => error,
            error = self.sounding.failure() => error,
            error = self.discovery.failure() => error,
            error = self.intake.failure() => error,
        }
    }

    /// Takes the new configuration over, or keeps the old one and says why.
    async fn reload(&mut self, source: &ConfigSource) {
        let config = match source.load() {
            Ok(config) => config,
            Err(errors) => {
                error!("the new configuration is wrong, the old one stays: {errors}");
                self.events.refused(&errors).await;
                return;
            }
        };
        for warning in &config.warnings {
            warn!("{warning}");
        }
        for part in needs_restart(&self.config.borrow(), &config) {
            warn!("{part} has changed: that takes effect at the next start");
        }
        self.sounder.set_budget(config.profiling.clone());
        if let Err(error) = self.telemetry.set_log_level(&config.telemetry.log_level) {
            error!("failed to change the log level: {error}");
        }
        if let Err(error) = self.take_over_receivers(&config).await {
            error!("failed to take over the receivers: {error:#}");
        }
        info!(
            jobs = config.jobs.len(),
            receivers = config.otlp.len(),
            "configuration reloaded"
        );
        self.events.reloaded(&config).await;
        self.config.send_replace(Arc::new(config));
    }

    async fn take_over_receivers(&mut self, config: &Config) -> Result<()> {
        self.forwarders.apply(&self.log, &config.otlp).await?;
        self.notifiers.apply(&self.log, &config.alerting).await?;
        forget_unused_readers(&self.log)
    }

    /// Ends everything in the order in which the data flows.
    async fn drain(self) -> Result<()> {
        self.ready.store(false, Ordering::Release);
        self.stop_sounding.cancel();
        let sounding = tokio::time::timeout(SOUNDING_DRAIN, async {
            let (sounding, discovery, intake) = tokio::join!(
                self.sounding.finish(),
                self.discovery.finish(),
                self.intake.finish()
            );
            sounding.and(discovery).and(intake)
        });
        let sounded = sounding.await.unwrap_or_else(|_| {
            warn!("soundings under way were given up");
            Ok(())
        });
        self.stop_spans.cancel();
        let counted = tokio::time::timeout(COUNT_DRAIN, self.spans.finish());
        let counted = counted.await.unwrap_or_else(|_| {
            warn!("the last counts of spans were given up");
            Ok(())
        });
        let telemetry = self.telemetry;
        tokio::task::spawn_blocking(move || telemetry.stop()).await?;
        self.events.stopped().await;
        let closed = self.log.close().await.context("failed to close the log");
        let drained = tokio::time::timeout(READER_DRAIN, async {
            let forwarders = self.forwarders.finish();
            let notifiers = self.notifiers.finish();
            let (_, notified, read) = tokio::join!(forwarders, notifiers, self.readers.finish());
            read.and(notified)
        });
        let archived = drained.await.unwrap_or_else(|_| {
            warn!("readers of the log did not reach its end; they go on there at the next start");
            Ok(())
        });
        let mirrored = self.mirror.finish().await;
        self.stop_server.cancel();
        let served = self.server.finish().await;
        info!("stopped");
        sounded
            .and(counted)
            .and(closed)
            .and(archived)
            .and(mirrored)
            .and(served)
    }
}

fn start_sounding(
    sounder: Sounder,
    discoverer: Discoverer,
    stop: &CancellationToken,
) -> (Part, Part) {
    let (targets, ended) = (discoverer.targets(), stop.clone());
    let sounding = Part::spawn("the sounder", async move {
        sounder.run(targets, ended).await;
        Ok(())
    });
    let ended = stop.clone();
    let discovery = Part::spawn("discovery", async move {
        discoverer.run(ended).await;
        Ok(())
    });
    (sounding, discovery)
}

fn open_storage(config: &ArchiveConfig, registry: &Registry) -> Result<(Archive, Keeper, Log)> {
    let archive = Archive::open(config.archive.clone())
        .context("failed to open the archive")
        .map_err(|error| advise(error, &config.path))?;
    let log = Log::open(config.log.clone(), archive.resume_position())
        .context("failed to open the log")
        .map_err(|error| advise(error, &config.path))?;
    let keeper = archive
        .keeper(config.keeper.clone())
        .context("failed to make the keeper of the archive")?;
    archive.metrics().register(registry)?;
    keeper.metrics().register(registry)?;
    log.register(registry)?;
    Ok((archive, keeper, log))
}

/// Adds what can be done about a data folder that cannot be written.
fn advise(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let shared = |cause: &'_ (dyn std::error::Error + 'static)| {
        let shared = cause.downcast_ref::<Arc<io::Error>>().map(Arc::as_ref);
        shared.or(cause.downcast_ref()).map(io::Error::kind)
    };
    let remedy = match error.chain().find_map(shared) {
        Some(io::ErrorKind::StorageFull) => "free some space there",
        Some(io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) => {
            "make it writable for leadsman"
        }
        _ => return error,
    };
    let folder = folder.display();
    anyhow!(
        "{error:#}: the data folder is {folder}; {remedy}, or name another one with archive.path or --data"
    )
}

/// A receiver that is configured no more must not hold the log back.
fn forget_unused_readers(log: &Log) -> Result<()> {
    let forgotten = log
        .forget_unused_readers()
        .context("failed to drop unused cursors")?;
    if !forgotten.is_empty() {
        info!(cursors = ?forgotten, "dropped the cursors of receivers that are no longer configured");
    }
    Ok(())
}

/// What leads to our pages and to Grafana's.
fn links(config: &Config, address: SocketAddr) -> Links {
    let scheme = if config.web.access.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let own = || format!("{scheme}://{address}");
    Links {
        pages: config.web.external_url.clone().unwrap_or_else(own),
        grafana: config.judging.grafana_url.clone(),
    }
}

/// What `/-/healthy` says of the disk.
fn faults(log: &Log, archive: &Archive) -> Arc<dyn Fn() -> Vec<&'static str> + Send + Sync> {
    let (log_is_writable, archive) = (log.is_writable(), archive.metrics());
    Arc::new(move || {
        let log = (!log_is_writable()).then_some("the log cannot be written");
        let archive = (!archive.is_writable()).then_some("the archive cannot be written");
        log.into_iter().chain(archive).collect()
    })
}

/// What cannot change while leadsman runs.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut parts = Vec::new();
    if old.archive != new.archive {
        parts.push("archive");
    }
    if old.web != new.web {
        parts.push("web");
    }
    if old.traces != new.traces {
        parts.push("traces");
    }
    if old.signals != new.signals {
        parts.push("signals");
    }
    if old.judging != new.judging {
        parts.push("judging");
    }
    if old.span_metrics != new.span_metrics {
        parts.push("span_metrics");
    }
    if old.global.external_labels != new.global.external_labels && new.span_metrics.enabled {
        parts.push("global.external_labels of span metrics");
    }
    let [old, new] = [&old.telemetry, &new.telemetry];
    if (old.log_format, old.trace_sample_ratio) != (new.log_format, new.trace_sample_ratio) {
        parts.push("telemetry");
    }
    parts
}
