//! One peer, from its start to its end.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use leadsman_tests::usage::{cpu_time, cpu_time_of_life, folder_bytes, memory, peak_memory};
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

use super::peer::{Peer, Running};
use super::replay::Replay;
use super::sink::Sink;

/// Scrapes of each target before the measurement: by then every series is known.
const WARM_UP: u64 = 5;

/// What one peer took for what it was given.
pub(crate) struct Cost {
    pub(crate) peer: Peer,
    pub(crate) samples_per_second: f64,
    /// While it scrapes, after the warm-up.
    pub(crate) scraping_micros: f64,
    /// From the warm-up to its end, with everything in its tables.
    pub(crate) whole_micros: f64,
    /// After the time, before it ends.
    pub(crate) memory: u64,
    pub(crate) peak_memory: u64,
    /// Series that it scrapes.
    pub(crate) n_series: u64,
    /// Bytes of its tables per sample.
    pub(crate) kept: Option<f64>,
    /// Bytes of its log per sample, at its end.
    pub(crate) log: Option<f64>,
    /// Bytes it sent per sample.
    pub(crate) sent: Option<f64>,
}

/// What every peer is given.
pub(crate) struct Plan<'a> {
    pub(crate) replay: &'a Replay,
    pub(crate) sink: &'a Sink,
    pub(crate) interval: Duration,
    /// How long it is watched.
    pub(crate) time: Duration,
}

impl Plan<'_> {
    /// Starts `peer`, lets it scrape, and ends it.
    pub(crate) async fn measure(&self, peer: Peer) -> Result<Cost> {
        let Self { replay, sink, .. } = self;
        let folder = tempfile::tempdir()?;
        let (before, sent_before) = (replay.n_samples(), sink.n_bytes());
        let known = replay.scrapes();
        let mut running = self.start(peer, folder.path())?;
        let patience = PATIENCE + self.interval * (WARM_UP as u32 + 1);
        until("every target to be scraped", patience, || async {
            let is_warm = |(now, then): (&u64, &u64)| *now >= then + WARM_UP;
            ensure!(replay.scrapes().iter().zip(&known).all(is_warm), "not yet");
            Ok(())
        })
        .await?;

        let pid = running.process.id();
        let (start, cpu, n_samples) = (Instant::now(), cpu_time(pid)?, replay.n_samples());
        tokio::time::sleep(self.time).await;
        let per_sample = |cpu: Duration, n: u64| cpu.as_secs_f64() * 1e6 / n as f64;
        let scraped = replay.n_samples() - n_samples;
        let scraping_micros = per_sample(cpu_time(pid)? - cpu, scraped);
        let samples_per_second = scraped as f64 / start.elapsed().as_secs_f64();

        let memory = memory(pid)?;
        peer.settle(&running.address).await?;
        let peak_memory = peak_memory(pid)?;
        running.process.signal(Signal::TERM)?;
        let life =
            tokio::task::block_in_place(|| cpu_time_of_life(&mut running.process, PATIENCE))?;
        let n_all = replay.n_samples() - before;
        let each = |bytes: u64| bytes as f64 / n_all as f64;
        let sent = sink.n_bytes() - sent_before;
        Ok(Cost {
            peer,
            samples_per_second,
            scraping_micros,
            whole_micros: per_sample(life - cpu, replay.n_samples() - n_samples),
            memory,
            peak_memory,
            n_series: replay.n_series(),
            kept: peer.kept(folder.path()).map(|f| each(folder_bytes(&f))),
            log: peer.log(folder.path()).map(|f| each(folder_bytes(&f))),
            sent: (sent > 0).then_some(each(sent)),
        })
    }

    fn start(&self, peer: Peer, folder: &Path) -> Result<Running> {
        let configs = self.replay.scrape_configs();
        let sink = self.sink.address.to_string();
        peer.start(folder, self.interval, &configs, &sink)
    }
}
