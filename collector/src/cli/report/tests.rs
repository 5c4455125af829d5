//! Whole reports: of an archive that is written for them, and of targets that mean harm.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::{Finding, Labels, ProfileRecord, Record, Target, UnixMillis, folded};
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};

use super::*;

/// 2026-11-21 12:00:00 UTC.
const NOON: i64 = 1_795_262_400_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const SIGNAL: &str = "etcd_wal_fsync_p99";
/// A series that has the labels of its target alone.
const NONE: &[(&str, &str)] = &[];
/// Labels of a band beyond those of its target.
const OF_SIGNAL: &[(&str, &str)] = &[("signal", SIGNAL)];
/// What no page may let through.
const HOSTILE: &str = "\"><script>alert(1)</script>|`*";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    report: ReportArgs,
}

fn run(args: &[&str]) -> anyhow::Result<()> {
    let args = std::iter::once("report").chain(args.iter().copied());
    Line::try_parse_from(args)?.report.run()
}

fn target(instance: &str) -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    })
}

/// A metric's name, the labels that it has beyond those of its target, and its value.
type Value<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

/// One sample of each of some metrics.
fn samples(target: &Arc<Target>, time: i64, values: &[Value<'_>]) -> Record {
    let (mut families, mut series) = (Vec::new(), Vec::new());
    for (idx, (name, own, _)) in values.iter().enumerate() {
        families.push(Family {
            name: (*name).to_owned(),
            kind: MetricKind::Gauge,
            help: String::new(),
            unit: String::new(),
        });
        let own = own.iter().copied().chain([("__name__", *name)]);
        let labels = Labels::from_pairs(target.labels.iter().chain(own));
        series.push(Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx as u32,
        });
    }
    let layout = Arc::new(Layout::new(Arc::clone(target), families, series));
    let values = values.iter().map(|(.., value)| *value).collect();
    Record::Metrics(Arc::new(MetricBatch::new(layout, UnixMillis(time), values)))
}

/// From 12:00 on fsyncs take 62 times as long, and it is told at 12:10 and explained a minute later.
fn finding(target: &Arc<Target>, state: FindingState, time: i64) -> Finding {
    let is_explained = time > NOON + 10 * MINUTE;
    Finding {
        id: FindingId::of(target.id(), SIGNAL, &Labels::default(), Rule::Band),
        incident: 7,
        target: Arc::clone(target),
        signal: SIGNAL.to_owned(),
        labels: Labels::default(),
        rule: Rule::Band,
        state,
        severity: Severity::Warning,
        time: UnixMillis(time),
        since: UnixMillis(NOON),
        unit: "s".to_owned(),
        before: 0.002,
        now: 0.125,
        lower: 0.001,
        upper: 0.003,
        score: 0.75,
        title: "WAL fsync is 125 ms, usually 1 ms to 3 ms".to_owned(),
        explanation: "It is slow.\n\nProfile process cpu: more than before.".to_owned(),
        cause: if is_explained { "A slow disk." } else { "" }.to_owned(),
        remedy: "Give etcd a disk of its own.".to_owned(),
        links: Vec::new(),
        captures: if is_explained {
            vec![3, u64::MAX]
        } else {
            vec![]
        },
    }
}

fn profile(target: &Arc<Target>, time: i64, stacks: &str) -> Record {
    let mut profile = folded::parse(stacks.as_bytes()).unwrap();
    profile.time_nanos = time * 1_000_000;
    profile.duration_nanos = 10_000_000_000;
    Record::Profile(Arc::new(ProfileRecord {
        target: Arc::clone(target),
        kind: "process_cpu".to_owned(),
        is_delta: true,
        profile,
    }))
}

fn write(folder: &Path, records: &[Record]) {
    let mut archive = Archive::open(ArchiveOptions {
        path: folder.to_owned(),
        buffer_bytes: 64 << 20,
        flush_interval: Duration::from_secs(900),
        compression_level: 3,
    })
    .unwrap();
    for (idx, record) in records.iter().enumerate() {
        archive.write(Position(idx as u64 + 1), record);
    }
    archive.flush().unwrap();
}

