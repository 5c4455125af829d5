//! Data that was damaged while leadsman was stopped: it starts, tells what is damaged and where,
//! counts it, and everything else is right.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::hostile_target::{HostileTarget, text};
use leadsman_tests::leadsman::{Launch, Leadsman, command};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::free_port;
use leadsman_tests::strace::Strace;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};

use super::scene::{QUICK, Scene, check_none_missing, kept, launch};

/// A killed leadsman's data: a log of several segments that neither the archive nor a receiver,
/// which was away, has read.
struct Unread {
    folder: tempfile::TempDir,
    target: CountingTarget,
    _noise: HostileTarget,
    yaml: String,
    receiver_port: u16,
}

/// What a leadsman made of damaged data.
struct Found {
    said: String,
    /// Counts of the scrapes in the archive that were made before the damage.
    kept: Vec<u64>,
    damaged_frames: f64,
    damaged_bytes: f64,
}

impl Unread {
    async fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let target = CountingTarget::start().await?;
        // Values that do not compress fill the segments.
        let noise = (0..1000_u32).map(|n| format!("noise{{n=\"{n}\"}} {}\n", f64::from(n).sin()));
        let noise = HostileTarget::start(text(noise.collect::<String>())).await?;
        let receiver_port = free_port()?;
        let yaml = format!(
            "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
             otlp: [{{name: away, endpoint: \"http://127.0.0.1:{receiver_port}\", signals: [metrics], batch_interval: 100ms}}]\n\
             scrape_configs:\n\
             \x20 - {{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}\n\
             \x20 - {{job_name: noise, static_configs: [{{targets: [\"{}\"]}}]}}\n",
            target.address, noise.address
        );
        let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
        // The archive cannot commit a flush, so that all is still to be read.
        let process = &leadsman.process;
        let strace = Strace::inject(folder.path(), process, "rename", "error=EIO").await?;
        until("five segments", PATIENCE, || async {
            let n_segments = leadsman.sum("/metrics", "leadsman_log_segments").await?;
            ensure!(n_segments >= 5.0, "{n_segments}");
            Ok(())
        })
        .await?;
        leadsman.process.kill()?;
        drop(strace);
        Ok(Self {
            folder,
            target,
            _noise: noise,
            yaml,
            receiver_port,
        })
    }

    /// Damages a copy of the data, and lets a leadsman work on it.
    async fn damaged(&self, damage: impl FnOnce(&Path) -> Result<()>) -> Result<Found> {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("data");
        tools::run(
            Command::new("cp")
                .arg("-r")
                .arg(self.folder.path().join("data"))
                .arg(&copy),
        )?;
        damage(&copy)?;
        let n_before = self.target.scrapes();
        let receiver = OtlpReceiver::grpc_at(([127, 0, 0, 1], self.receiver_port).into()).await?;
        let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &self.yaml).await?;
        let end = leadsman
            .sum("/metrics", "leadsman_log_end_position")
            .await?;
        until("the log to be read to its end", PATIENCE, || async {
            let lag = leadsman.sum("/metrics", "leadsman_log_reader_lag_bytes");
            let now = leadsman.sum("/metrics", "leadsman_log_end_position");
            let (lag, since) = (lag.await?, now.await? - end);
            // On a slow machine readers stay behind what is new.
            ensure!(lag <= since, "{lag} bytes, of which {since} are new");
            Ok(())
        })
        .await?;
        let frames = leadsman.sum("/metrics", "leadsman_log_reader_damaged_frames_total");
        let bytes = leadsman.sum("/metrics", "leadsman_log_reader_damaged_bytes_total");
        let (damaged_frames, damaged_bytes) = (frames.await?, bytes.await?);
        let status = tokio::task::block_in_place(|| leadsman.process.stop(PATIENCE))?;
        ensure!(status.success(), "{}", leadsman.process.output());
        let rows = kept(&copy, n_before + 1..=self.target.scrapes())?;
        let mut received = receiver.number_points("counting", "scrapes_total");
        received.dedup();
        assert_eq!(received, rows, "receiver and archive differ");
        let counts = rows.iter().map(|(_, count)| *count as u64);
        Ok(Found {
            said: leadsman.process.output(),
            kept: counts.filter(|count| *count <= n_before).collect(),
            damaged_frames,
            damaged_bytes,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_costs_what_is_damaged_and_nothing_else() -> Result<()> {
    let unread = Unread::make().await?;
    let whole = unread.damaged(|_| Ok(())).await?;
    assert_eq!((whole.damaged_frames, whole.damaged_bytes), (0.0, 0.0));
    let whole = whole.kept;
    assert!(whole.len() > 10, "{whole:?}");

    let torn = unread.damaged(|data| {
        flip_bit_in_the_middle(&segments(data)?[1])?;
        let last = segments(data)?.pop().context("no segment")?;
        let mut bytes = fs::read(&last)?;
        bytes.truncate(bytes.len() - 10);
        Ok(fs::write(last, bytes)?)
    });
    let torn = torn.await?;
    check_lost(
        &torn,
        &whole,
        0..=4,
        &["cut a torn end off the log", ".seg", "stepped over damage"],
    );
    assert!(torn.damaged_frames >= 2.0, "for each of two readers");

    let mut n_bytes = 0;
    let missing = unread.damaged(|data| {
        let first = segments(data)?.remove(0);
        n_bytes = fs::metadata(&first)?.len() - SEGMENT_HEADER;
        Ok(fs::remove_file(first)?)
    });
    let missing = missing.await?;
    check_lost(
        &missing,
        &whole,
        1..=whole.len() / 2,
        &["segments of the log are missing", "archive", "away"],
    );
    assert_eq!(missing.kept.last(), whole.last());
    // The receiver that is away has passed the first record: leadsman's start is not sent.
    let both = 2.0 * n_bytes as f64;
    let damaged = missing.damaged_bytes;
    assert!((both - 256.0..=both).contains(&damaged), "{damaged} {both}");

    let more = unread.damaged(|data| {
        let segments = segments(data)?;
        fs::remove_file(&segments[1])?;
        flip_bit(&segments[3], 20)?;
        let cursor = data.join("log/cursors/otlp-away.cursor");
        Ok(fs::write(cursor, [0; 56])?)
    });
    let more = more.await?;
    let says = [
        "log lacks bytes it once had",
        "damaged header",
        "damaged cursor",
        "otlp-away.cursor",
    ];
    check_lost(&more, &whole, 2..=whole.len() * 2 / 3, &says);
    assert!(
        more.damaged_frames >= 4.0,
        "two segments for each of two readers"
    );
    assert_eq!((more.kept[0], more.kept.last()), (1, whole.last()));
    Ok(())
}

const SEGMENT_HEADER: u64 = 48;

/// So many rows are lost, no others are there, and it says so.
fn check_lost(found: &Found, whole: &[u64], lost: std::ops::RangeInclusive<usize>, says: &[&str]) {
    assert!(found.kept.iter().all(|count| whole.contains(count)));
    let n_lost = whole.len() - found.kept.len();
    assert!(lost.contains(&n_lost), "{n_lost} of {} lost", whole.len());
    for part in says {
        assert!(
            found.said.contains(part),
            "{part} is missing in {}",
            found.said
        );
    }
}

fn segments(data: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(data.join("log"))?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "seg");
    let mut segments: Vec<_> = paths.filter(is_segment).collect();
    segments.sort();
    Ok(segments)
}

fn flip_bit_in_the_middle(file: &Path) -> Result<()> {
    flip_bit(file, fs::metadata(file)?.len() as usize / 2)
}

fn flip_bit(file: &Path, offset: usize) -> Result<()> {
    let mut bytes = fs::read(file)?;
    bytes[offset] ^= 4;
    Ok(fs::write(file, bytes)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_archive_files_are_told_and_the_rest_is_right() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::start(folder.path(), launch(QUICK), "200ms").await?;
    let archive = scene.leadsman.data.join("archive");
    until("two files of points", PATIENCE, || async {
        let files = files_of(&archive, "metric_points")?;
        ensure!(files.len() >= 2, "{files:?}");
        Ok(())
    })
    .await?;
    scene.stop()?;
    let n_before = scene.target.scrapes();
    let series = files_of(&archive, "metric_series")?.remove(0);
    let points = files_of(&archive, "metric_points")?;
    let [cut, gone, ..] = points.as_slice() else {
        anyhow::bail!("too few files: {points:?}")
    };
    let bytes = fs::read(cut)?;
    fs::write(cut, &bytes[..bytes.len() / 2])?;
    fs::remove_file(gone)?;
    fs::write(&series, "PAR1")?;
    fs::write(archive.join(".position"), "?")?;

    scene.leadsman = Leadsman::launch(folder.path(), launch(QUICK), &scene.yaml).await?;
    scene.more_scrapes(10).await?;
    let n_damaged = scene.metric("leadsman_archive_damaged_files_total").await?;
    scene.stop()?;
    let said = scene.leadsman.process.output();
    for file in [cut, &series] {
        let name = file.to_str().context("no UTF-8")?;
        assert!(said.contains(name), "{name} is missing in {said}");
        // An engine cannot read a folder with these in it.
        fs::remove_file(file)?;
    }
    assert!(said.contains(".position"), "{said}");
    assert_eq!(n_damaged, 2.0);
    let rows = kept(&scene.leadsman.data, n_before + 1..=scene.target.scrapes())?;
    let mut received = scene.receiver.number_points("counting", "scrapes_total");
    received.dedup();
    let counts: Vec<u64> = received.iter().map(|(_, count)| *count as u64).collect();
    check_none_missing(&scene.leadsman.data, &counts, 1..=scene.target.scrapes())?;
    assert!(
        rows.iter().all(|row| received.contains(row)),
        "no row is made up"
    );
    Ok(())
}

fn files_of(archive: &Path, table: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for day in fs::read_dir(archive.join(table))? {
        for file in fs::read_dir(day?.path())? {
            files.push(file?.path());
        }
    }
    files.sort();
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_a_newer_leadsman_is_refused_and_left_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::start(folder.path(), Launch::default(), "200ms").await?;
    scene.stop()?;
    let segment = segments(&scene.leadsman.data)?.pop().context("none")?;
    let mut bytes = fs::read(&segment)?;
    bytes[8] = 2;
    let checksum = crc32c(&bytes[..44]).to_le_bytes();
    bytes[44..48].copy_from_slice(&checksum);
    fs::write(&segment, &bytes)?;
    let mut older = command(["--listen", "127.0.0.1:0", "--data"])?;
    let output = tools::output(older.arg(&scene.leadsman.data))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["format version 2", "up to 1", ".seg"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert_eq!(fs::read(&segment)?, bytes);
    Ok(())
}

/// Bit by bit: it is short, and needs no speed.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    let fold = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, fold)
}
