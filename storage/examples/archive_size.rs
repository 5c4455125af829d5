//! How small the archive is: recorded pages and profiles, replayed as if scraped at an interval.
//!
//! ```text
//! archive_size PAGES OUT [STEP_MS [FLUSH_EVERY [COPIES [JITTER_MS]]]]
//! ```
//!
//! PAGES holds `NAME-00000.txt` (Prometheus text, one file a scrape, one NAME a target) and
//! `prof-KIND-00000.pb.gz`. They get times STEP_MS apart (15,000) and are flushed every
//! FLUSH_EVERY scrapes (all at once). COPIES of each target are written (1), each scrape up to
//! JITTER_MS late (0). OUT must not exist. Prints rows, bytes and bytes a row by table, and the
//! sizes of the gzipped profiles beside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use leadsman_storage::Position;
use leadsman_storage::archive::{Archive, ArchiveOptions};
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const START: i64 = 1_795_219_200_000;

struct Replay {
    archive: Archive,
    position: u64,
    busy: Duration,
}

impl Replay {
    fn write(&mut self, record: &Record) {
        self.position += 1000;
        let start = Instant::now();
        self.archive.write(Position(self.position), record);
        self.busy += start.elapsed();
    }

    fn flush(&mut self) -> Result<()> {
        let start = Instant::now();
        self.archive.flush()?;
        self.busy += start.elapsed();
        Ok(())
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    let (Some(pages), Some(out)) = (args.get(1), args.get(2)) else {
        return Err(
            "usage: archive_size PAGES OUT [STEP_MS [FLUSH_EVERY [COPIES [JITTER_MS]]]]".into(),
        );
    };
    let number = |idx: usize, default: i64| args.get(idx).map_or(Ok(default), |text| text.parse());
    let (step, flush_every) = (number(3, 15_000)?, number(4, i64::MAX)?);
    let (copies, jitter) = (number(5, 1)?, number(6, 0)?);
    let options = ArchiveOptions {
        path: out.into(),
        buffer_bytes: 16 << 20,
        flush_interval: Duration::from_secs(300),
        compression_level: 3,
    };
    let archive = Archive::open(options)?;
    let metrics = archive.metrics();
    let registry = prometheus::Registry::new();
    metrics.register(&registry)?;

    let mut replay = Replay {
        archive,
        position: 0,
        busy: Duration::ZERO,
    };
    let files = recorded(Path::new(pages))?;
    let profile_bytes = replay_all(&mut replay, &files, [step, flush_every, copies, jitter])?;
    print(&registry, profile_bytes, replay.busy);
    Ok(())
}

/// Recorded files by scrape number and name.
fn recorded(pages: &Path) -> Result<BTreeMap<(i64, String), PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(pages)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        let stem = name.split('.').next().unwrap_or("");
        if let Some((name, number)) = stem.rsplit_once('-') {
            files.insert((number.parse()?, name.to_owned()), path);
        }
    }
    Ok(files)
}

fn replay_all(
    replay: &mut Replay,
    files: &BTreeMap<(i64, String), PathBuf>,
    [step, flush_every, copies, jitter]: [i64; 4],
) -> Result<u64> {
    let mut decoders: BTreeMap<(String, i64), PageDecoder> = BTreeMap::new();
    let (mut profile_bytes, mut last, mut random) = (0, 0, 1_u64);
    for ((number, name), path) in files {
        if *number != last && number % flush_every == 0 {
            replay.flush()?;
        }
        last = *number;
        let body = fs::read(path)?;
        if let Some(kind) = name.strip_prefix("prof-") {
            profile_bytes += body.len() as u64;
            replay.write(&profile(kind, &body, START + number * step)?);
            continue;
        }
        for copy in 0..copies {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let late = (random >> 33) as i64 % (jitter + 1);
            let time = UnixMillis(START + number * step + copy * step / copies + late);
            let decoder = decoders
                .entry((name.clone(), copy))
                .or_insert_with(|| PageDecoder::new(target(name, copy), PageRules::default()));
            let facts = ScrapeFacts {
                time,
                duration_seconds: late as f64 / 1e3 + 0.004_321,
            };
            let page = decoder.decode(Format::Text, &body, facts)?;
            replay.write(&Record::Metrics(Arc::new(page.batch)));
        }
    }
    replay.flush()?;
    Ok(profile_bytes)
}

fn target(name: &str, copy: i64) -> Arc<Target> {
    let address = format!("10.0.{}.{}:2379", copy / 256, copy % 256);
    let labels = Labels::from_pairs([("job", name), ("instance", &address), ("cluster", "demo")]);
    Arc::new(Target {
        labels,
        scheme: "https".to_owned(),
        address,
    })
}

fn profile(kind: &str, body: &[u8], time: i64) -> Result<Record> {
    let bytes = proto::compress::decompress(body, 1 << 26)?;
    let mut profile = proto::pprof::decode(&bytes)?;
    profile.time_nanos = time * 1_000_000;
    let (target, kind) = (target("etcd", 0), kind.to_owned());
    Ok(Record::Profile(Arc::new(ProfileRecord {
        target,
        kind,
        is_delta: false,
        profile,
    })))
}

fn print(registry: &prometheus::Registry, profile_bytes: u64, busy: Duration) {
    let mut tables: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    let names = ["rows", "bytes", "files"].map(|what| format!("leadsman_archive_{what}_total"));
    for family in registry.gather() {
        let Some(idx) = names.iter().position(|name| name == family.name()) else {
            continue;
        };
        for metric in family.get_metric() {
            let table = metric.get_label()[0].value().to_owned();
            tables.entry(table).or_default()[idx] = metric.get_counter().get_value();
        }
    }
    println!(
        "{:20} {:>10} {:>10} {:>6} {:>8}",
        "table", "rows", "bytes", "files", "B/row"
    );
    for (table, [rows, bytes, files]) in &tables {
        let each = bytes / rows.max(1.0);
        println!("{table:20} {rows:>10} {bytes:>10} {files:>6} {each:>8.3}");
    }
    let sum = |names: &[&str]| -> f64 {
        let of = |name: &&str| tables.get(*name).map_or(0.0, |table| table[1]);
        names.iter().map(of).sum()
    };
    let profiles = sum(&["profiles", "profile_samples", "stacks"]);
    let share = profiles / (profile_bytes.max(1) as f64);
    println!("profiles: {profiles} of {profile_bytes} gzipped bytes, {share:.3}");
    println!(
        "archive busy for {:.2} s; peak memory {}",
        busy.as_secs_f64(),
        peak_memory()
    );
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
