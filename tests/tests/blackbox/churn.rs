//! Targets that come and go by the hundred leave nothing behind.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::setting::setting;
use leadsman_tests::usage;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;
use tokio::net::TcpListener;

/// Targets that come in a round, while those of the round before go.
const N_TARGETS: usize = 100;
/// Rounds before the first look: buffers, pools and caches have their size by then.
const N_WARM: usize = 4;
/// What memory may differ by: less than 2 KiB for each target of the dozen rounds of `make test`.
const SLACK_BYTES: usize = 2 << 20;
/// The archive knows for a day which series it has described: an id of 8 bytes each, in a table
/// that is half empty at worst. A target here has six, and some signals.
const BYTES_A_TARGET: usize = 12 * 2 * 9;
/// Threads that come and go by themselves.
const SLACK_THREADS: usize = 4;
/// Two idle connections for each address, closed by and by, and what else is open.
const MAX_DESCRIPTORS: usize = 2 * 2 * N_TARGETS + 50;

/// Buffers that are full at once, so that only a leak can grow.
const SMALL_BUFFERS: &str = ", buffer_size: 1MiB, flush_interval: 1s, \
                             log: {segment_size: 64KiB, memory_tail: 64KiB, queue: 64KiB}";

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_come_and_go_leave_nothing_behind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let n_rounds = setting("LEADSMAN_SOAK_ROUNDS", 12)?;
    let mut crowd = Crowd::start(folder.path()).await?;
    crowd.rounds(N_WARM).await?;
    crowd.leave().await?;
    let before = crowd.footprint().await?;
    crowd.rounds(n_rounds).await?;
    crowd.leave().await?;
    let slack = SLACK_BYTES + n_rounds * N_TARGETS * BYTES_A_TARGET;
    until("everything to be as before", PATIENCE, || async {
        let after = crowd.footprint().await?;
        ensure!(
            after.n_series == before.n_series
                && after.n_threads <= before.n_threads + SLACK_THREADS
                && after.n_descriptors <= MAX_DESCRIPTORS
                && after.allocated_bytes < before.allocated_bytes + slack as f64,
            "{after:?}, before it was {before:?}"
        );
        eprintln!("{n_rounds} rounds: {before:?}, then {after:?}");
        Ok(())
    })
    .await?;
    let told = crowd.leadsman.get("/metrics").await?;
    assert!(
        !told.contains("crowd-"),
        "a target is still told of: {told}"
    );
    Ok(())
}

/// A leadsman with one target that stays and many that do not.
struct Crowd {
    leadsman: Leadsman,
    stays: CountingTarget,
    list: PathBuf,
    /// Those of even and of odd rounds: the addresses come back, the names never do.
    targets: [Vec<CountingTarget>; 2],
    n_rounds: usize,
}

/// What leadsman takes up.
#[derive(Debug)]
struct Footprint {
    n_threads: usize,
    n_descriptors: usize,
    /// Of its own metrics about the crowd, apart from the ones that count something by reason:
    /// such a series may turn up at any time, and the reasons are few.
    n_series: usize,
    allocated_bytes: f64,
}

impl Crowd {
    async fn start(folder: &Path) -> Result<Self> {
        let stays = CountingTarget::start().await?;
        let list = folder.join("crowd.yml");
        std::fs::write(&list, "[]")?;
        let receiver = TcpListener::bind("127.0.0.1:0").await?;
        let address = receiver.local_addr()?;
        let takes_all = Router::new().fallback(|_: Bytes| async {});
        tokio::spawn(async move { axum::serve(receiver, takes_all).await });
        let profiling = "profiling_config: {pprof_config: {memory: {enabled: true, interval: 1s}}}";
        let yaml = format!(
            "global: {{scrape_interval: 1s}}\n\
             otlp: [{{endpoint: \"http://{address}\", protocol: http/protobuf, batch_interval: 1s}}]\n\
             scrape_configs:\n\
             - {{job_name: stays, static_configs: [{{targets: [\"{}\"]}}]}}\n\
             - {{job_name: crowd, file_sd_configs: [{{files: [{list:?}]}}], {profiling}}}\n",
            stays.address
        );
        let launch = Launch {
            archive_keys: SMALL_BUFFERS.to_owned(),
            ..Launch::default()
        };
        let leadsman = Leadsman::launch(folder, launch, &yaml).await?;
        let mut targets = [Vec::new(), Vec::new()];
        for _ in 0..N_TARGETS {
            for half in &mut targets {
                half.push(CountingTarget::start().await?);
            }
        }
        Ok(Self {
            leadsman,
            stays,
            list,
            targets,
            n_rounds: 0,
        })
    }

