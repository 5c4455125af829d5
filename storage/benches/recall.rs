//! How long answers from the archive take, beside DuckDB on the same files.
//!
//! A year of hourly rollups of 10,000 series, and a day of one target's CPU profiles, a capture a
//! minute with 300 stacks; both made up, the same each time. Then what flame graphs ask for, of one of
//! ten such targets with four types each: DuckDB is not asked for that. Each question is asked in a process of
//! its own, a few times: the median is told, and the process' peak of memory. DuckDB answers in
//! Python with as many threads; its start is not counted. Nothing is to be compared with other
//! machines, and the files are in the page cache.
//!
//! `LEADSMAN_BENCH_DAYS` for fewer days, `LEADSMAN_BENCH_DATA` for a folder to keep the data in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use leadsman_storage::Position;
use leadsman_storage::archive::generate::Rollups;
use leadsman_storage::archive::{
    Archive, ArchiveOptions, Asked, ProfileSelection, Recall, Resolution, SeriesQuery, TotalsQuery,
};
use proto::profile::{Function, Line, Location, Mapping, Profile, ProfileBuilder, ValueType};
use proto::profile_ops::FlameTree;
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis, UnixNanos};

type Error = Box<dyn std::error::Error>;

/// 2025-11-21 00:00 UTC.
const START: i64 = 1_763_683_200_000;
const DAY: i64 = 86_400_000;
const N_RUNS: usize = 7;
const N_CAPTURES: usize = 1440;
const N_STACKS: usize = 300;
const QUESTIONS: [&str; 3] = ["month", "year", "profiles"];
/// Questions about the archive of many targets: calls as levels, types and targets, totals over time.
const OWN_QUESTIONS: [&str; 4] = ["hour graph", "day graph", "types", "timeline"];
const N_TARGETS: usize = 10;
/// Where that archive is, in the folder of the data.
const MANY: &str = "many";

fn main() -> Result<(), Error> {
    let folder = std::env::var_os("LEADSMAN_BENCH_DATA").map(PathBuf::from);
    if let (Ok(question), Some(folder)) = (std::env::var("LEADSMAN_BENCH_ASK"), &folder) {
        return ask(&question, folder);
    }
    let temporary;
    let folder = match folder {
        Some(folder) => folder,
        None => {
            temporary = tempfile::tempdir()?;
            temporary.path().to_owned()
        }
    };
    if !folder.join("metric_series").is_dir() {
        std::fs::create_dir_all(&folder)?;
        write_rollups(&folder)?;
        write_profiles(&folder, 1)?;
    }
    if !folder.join(MANY).is_dir() {
        write_profiles(&folder.join(MANY), N_TARGETS)?;
    }
    let duckdb = ask_duckdb(&folder);
    println!(
        "{:<10} {:>12} {:>10} {:>12} {:>12}",
        "question", "leadsman ms", "peak MiB", "DuckDB ms", "points"
    );
    for question in QUESTIONS {
        let answer = ask_apart(question, &folder)?;
        let words: Vec<&str> = answer.split_whitespace().collect();
        let [millis, peak, points] = words[..] else {
            return Err(format!("unexpected answer {answer:?}").into());
        };
        let other = match &duckdb {
            Ok(answers) => answers[question]["milliseconds"].as_f64(),
            Err(_) => None,
        };
        let other = other.map_or("-".to_owned(), |millis| format!("{millis:.1}"));
        println!("{question:<10} {millis:>12} {peak:>10} {other:>12} {points:>12}");
        if let Ok(answers) = &duckdb {
            let theirs = answers[question]["points"].to_string();
            assert_eq!(theirs, points, "DuckDB finds as many points");
        }
    }
    for question in OWN_QUESTIONS {
        let answer = ask_apart(question, &folder)?;
        let words: Vec<&str> = answer.split_whitespace().collect();
        let [millis, peak, points] = words[..] else {
            return Err(format!("unexpected answer {answer:?}").into());
        };
        println!(
            "{question:<10} {millis:>12} {peak:>10} {:>12} {points:>12}",
            "-"
        );
    }
    if let Err(error) = duckdb {
        println!("DuckDB was not asked: {error}");
    }
    Ok(())
}

