//! `leadsman series` and `leadsman profile` beside DuckDB on the same files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use leadsman_tests::leadsman::command;
use leadsman_tests::tools;
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis};
use serde_json::{Value, json};
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};

/// 2026-11-20 20:00 UTC.
const START: i64 = 1_795_204_800_000;
const N_SCRAPES: i64 = 200;

fn target(instance: &str) -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    })
}

fn page(target: &Arc<Target>) -> Arc<Layout> {
    let series = ["get", "put", "delete"].map(|method| {
        let own = [("__name__", "requests_total"), ("method", method)];
        let labels = Labels::from_pairs(target.labels.iter().chain(own));
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: 0,
        }
    });
    let family = Family {
        name: "requests".to_owned(),
        kind: MetricKind::Counter,
        help: "Requests.".to_owned(),
        unit: String::new(),
    };
    Arc::new(Layout::new(Arc::clone(target), vec![family], series.into()))
}

/// Two targets over two days: a scrape every two minutes, a profile with every tenth.
fn write_archive(path: &Path) -> Result<()> {
    let mut archive = Archive::open(ArchiveOptions {
        path: path.to_owned(),
        buffer_bytes: 1 << 24,
        flush_interval: Duration::from_secs(60),
        compression_level: 3,
    })?;
    let pprof = tools::tests_folder().join("../proto/testdata/etcd-cpu.pb.gz");
    let bytes = std::fs::read(pprof)?;
    let pprof = proto::compress::decompress(&bytes, 1 << 26)?;
    let targets = [target("a:1"), target("b:1")];
    let pages = targets.each_ref().map(page);
    let mut end = 0;
    for idx in 0..N_SCRAPES {
        let time = START + idx * 120_000;
        for (target, page) in targets.iter().zip(&pages) {
            let values = vec![(idx * 3) as f64, (idx % 70) as f64, 0.5 * idx as f64];
            let batch = MetricBatch::new(Arc::clone(page), UnixMillis(time), values);
            end += 1;
            archive.write(Position(end), &Record::Metrics(Arc::new(batch)));
            if idx % 10 == 0 {
                let mut profile = proto::pprof::decode(&pprof)?;
                profile.time_nanos = time * 1_000_000;
                let record = ProfileRecord {
                    target: Arc::clone(target),
                    kind: "process_cpu".to_owned(),
                    is_delta: true,
                    profile,
                };
                end += 1;
                archive.write(Position(end), &Record::Profile(Arc::new(record)));
            }
        }
        if idx % 60 == 59 {
            archive.flush()?;
        }
    }
    archive.flush()?;
    Ok(())
}

fn series(archive: &Path, resolution: &str) -> Result<Value> {
    let selector = r#"requests_total{job="etcd",method=~"get|p.*"}"#;
    let args = [
        "series",
        selector,
        "-o",
        "json",
        "--from",
        "2026-11-20",
        "--until",
        "2026-11-22",
    ];
    let mut command = command(args)?;
    command
        .arg("--archive")
        .arg(archive)
        .args(["--resolution", resolution]);
    Ok(serde_json::from_str(&tools::run(&mut command)?)?)
}

/// Rows of all series, each after the series' method and instance, in order.
fn rows(answer: &Value, points: &str, row: impl Fn(&Value) -> Vec<Value>) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for series in answer.as_array().context("no array")? {
        let metric = &series["metric"];
        let who = [metric["method"].clone(), metric["instance"].clone()];
        for point in series[points].as_array().context("no points")? {
            rows.push(who.iter().cloned().chain(row(point)).collect());
        }
    }
    rows.sort_by_key(|row: &Value| (row[0].to_string(), row[1].to_string(), row[2].as_i64()));
    Ok(rows)
}

/// Self and total of each function, from folded stacks.
fn functions(folded: &str) -> Result<BTreeMap<String, [i64; 2]>> {
    let mut functions: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for line in folded.lines() {
        let (stack, count) = line.rsplit_once(' ').context("no count")?;
        let count: i64 = count.parse()?;
        let mut names: Vec<&str> = stack.split(';').collect();
        functions
            .entry(names[names.len() - 1].to_owned())
            .or_default()[0] += count;
        names.sort_unstable();
        names.dedup();
        for name in names {
            functions.entry(name.to_owned()).or_default()[1] += count;
        }
    }
    functions.retain(|_, values| *values != [0, 0]);
    Ok(functions)
}

#[test]
fn leadsman_finds_what_duckdb_finds() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("archive");
    write_archive(&archive)?;
    let theirs: Value = serde_json::from_str(&tools::python("answers.py", [&archive])?)?;

    let raw = rows(&series(&archive, "raw")?, "samples", |point| {
        vec![point[0].clone(), point[1].clone()]
    })?;
    assert_eq!(raw.len(), 2 * 2 * N_SCRAPES as usize);
    assert_eq!(json!(raw), theirs["points"]);
    let hours = rows(&series(&archive, "1h")?, "windows", |window| {
        ["time", "count", "first", "last"]
            .map(|key| window[key].clone())
            .into()
    })?;
    assert_eq!(json!(hours), theirs["hours"]);

    let mut convert = command(["profile", "convert", "--to", "folded", "-o", "-"])?;
    convert
        .arg("--archive")
        .arg(folder.path())
        .args(["--match", r#"{job="etcd"}"#]);
    let ours = functions(&tools::run(&mut convert)?)?;
    assert!(ours.len() > 50, "{}", ours.len());
    assert_eq!(json!(ours), theirs["functions"]);
    Ok(())
}

#[test]
fn answers_are_for_people_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    write_archive(&folder.path().join("leadsman-data/archive"))?;
    let mut here = command([
        "series",
        "requests_total",
        "--from",
        "2026-11-20",
        "--until",
        "2026-11-22",
    ])?;
    let table = tools::run(here.current_dir(folder.path()))?;
    assert!(table.contains(r#"instance="a:1" method="get""#), "{table}");
    assert!(
        table.contains("UTC, windows of 5 minutes, 6 series"),
        "{table}"
    );
    let mut list = command(["series", "--list", "--from", "2026-11-20"])?;
    let list = tools::run(list.current_dir(folder.path()))?;
    assert!(list.starts_with("requests_total  counter"), "{list}");
    let args = ["profile", "diff", "--job", "etcd", "--kind", "process_cpu"];
    let mut diff = command(args)?;
    let ranges = [
        "--from",
        "2026-11-21",
        "--until",
        "2026-11-22",
        "--base-from",
        "2026-11-20",
    ];
    diff.args(ranges).args(["--per", "none"]);
    let diff = tools::run(diff.current_dir(folder.path()))?;
    assert!(
        diff.starts_with("cpu (nanoseconds)\n  base  2026-11-20 00:00:00"),
        "{diff}"
    );
    let mut nothing = command(["series", "no_such_metric"])?;
    let output = tools::output(nothing.current_dir(folder.path()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("no series matches") && said.contains("--list"),
        "{said}"
    );
    Ok(())
}
