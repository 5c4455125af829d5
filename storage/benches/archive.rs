//! What archiving a sample costs where there are many series: nanoseconds of CPU and bytes per
//! sample, and the process' peak of memory.
//!
//! A thousand targets with a thousand series each show the pages of etcd and containerd in turn, a
//! scrape of all of them every 15 s, with signals once a minute, all values moving as in
//! `scrape_cost`. The first scrape of each is flushed by itself, with what series are, which is
//! written once a day and told apart. Of the others what is buffered is flushed whenever the archive
//! is full; then all files are merged, eight at a time, until each table has one. The log, the clock
//! that makes flushes due, and whoever holds the pages are left out; the allocator is the system's
//! and not leadsman's. Only figures of one machine and one run may be compared.
//!
//! `LEADSMAN_BENCH_TARGETS` for fewer targets, `LEADSMAN_BENCH_SCRAPES` for more scrapes of each.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leadsman_storage::Position;
use leadsman_storage::archive::{Archive, ArchiveOptions, KeeperOptions};
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, SIGNAL_PREFIX, Series, SeriesId};
use proto::{Labels, Record, Target, UnixMillis};
use rustix::time::{ClockId, clock_gettime};

type Error = Box<dyn std::error::Error>;

const CAPTURES: [&str; 2] = [
    include_str!("../../proto/testdata/etcd-3.4.txt"),
    include_str!("../../proto/testdata/containerd-1.6.txt"),
];
const N_TARGETS: usize = 1000;
/// So many that there is something to merge.
const N_SCRAPES: usize = 33;
const SAMPLES_A_PAGE: usize = 1000;
/// About as many as etcd has.
const N_SIGNALS: usize = 40;
const INTERVAL_MILLIS: i64 = 15_000;
/// Scrapes between two computations of signals.
const SIGNALS_EVERY: usize = 4;

fn main() -> Result<(), Error> {
    let n_targets = setting("LEADSMAN_BENCH_TARGETS", N_TARGETS);
    let n_scrapes = setting("LEADSMAN_BENCH_SCRAPES", N_SCRAPES);
    let folder = tempfile::tempdir()?;
    let pages = pages(n_targets)?;
    let n_series: usize = pages.iter().map(|page| page.layout.series.len()).sum();
    println!("{n_series} series, {n_scrapes} scrapes of each");
    let mut archive = Archive::open(ArchiveOptions {
        path: folder.path().to_owned(),
        buffer_bytes: 16 << 20,
        flush_interval: Duration::from_secs(300),
        compression_level: 3,
    })?;
    let mut keeper = archive.keeper(KeeperOptions::default())?;
    let first = archive_all(&mut archive, &pages, 0..1)?;
    println!(
        "the first flush {:.0} ns a series; peak {} MiB, of which {} are pages",
        first.flushing.as_secs_f64() * 1e9 / first.n_samples as f64,
        peak_mebibytes()?,
        first.mebibytes_before,
    );
    let flushed = archive_all(&mut archive, &pages, 1..n_scrapes)?;
    let per_sample = |cpu: Duration| cpu.as_secs_f64() * 1e9 / flushed.n_samples as f64;
    println!(
        "buffering {:.0} ns, flushing {:.0} ns and {:.2} bytes a sample; {} flushes; peak {} MiB",
        per_sample(flushed.buffering),
        per_sample(flushed.flushing),
        flushed.n_bytes as f64 / flushed.n_samples as f64,
        flushed.n_flushes,
        peak_mebibytes()?,
    );
    let before = cpu_time();
    let report = keeper.compact_all(|_| ())?;
    println!(
        "merging {:.0} ns and {:.2} bytes a sample in {} merges; peak {} MiB",
        per_sample(cpu_time() - before),
        report.bytes.1 as f64 / flushed.n_samples as f64,
        report.merged.len(),
        peak_mebibytes()?,
    );
    Ok(())
}

/// What was flushed, and what it took.
#[derive(Default)]
struct Flushed {
    n_samples: usize,
    n_flushes: usize,
    n_bytes: u64,
    buffering: Duration,
    flushing: Duration,
    mebibytes_before: u64,
}

fn archive_all(
    archive: &mut Archive,
    pages: &[Page],
    ticks: Range<usize>,
) -> Result<Flushed, Error> {
    let mut flushed = Flushed {
        mebibytes_before: peak_mebibytes()?,
        ..Flushed::default()
    };
    let start = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let mut end = archive.resume_position().0;
    for tick in ticks {
        for (idx, page) in pages.iter().enumerate() {
            if !(tick + idx / 2).is_multiple_of(page.every) {
                continue;
            }
            // Targets are spread over the interval.
            let offset = INTERVAL_MILLIS * idx as i64 / pages.len() as i64;
            let time = UnixMillis(start + tick as i64 * INTERVAL_MILLIS + offset);
            let record = Record::Metrics(Arc::new(page.at(tick, time)));
            let before = cpu_time();
            end += 1;
            archive.write(Position(end), &record);
            flushed.buffering += cpu_time() - before;
            flushed.n_samples += page.layout.series.len();
            if archive.is_full() {
                flush(archive, &mut flushed)?;
            }
        }
    }
    flush(archive, &mut flushed)?;
    Ok(flushed)
}