    /// Has all targets go and as many others come, so many times.
    async fn rounds(&mut self, n_rounds: usize) -> Result<()> {
        for _ in 0..n_rounds {
            self.n_rounds += 1;
            let targets = &self.targets[self.n_rounds % 2];
            let before: Vec<u64> = targets.iter().map(CountingTarget::scrapes).collect();
            self.write_list(targets)?;
            until("every new target to be scraped", PATIENCE, || async {
                let counts = targets.iter().map(CountingTarget::scrapes).zip(&before);
                let n_asked = counts.filter(|(now, before)| now > before).count();
                ensure!(n_asked == N_TARGETS, "{n_asked} targets were asked");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Has all of them go, and sees that no task goes on for one that is gone.
    async fn leave(&self) -> Result<()> {
        self.write_list(&[])?;
        until("the targets to be gone", PATIENCE, || async {
            let n_targets = self.leadsman.targets().await?.len();
            ensure!(
                n_targets == 2,
                "{n_targets}, leadsman and the one that stays included"
            );
            Ok(())
        })
        .await?;
        // What is under way may still be counted, but no more after that.
        until("nobody to ask them", PATIENCE, || async {
            let before = self.n_scrapes().await?;
            self.wait_for_rounds_of_the_other(4).await?;
            let now = self.n_scrapes().await?;
            ensure!(now == before, "{before} scrapes of the crowd, then {now}");
            Ok(())
        })
        .await
    }

    /// Scrapes of the crowd, as leadsman counts them.
    async fn n_scrapes(&self) -> Result<u64> {
        const COUNTER: &str = "leadsman_scrape_duration_seconds_count{job=\"crowd\"} ";
        let page = self.leadsman.get("/metrics").await?;
        let count = page.lines().find_map(|line| line.strip_prefix(COUNTER));
        Ok(count.context("the crowd was not scraped")?.parse()?)
    }

    async fn wait_for_rounds_of_the_other(&self, n_rounds: u64) -> Result<()> {
        let before = self.stays.scrapes();
        until("more scrapes of the one that stays", PATIENCE, || async {
            let n_scrapes = self.stays.scrapes() - before;
            ensure!(n_scrapes >= n_rounds, "{n_scrapes} scrapes");
            Ok(())
        })
        .await
    }

    /// Replaces the list; the signal has it read at once.
    fn write_list(&self, targets: &[CountingTarget]) -> Result<()> {
        let entry = |(idx, target): (usize, &CountingTarget)| {
            let (address, name) = (target.address, format!("crowd-{}-{idx}", self.n_rounds));
            format!("{{targets: [\"{address}\"], labels: {{instance: {name}}}}}")
        };
        let list: Vec<String> = targets.iter().enumerate().map(entry).collect();
        let new = self.list.with_extension("new");
        std::fs::write(&new, format!("[{}]\n", list.join(", ")))?;
        std::fs::rename(new, &self.list)?;
        self.leadsman.process.signal(Signal::HUP)
    }

    async fn footprint(&self) -> Result<Footprint> {
        let page = self.leadsman.get("/metrics").await?;
        let series = page.lines().filter(|line| !line.starts_with('#'));
        let allocated = page
            .lines()
            .find_map(|line| line.strip_prefix("leadsman_allocator_allocated_bytes "));
        let pid = self.leadsman.process.id();
        Ok(Footprint {
            n_threads: usage::threads(pid)?,
            n_descriptors: usage::descriptors(pid)?,
            n_series: series.filter(is_of_crowd).count(),
            allocated_bytes: allocated.context("no allocated bytes")?.parse()?,
        })
    }
}

fn is_of_crowd(line: &&str) -> bool {
    line.contains("job=\"crowd\"") && !line.contains("reason=")
}
