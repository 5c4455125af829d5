//! A leadsman with targets and receivers, and what is done to them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::proxy::{Mode, Proxy};
use leadsman_tests::small_disk::SmallDisk;
use leadsman_tests::strace::Strace;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;
use tempfile::TempDir;

use super::account::{Outcome, Run};

/// Jobs whose targets always answer.
pub(super) const STEADY: [&str; 2] = ["steady-a", "steady-b"];
/// The job whose target is behind the proxy, and that a reload takes away or brings back.
pub(super) const PASSING: &str = "passing";

/// What is wrong for a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    None,
    /// One of the two receivers.
    Receiver(usize, Mode),
    /// The target of [`PASSING`].
    Target(Mode),
    /// System calls, and what strace does to them.
    Calls(&'static str, &'static str),
    /// With this many bytes left.
    FullDisk(u64),
}

/// What happens in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    None,
    Kill,
    Terminate,
    Interrupt,
    Pause,
    Reload,
}

/// The fields end in this order.
pub(super) struct Scene {
    strace: Option<Strace>,
    leadsman: Leadsman,
    steady: [CountingTarget; 2],
    _passing: CountingTarget,
    passing_way: Proxy,
    receivers: [OtlpReceiver; 2],
    ways: [Proxy; 2],
    disk: SmallDisk,
    folder: TempDir,
    trouble: Trouble,
    /// Reloads so far.
    version: u64,
    run: Run,
    runs: Vec<Run>,
}