/// Two days of an etcd, in trouble since noon of the second, and of one that is as usual.
fn records() -> Vec<Record> {
    let metric = "leadsman_signal_etcd_wal_fsync_p99_seconds";
    let (bad, good) = (target("a:1"), target("b:1"));
    let mut records = Vec::new();
    for step in 0..=(25 * 60 / 5) {
        let time = NOON - 24 * HOUR + step * 5 * MINUTE;
        let wave = 0.002 + 0.0005 * (step as f64 / 20.0).sin();
        for target in [&bad, &good] {
            let value = match target.instance() == "a:1" && time >= NOON {
                true => 0.125,
                false => wave,
            };
            let values = [("up", NONE, 1.0), (metric, NONE, value)];
            records.push(samples(target, time, &values));
            let band = [
                ("leadsman_baseline_lower", OF_SIGNAL, wave - 0.001),
                ("leadsman_baseline_upper", OF_SIGNAL, wave + 0.001),
            ];
            records.push(samples(target, time, &band));
        }
    }
    for hour in 1..=12 {
        let stacks = "main;serve 900\nmain;idle 100\n";
        records.push(profile(&bad, NOON - hour * HOUR, stacks));
    }
    let stacks = "main;serve 300\nmain;<b>fsync 3000\n";
    records.push(profile(&bad, NOON + 10 * MINUTE + 15_000, stacks));
    for time in [10, 11] {
        let finding = finding(&bad, FindingState::Firing, NOON + time * MINUTE);
        records.push(Record::Finding(Arc::new(finding)));
    }
    records
}

/// The report of records, in the language of `file`.
fn report(records: &[Record], file: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    write(&archive, records);
    let out = folder.path().join(file);
    let range = [
        "--since",
        "2026-11-20T13:00:00Z",
        "--until",
        "2026-11-21T13:00:01Z",
    ];
    let places = [
        "--archive",
        archive.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
    ];
    run(&[&places[..], &range, more].concat()).unwrap();
    fs::read_to_string(out).unwrap()
}

fn check_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_page_tells_what_is_wrong_and_shows_it() {
    let page = report(&records(), "report.html", &[]);
    check_contains(
        &page,
        &[
            "1 finding is open on 1 target. The worst: WAL fsync is 125 ms",
            "<dt>From → to</dt><dd>2 ms → 125 ms</dd>",
            "123.0 times as far from what is expected as is usual",
            "<p>A slow disk.</p>",
            "<p>Give etcd a disk of its own.</p>",
            "capture_id 3, -1",
            "--base-from 2026-11-20T12:00:00Z --base-until 2026-11-21T11:55:00Z",
            "<code>&lt;b&gt;fsync</code>",
            "<iframe class=\"flame\" sandbox=\"\"",
            "<svg class=\"chart\" role=\"img\"",
            "<rect class=\"span\"",
            "href=\"https://",
            "<h3>etcd b:1</h3> <span class=\"badge usual\">1 usual</span>",
        ],
    );
    assert_eq!(page.matches("class=\"chart\"").count(), 1);
    assert_eq!(page.matches("class=\"spark\"").count(), 2);
    assert!(page.len() < 200_000, "{} bytes", page.len());
}