fn flush(archive: &mut Archive, flushed: &mut Flushed) -> Result<(), Error> {
    let before = cpu_time();
    let report = archive.flush()?;
    flushed.flushing += cpu_time() - before;
    flushed.n_flushes += 1;
    flushed.n_bytes += report.n_bytes();
    Ok(())
}

/// What a target shows, or its signals.
struct Page {
    layout: Arc<Layout>,
    /// Scrapes from one to the next.
    every: usize,
    first: Vec<f64>,
}

impl Page {
    /// Counters and histograms grow by 1 % of what they were at first, gauges go up and down.
    fn at(&self, tick: usize, time: UnixMillis) -> MetricBatch {
        let moved = |(idx, first): (usize, &f64)| {
            let series = self.layout.series.get(idx);
            let family = series.and_then(|series| self.layout.family(series));
            let is_gauge = family.is_some_and(|family| family.kind == MetricKind::Gauge);
            let steps = if is_gauge { swing(tick, idx) } else { tick };
            let value = first * (1.0 + steps as f64 / 100.0);
            if first.fract() == 0.0 {
                value.floor()
            } else {
                value
            }
        };
        let values = self.first.iter().enumerate().map(moved).collect();
        MetricBatch::new(Arc::clone(&self.layout), time, values)
    }
}

/// 0 to 9, without a pattern that a codec could find.
fn swing(tick: usize, idx: usize) -> usize {
    let mixed = (tick as u64 * 0x9e37_79b9 + idx as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 32) as usize % 10
}

fn pages(n_targets: usize) -> Result<Vec<Page>, Error> {
    let texts = CAPTURES.map(page_text);
    let mut pages = Vec::new();
    for (idx, text) in (0..n_targets).zip(texts.iter().cycle()) {
        let instance = format!("127.0.0.1:{}", 10_000 + idx);
        let target = Arc::new(Target {
            labels: Labels::from_pairs([("job", "replay"), ("instance", &instance)]),
            scheme: "http".to_owned(),
            address: instance,
        });
        let scrape = ScrapeFacts {
            time: UnixMillis(0),
            duration_seconds: 0.01,
        };
        let mut decoder = PageDecoder::new(Arc::clone(&target), PageRules::default());
        let page = decoder.decode(Format::Text, text.as_bytes(), scrape)?;
        pages.push(Page {
            layout: page.batch.layout,
            every: 1,
            first: page.batch.values,
        });
        pages.push(signals(&target));
    }
    Ok(pages)
}

/// A capture under other names again and again, up to the size of a page.
fn page_text(capture: &str) -> String {
    let (mut text, mut n_samples) = (String::new(), 0);
    for round in 0.. {
        for line in capture.lines() {
            if n_samples == SAMPLES_A_PAGE {
                return text;
            }
            let words = ["# HELP ", "# TYPE ", ""];
            let word = words.iter().find(|word| line.starts_with(**word));
            let word = word.copied().unwrap_or_default();
            text += &format!("{word}r{round}_{}\n", &line[word.len()..]);
            n_samples += usize::from(word.is_empty());
        }
    }
    text
}

fn signals(target: &Arc<Target>) -> Page {
    let name = |idx| format!("{SIGNAL_PREFIX}of_what_may_go_wrong_{idx}");
    let families = (0..N_SIGNALS).map(|idx| Family {
        name: name(idx),
        kind: MetricKind::Gauge,
        help: "How much of what was asked for in the last minute was not there.".to_owned(),
        unit: "ratio".to_owned(),
    });
    let series = (0..N_SIGNALS).map(|idx| {
        let own = [("__name__", name(idx))];
        let own = own.iter().map(|(key, value)| (*key, value.as_str()));
        let labels = Labels::from_pairs(target.labels.iter().chain(own));
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx as u32,
        }
    });
    let layout = Layout::new(Arc::clone(target), families.collect(), series.collect());
    Page {
        layout: Arc::new(layout),
        every: SIGNALS_EVERY,
        first: (0..N_SIGNALS).map(|idx| idx as f64 * 0.37).collect(),
    }
}

fn setting(name: &str, default: usize) -> usize {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Of all threads.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

fn peak_mebibytes() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kibibytes.ok_or("the kernel tells no VmHWM")? / 1024)
}
