//! One peer, from its start to its end.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use leadsman_tests::usage::{cpu_time, cpu_time_of_life, folder_bytes, peak_memory};
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

use super::peer::Peer;
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
    pub(crate) peak_memory: u64,
    /// Bytes of its tables per sample.
    pub(crate) kept: Option<f64>,
    /// Bytes of its log per sample, at its end.
    pub(crate) log: Option<f64>,
    /// Bytes it sent per sample.
    pub(crate) sent: Option<f64>,
}

/// Starts `peer`, lets it scrape for `time`, and ends it.
pub(crate) async fn measure(
    peer: Peer,
    replay: &Replay,
    sink: &Sink,
    time: Duration,
) -> Result<Cost> {
    let folder = tempfile::tempdir()?;
    let sink_address = sink.address.to_string();
    let (before, sent_before) = (replay.n_samples(), sink.n_bytes());
    let known = replay.scrapes();
    let mut running = peer.start(folder.path(), &replay.scrape_configs(), &sink_address)?;
    until("every target to be scraped", PATIENCE, || async {
        let is_warm = |(now, then): (&u64, &u64)| *now >= then + WARM_UP;
        ensure!(replay.scrapes().iter().zip(&known).all(is_warm), "not yet");
        Ok(())
    })
    .await?;

    let pid = running.process.id();
    let (start, cpu, n_samples) = (Instant::now(), cpu_time(pid)?, replay.n_samples());
    tokio::time::sleep(time).await;
    let per_sample = |cpu: Duration, n: u64| cpu.as_secs_f64() * 1e6 / n as f64;
    let scraped = replay.n_samples() - n_samples;
    let scraping_micros = per_sample(cpu_time(pid)? - cpu, scraped);
    let samples_per_second = scraped as f64 / start.elapsed().as_secs_f64();

    peer.settle(&running.address).await?;
    let peak_memory = peak_memory(pid)?;
    running.process.signal(Signal::TERM)?;
    let life = tokio::task::block_in_place(|| cpu_time_of_life(&mut running.process, PATIENCE))?;
    let n_all = replay.n_samples() - before;
    let each = |bytes: u64| bytes as f64 / n_all as f64;
    let sent = sink.n_bytes() - sent_before;
    Ok(Cost {
        peer,
        samples_per_second,
        scraping_micros,
        whole_micros: per_sample(life - cpu, replay.n_samples() - n_samples),
        peak_memory,
        kept: peer.kept(folder.path()).map(|f| each(folder_bytes(&f))),
        log: peer.log(folder.path()).map(|f| each(folder_bytes(&f))),
        sent: (sent > 0).then_some(each(sent)),
    })
}