impl Scene {
    pub(super) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let disk = SmallDisk::mount(&folder.path().join("data"), 256)?;
        let steady = [
            CountingTarget::start().await?,
            CountingTarget::start().await?,
        ];
        let passing = CountingTarget::start().await?;
        let passing_way = Proxy::start(passing.address).await?;
        let receivers = [OtlpReceiver::http().await?, OtlpReceiver::grpc().await?];
        let ways = [
            Proxy::start(receivers[0].address).await?,
            Proxy::start(receivers[1].address).await?,
        ];
        let yaml = configuration(&steady, &passing_way, &ways, 0);
        let leadsman = Leadsman::launch(folder.path(), launch(), &yaml).await?;
        Ok(Self {
            strace: None,
            leadsman,
            steady,
            _passing: passing,
            passing_way,
            receivers,
            ways,
            disk,
            folder,
            trouble: Trouble::None,
            version: 0,
            run: Run::default(),
            runs: Vec::new(),
        })
    }

    /// Makes trouble.
    pub(super) async fn begin(&mut self, trouble: Trouble) -> Result<()> {
        self.trouble = trouble;
        match trouble {
            Trouble::None => {}
            Trouble::Receiver(idx, mode) => self.ways[idx].set(mode).await?,
            Trouble::Target(mode) => self.passing_way.set(mode).await?,
            Trouble::Calls(calls, tampering) => {
                let process = &self.leadsman.process;
                let strace = Strace::inject(self.folder.path(), process, calls, tampering);
                self.strace = Some(strace.await?);
            }
            Trouble::FullDisk(free) => self.disk.fill(free)?,
        }
        Ok(())
    }

    /// Ends the trouble.
    pub(super) async fn heal(&mut self) -> Result<()> {
        self.strace = None;
        match std::mem::replace(&mut self.trouble, Trouble::None) {
            Trouble::Receiver(idx, _) => self.ways[idx].set(Mode::Pass).await,
            Trouble::Target(_) => self.passing_way.set(Mode::Pass).await,
            Trouble::FullDisk(_) => self.disk.free(),
            Trouble::None | Trouble::Calls(..) => Ok(()),
        }
    }

    /// Lets time pass, and takes down which scrapes are durable meanwhile.
    pub(super) async fn watch(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            self.leadsman.process.check_alive()?;
            self.look().await;
            if Instant::now() >= end {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn strike(&mut self, blow: Blow, pause: Duration) -> Result<()> {
        match blow {
            Blow::None => {}
            Blow::Kill => {
                self.look().await;
                let writable = self
                    .leadsman
                    .sum("/metrics", "leadsman_log_writable")
                    .await?;
                self.run.disk_failed = self.is_disk_trouble() || writable == 0.0;
                self.leadsman.process.kill()?;
                self.start_again().await?;
            }
            Blow::Terminate => {
                self.stop(Signal::TERM).await?;
                self.start_again().await?;
            }
            Blow::Interrupt => {
                self.stop(Signal::INT).await?;
                self.start_again().await?;
            }
            Blow::Pause => {
                self.leadsman.process.signal(Signal::STOP)?;
                tokio::time::sleep(pause).await;
                self.leadsman.process.signal(Signal::CONT)?;
            }
            Blow::Reload => {
                self.version += 1;
                self.leadsman.reconfigure(&self.yaml())?;
                self.leadsman.process.signal(Signal::HUP)?;
            }
        }
        Ok(())
    }

    /// What the present leadsman has printed.
    pub(super) fn output(&self) -> String {
        self.leadsman.process.output()
    }

    /// Waits until the receivers have caught up, stops, and counts.
    pub(super) async fn finish(mut self) -> Result<Outcome> {
        until("the receivers to catch up", PATIENCE * 2, || async {
            let lag = self.leadsman.sum("/metrics", "leadsman_otlp_lag_bytes");
            let lag = lag.await?;
            ensure!(lag < 8e3, "{lag} bytes to send");
            Ok(())
        })
        .await?;
        self.stop(Signal::TERM).await?;
        self.runs.push(self.run);
        eprintln!("{} lives", self.runs.len());
        Outcome::of(self.leadsman.data.as_path(), &self.runs, &self.receivers)
    }

    /// Ends it in the orderly way.
    async fn stop(&mut self, signal: Signal) -> Result<()> {
        self.look().await;
        self.leadsman.process.signal(signal)?;
        let process = &mut self.leadsman.process;
        let status = tokio::task::block_in_place(|| process.wait(PATIENCE))?;
        if status.success() {
            self.run.durable = self.scrapes();
        } else {
            ensure!(
                self.is_disk_trouble(),
                "{signal:?}: {status}: {}",
                self.leadsman.process.output()
            );
            self.run.disk_failed = true;
        }
        Ok(())
    }

    /// Starts it after it has ended.
    async fn start_again(&mut self) -> Result<()> {
        self.strace = None;
        let next = Run::starting_at(self.scrapes());
        self.runs.push(std::mem::replace(&mut self.run, next));
        let yaml = self.yaml();
        self.leadsman = Leadsman::launch(self.folder.path(), launch(), &yaml).await?;
        Ok(())
    }

    fn is_disk_trouble(&self) -> bool {
        matches!(self.trouble, Trouble::Calls(..) | Trouble::FullDisk(_))
    }

    /// The live view has only what is durable.
    async fn look(&mut self) {
        for (job, durable) in STEADY.iter().zip(&mut self.run.durable) {
            let page = format!("/metrics?target={job}/{job}");
            let Ok(count) = self.leadsman.sum(&page, "scrapes_total").await else {
                continue;
            };
            *durable = (*durable).max(count as u64);
        }
    }

    fn scrapes(&self) -> [u64; 2] {
        [self.steady[0].scrapes(), self.steady[1].scrapes()]
    }

    fn yaml(&self) -> String {
        configuration(&self.steady, &self.passing_way, &self.ways, self.version)
    }
}

fn launch() -> Launch {
    Launch {
        archive_keys: ", flush_interval: 2s, log: {segment_size: 64KiB, disk_budget: 64MiB, \
                       sync_interval: 500ms}"
            .to_owned(),
        ..Launch::default()
    }
}

/// Each version has another batch interval of the first receiver; every other has [`PASSING`].
fn configuration(
    steady: &[CountingTarget; 2],
    passing: &Proxy,
    ways: &[Proxy; 2],
    version: u64,
) -> String {
    let job = |name: &str, address| {
        format!(
            "  - {{job_name: {name}, static_configs: [{{targets: [\"{address}\"], labels: {{instance: {name}}}}}]}}\n"
        )
    };
    let mut jobs = job(STEADY[0], steady[0].address) + &job(STEADY[1], steady[1].address);
    if version.is_multiple_of(2) {
        jobs += &job(PASSING, passing.address);
    }
    format!(
        "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n\
         telemetry: {{scrape_self: false, trace_sample_ratio: 0}}\n\
         otlp:\n\
         \x20 - {{name: a, endpoint: \"http://{}\", protocol: http/protobuf, signals: [metrics], timeout: 1s, batch_interval: {}ms}}\n\
         \x20 - {{name: b, endpoint: \"http://{}\", protocol: grpc, signals: [metrics], timeout: 1s, batch_interval: 500ms}}\n\
         scrape_configs:\n{jobs}",
        ways[0].address,
        300 + version % 100,
        ways[1].address,
    )
}