#[test]
fn nothing_on_a_page_comes_from_elsewhere_or_runs() {
    let page = report(&records(), "report.html", &[]);
    for wrong in [
        "<script", "<link", "<img", "src=\"", "url(http", "@import", "onload=",
    ] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

#[test]
fn markdown_has_the_functions_that_grew() {
    let text = report(&records(), "report.md", &[]);
    check_contains(
        &text,
        &[
            "# State of all targets\n",
            "#### WAL fsync is 125 ms, usually 1 ms to 3 ms\n",
            "- from → to: 2 ms → 125 ms\n",
            "**Cause.** A slow disk.",
            "| &lt;b&gt;fsync | 0.0 % | 90.9 % |\n",
            "    leadsman profile diff --archive ",
            "| **warning** | 125 ms |",
            "### etcd b:1\n",
        ],
    );
}

#[test]
fn what_is_over_is_told_as_it_was() {
    let mut records = records();
    let over = Finding {
        now: 0.002,
        title: "WAL fsync is 2 ms again".to_owned(),
        ..finding(&target("a:1"), FindingState::Resolved, NOON + 30 * MINUTE)
    };
    records.push(Record::Finding(Arc::new(over)));
    let page = report(&records, "report.html", &[]);
    check_contains(
        &page,
        &[
            "Nothing is open on 2 targets. 1 of 2 signals is not as usual at the moment",
            "<details class=\"over\"><summary><b>WAL fsync is 125 ms",
            "2026-11-21 12:00:00 to 2026-11-21 12:30:00",
        ],
    );
}

#[test]
fn targets_are_chosen_and_ranges_checked() {
    let text = report(&records(), "r.md", &["--target", "{instance=\"b:1\"}"]);
    assert!(!text.contains("a:1"), "{text}");
    check_contains(
        &text,
        &[
            "# State of {instance=\"b:1\"}\n",
            "All is as usual: 1 signal of 1 target",
        ],
    );
    let error = run(&["-o", "report.pdf"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "report.pdf: a report is a page (.html) or Markdown (.md): its name says which"
    );
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().to_str().unwrap();
    let error = run(&["--archive", archive, "--until", "2d"]).unwrap_err();
    assert_eq!(error.to_string(), "--since has to be before --until");
}

#[test]
fn an_archive_without_anything_is_no_error() {
    let first = samples(&target("a:1"), NOON, &[("up", NONE, 0.0)]);
    for file in ["r.html", "r.md"] {
        let text = report(&[], file, &[]);
        check_contains(
            &text,
            &["there are no signals of 0 targets", "known for a day"],
        );
        let text = report(std::slice::from_ref(&first), file, &[]);
        check_contains(&text, &["no signals of 1 target", "A target is down."]);
    }
}

#[test]
fn what_is_usual_takes_a_day() {
    let metric = "leadsman_signal_etcd_wal_fsync_p99_seconds";
    let first = samples(&target("a:1"), NOON + 59 * MINUTE, &[(metric, NONE, 0.002)]);
    let text = report(&[first], "r.md", &[]);
    check_contains(
        &text,
        &[
            "What is usual is not known yet: that takes a day of samples.",
            "| not yet known |",
        ],
    );
}

#[test]
fn labels_and_texts_that_mean_harm_stay_text() {
    let harmful = target(HOSTILE);
    let metric = "leadsman_signal_etcd_wal_fsync_p99_seconds";
    let value = [
        (metric, &[("path", HOSTILE)] as &[_], 0.1),
        ("up", NONE, 1.0),
    ];
    let finding = Finding {
        labels: Labels::from_pairs([("path", HOSTILE)]),
        title: HOSTILE.to_owned(),
        explanation: HOSTILE.to_owned(),
        cause: HOSTILE.to_owned(),
        remedy: HOSTILE.to_owned(),
        links: vec![
            (HOSTILE.to_owned(), "javascript:alert(1)".to_owned()),
            (HOSTILE.to_owned(), format!("https://a/{HOSTILE}")),
        ],
        ..finding(&harmful, FindingState::Firing, NOON + 11 * MINUTE)
    };
    let records = [
        samples(&harmful, NOON + 30 * MINUTE, &value),
        profile(
            &harmful,
            NOON - HOUR,
            &format!("main;{HOSTILE} 10\nmain 500\n"),
        ),
        profile(
            &harmful,
            NOON + 10 * MINUTE + 30_000,
            &format!("main;{HOSTILE} 900\n"),
        ),
        Record::Finding(Arc::new(finding)),
    ];
    let page = report(&records, "report.html", &[]);
    check_contains(&page, &["<iframe", "&lt;script&gt;"]);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("href=\"javascript"), "{page}");
    let text = report(&records, "report.md", &[]);
    assert!(!text.contains("](<javascript"), "{text}");
    let outside = text.lines().filter(|line| !line.starts_with("    "));
    for line in outside.filter(|line| line.contains("<script>")) {
        assert!(line.contains('`'), "not in code: {line}");
    }
}