fn write_rollups(folder: &Path) -> Result<(), Error> {
    let n_days = n_days();
    let started = Instant::now();
    Rollups {
        n_names: 100,
        n_targets: 100,
        start: UnixMillis(START),
        n_days,
    }
    .write(folder)?;
    eprintln!(
        "wrote {n_days} days of rollups in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn n_days() -> usize {
    let given = std::env::var("LEADSMAN_BENCH_DAYS").ok();
    given.and_then(|days| days.parse().ok()).unwrap_or(365)
}

fn write_profiles(folder: &Path, n_targets: usize) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    let mut archive = Archive::open(ArchiveOptions {
        path: folder.to_owned(),
        buffer_bytes: 256 << 20,
        flush_interval: std::time::Duration::from_secs(300),
        compression_level: 3,
    })?;
    let targets: Vec<Arc<Target>> = (0..n_targets)
        .map(|idx| {
            let instance = format!("127.0.0.1:{}", 10_000 + idx);
            Arc::new(Target {
                labels: Labels::from_pairs([("job", "etcd"), ("instance", &instance)]),
                scheme: "http".to_owned(),
                address: instance,
            })
        })
        .collect();
    let kinds = ["process_cpu", "other"];
    let mut end = 0;
    for idx in 0..N_CAPTURES {
        for target in &targets {
            for kind in kinds.iter().take(n_targets.min(2)) {
                let record = ProfileRecord {
                    target: Arc::clone(target),
                    kind: (*kind).to_owned(),
                    is_delta: true,
                    profile: profile(idx),
                };
                end += 1;
                archive.write(Position(end), &Record::Profile(Arc::new(record)));
            }
        }
    }
    archive.flush()?;
    Ok(())
}

/// A capture of 300 of 2,000 stacks, 20 to 39 frames deep.
fn profile(idx: usize) -> Profile {
    let mut builder = ProfileBuilder::new();
    let [samples, count, cpu, nanos, file] =
        ["samples", "count", "cpu", "nanoseconds", "/bin/etcd"].map(|text| builder.string(text));
    let header = builder.profile_mut();
    header.sample_types = vec![
        ValueType {
            kind: samples,
            unit: count,
        },
        ValueType {
            kind: cpu,
            unit: nanos,
        },
    ];
    header.period_type = ValueType {
        kind: cpu,
        unit: nanos,
    };
    header.period = 10_000_000;
    header.time_nanos = (START + idx as i64 * 60_000) * 1_000_000;
    header.duration_nanos = 10_000_000_000;
    let mapping = builder.mapping(Mapping {
        memory_start: 0x40_0000,
        memory_limit: 0x400_0000,
        filename: file,
        has_functions: true,
        ..Mapping::default()
    });
    for sample in 0..N_STACKS {
        let number = (idx * 7 + sample * 13) % 2000;
        let stack: Vec<_> = (0..20 + number % 20)
            .map(|depth| {
                let place = if depth < 4 {
                    number * 4 + depth
                } else {
                    8000 + (number / 10) * 40 + depth
                };
                let name =
                    builder.string(&format!("go.etcd.io/etcd/package.(*Type).function{place}"));
                let function = builder.function(Function {
                    name,
                    system_name: name,
                    filename: file,
                    start_line: 1,
                });
                let line = Line {
                    function,
                    line: 10,
                    column: 0,
                };
                builder.location(Location {
                    mapping: Some(mapping),
                    address: 0x40_0000 + place as u64,
                    lines: [line].into_iter().collect(),
                    is_folded: false,
                })
            })
            .collect();
        let stack = builder.stack(&stack);
        let n = 1 + ((idx + sample) % 5) as i64;
        builder.add_sample(stack, Default::default(), &[n, n * 10_000_000]);
    }
    builder.finish()
}

