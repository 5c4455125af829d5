//! The pages in leadsman's archive.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use leadsman_tests::leadsman;
use leadsman_tests::process::Process;
use leadsman_tests::usage::{cpu_time_of_life, folder_bytes};
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis};
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};

use super::Stored;
use super::pages::{Pages, Recorded};

/// Five minutes of scrapes, as the archive is flushed by default.
const FLUSH_EVERY: usize = 20;
const PATIENCE: Duration = Duration::from_secs(600);
/// The load that compaction has to keep up with, samples/s.
const LOAD: f64 = 50_000.0;

/// The archive as it was flushed, and merged.
pub(crate) struct Archived {
    pub(crate) stored: [Stored; 2],
    /// Of the profiles' three tables.
    profiles: [u64; 2],
    n_profiles: usize,
    pprof_files: u64,
    compaction_cpu: Duration,
}

impl Archived {
    /// Writes and merges it in a folder of its own.
    pub(crate) fn write(folder: &Path, pages: &Pages) -> Result<Self> {
        let root = folder.join("archive");
        let mut replay = Replay::open(&root)?;
        for (idx, file) in pages.files.iter().enumerate() {
            let is_new_scrape = idx > 0 && pages.files[idx - 1].number != file.number;
            if is_new_scrape && file.number.is_multiple_of(FLUSH_EVERY) {
                replay.archive.flush()?;
            }
            replay.write(file)?;
        }
        replay.archive.flush()?;
        let Replay {
            archive,
            n_samples,
            n_profiles,
            pprof_files,
            ..
        } = replay;
        drop(archive);
        let flushed = (
            Self::stored(&root, "leadsman, as flushed", n_samples),
            profiles(&root),
        );
        let compaction_cpu = compact(folder, &root)?;
        Ok(Self {
            stored: [flushed.0, Self::stored(&root, "leadsman", n_samples)],
            profiles: [flushed.1, profiles(&root)],
            n_profiles,
            pprof_files,
            compaction_cpu,
        })
    }

    fn stored(root: &Path, who: &'static str, n_samples: u64) -> Stored {
        let table = |name: &str| folder_bytes(&root.join(name));
        Stored {
            who,
            n_samples,
            bytes: table("metric_points"),
            names: table("metric_series"),
        }
    }

    /// Profiles and the cost of merging.
    pub(crate) fn print_rest(&self) {
        println!(
            "\n| {} profiles | bytes | of the pprof files |",
            self.n_profiles
        );
        println!("|---|--:|--:|");
        let [flushed, merged] = self.profiles;
        for (what, bytes) in [
            ("gzip'd pprof files", self.pprof_files),
            ("leadsman, as flushed", flushed),
            ("leadsman", merged),
        ] {
            let share = bytes as f64 / self.pprof_files as f64;
            println!("| {what} | {bytes} | {share:.3} |");
        }
        let each = self.compaction_cpu.as_secs_f64() / self.stored[0].n_samples as f64;
        println!(
            "\n`archive compact` took {:.2} s of CPU time: {:.2} µs a sample, {:.1} % of a core at \
             50,000 samples/s",
            self.compaction_cpu.as_secs_f64(),
            each * 1e6,
            each * LOAD * 100.0
        );
    }
}

/// Writes records as the collector does.
struct Replay {
    archive: Archive,
    decoders: BTreeMap<String, PageDecoder>,
    position: u64,
    n_samples: u64,
    n_profiles: usize,
    pprof_files: u64,
}

impl Replay {
    fn open(root: &Path) -> Result<Self> {
        let archive = Archive::open(ArchiveOptions {
            path: root.to_owned(),
            buffer_bytes: 16 << 20,
            flush_interval: Duration::from_secs(300),
            compression_level: 3,
        })?;
        Ok(Self {
            archive,
            decoders: BTreeMap::new(),
            position: 0,
            n_samples: 0,
            n_profiles: 0,
            pprof_files: 0,
        })
    }

    fn write(&mut self, file: &Recorded) -> Result<()> {
        let body = file.body()?;
        let record = match file.profile_kind() {
            Some(kind) => {
                self.n_profiles += 1;
                self.pprof_files += body.len() as u64;
                profile(kind, &body, file.time)?
            }
            None => self.metrics(file, &body)?,
        };
        self.position += 1;
        self.archive.write(Position(self.position), &record);
        Ok(())
    }

    fn metrics(&mut self, file: &Recorded, body: &[u8]) -> Result<Record> {
        let decoder = self
            .decoders
            .entry(file.name.clone())
            .or_insert_with(|| PageDecoder::new(target(&file.name), PageRules::default()));
        let facts = ScrapeFacts {
            time: UnixMillis(file.time),
            duration_seconds: 0.004,
        };
        let page = decoder.decode(Format::Text, body, facts)?;
        self.n_samples += page.batch.values.len() as u64;
        Ok(Record::Metrics(Arc::new(page.batch)))
    }
}

fn target(name: &str) -> Arc<Target> {
    let address = "127.0.0.1:2379";
    Arc::new(Target {
        labels: Labels::from_pairs([("job", name), ("instance", address)]),
        scheme: "http".to_owned(),
        address: address.to_owned(),
    })
}

fn profile(kind: &str, body: &[u8], time: i64) -> Result<Record> {
    let mut profile = proto::pprof::decode(&proto::compress::decompress(body, 1 << 26)?)?;
    profile.time_nanos = time * 1_000_000;
    Ok(Record::Profile(Arc::new(ProfileRecord {
        target: target("etcd"),
        kind: kind.to_owned(),
        is_delta: false,
        profile,
    })))
}

fn profiles(root: &Path) -> u64 {
    let tables = ["profiles", "profile_samples", "stacks"];
    tables
        .iter()
        .map(|table| folder_bytes(&root.join(table)))
        .sum()
}

fn compact(folder: &Path, root: &Path) -> Result<Duration> {
    let mut command = Command::new(leadsman::binary()?);
    command.args(["archive", "compact"]).arg(root);
    let mut process = Process::spawn("compact", folder, command)?;
    let cpu = cpu_time_of_life(&mut process, PATIENCE)?;
    let output = process.output();
    ensure!(output.contains(" merges: "), "{output}");
    Ok(cpu)
}