/// Asks in a process of its own: milliseconds, MiB and points.
fn ask_apart(question: &str, folder: &Path) -> Result<String, Error> {
    let output = Command::new(std::env::current_exe()?)
        .env("LEADSMAN_BENCH_ASK", question)
        .env("LEADSMAN_BENCH_DATA", folder)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn ask(question: &str, folder: &Path) -> Result<(), Error> {
    let mut millis = Vec::new();
    let mut n_points = 0;
    for _ in 0..N_RUNS {
        let started = Instant::now();
        n_points = answer(question, folder)?;
        millis.push(started.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0);
    println!("{:.1} {} {n_points}", millis[N_RUNS / 2], peak / 1024);
    Ok(())
}

fn answer(question: &str, folder: &Path) -> Result<usize, Error> {
    if OWN_QUESTIONS.contains(&question) {
        return answer_of_many(question, &Recall::open(&folder.join(MANY)));
    }
    let recall = Recall::open(folder);
    let end = START + n_days() as i64 * DAY;
    let (selector, from) = match question {
        "month" => (r#"metric_0042{instance="127.0.0.1:10042"}"#, end - 30 * DAY),
        "year" => ("metric_0042", START),
        _ => {
            let selection = ProfileSelection {
                selector: r#"{instance="127.0.0.1:10000"}"#.parse()?,
                kind: Some("process_cpu".to_owned()),
                from: Some(UnixNanos(START * 1_000_000)),
                to: Some(UnixNanos((START + DAY) * 1_000_000)),
                ..ProfileSelection::default()
            };
            let merged = recall.profile(&selection)?.ok_or("no profiles")?;
            return Ok(merged.profile.n_samples());
        }
    };
    let query = SeriesQuery {
        selector: selector.parse()?,
        from: Some(UnixMillis(from.max(START))),
        to: Some(UnixMillis(end)),
        resolution: Asked::Exactly(Resolution::OneHour),
        ..SeriesQuery::default()
    };
    let answer = recall.series(&query)?;
    Ok(answer
        .series
        .iter()
        .map(|series| series.windows.len())
        .sum())
}

fn answer_of_many(question: &str, recall: &Recall) -> Result<usize, Error> {
    let hours = if question == "hour graph" { 1 } else { 24 };
    // The middle of the day, or all of it.
    let from = START + (24 - hours) / 2 * 3_600_000;
    let mut selection = ProfileSelection {
        from: Some(UnixNanos(from * 1_000_000)),
        to: Some(UnixNanos((from + hours * 3_600_000) * 1_000_000)),
        ..ProfileSelection::default()
    };
    if question == "types" {
        return Ok(recall.profile_series(&selection)?.series.len());
    }
    selection.profile_type = Some("process_cpu:cpu:nanoseconds:cpu:nanoseconds".parse()?);
    if question == "timeline" {
        let step_millis = 300_000;
        let totals = recall.profile_totals(&TotalsQuery {
            selection,
            step_millis,
        })?;
        let points = totals.series.iter().map(|series| series.points.len());
        return Ok(points.sum());
    }
    selection.selector = r#"{instance="127.0.0.1:10003"}"#.parse()?;
    let merged = recall.profile(&selection)?.ok_or("no profiles")?;
    let levels = FlameTree::new(&merged.profile, 0).bounded(16_384).levels();
    Ok(levels.levels.iter().map(|level| level.len() / 4).sum())
}

fn ask_duckdb(folder: &Path) -> Result<serde_json::Value, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python/recall.py");
    let tools = std::env::var_os("LEADSMAN_TEST_TOOLS").map_or_else(
        || {
            PathBuf::from(std::env::var_os("HOME").unwrap_or_default())
                .join(".cache/leadsman/test-tools")
        },
        PathBuf::from,
    );
    let output = Command::new(tools.join("venv/bin/python"))
        .arg(script)
        .arg(folder)
        .args(["--days", &n_days().to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
