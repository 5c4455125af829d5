//! Scores on labelled series of others, if they are at hand: `make judge-scores DATA=FOLDER`.
//!
//! The folder has `nab/` (the Numenta Anomaly Benchmark's data folder, its labels as
//! `windows.json`) and `msft/` (CSV files with the columns TimeStamp, Value, Label). Neither is in
//! this repository. Without `LEADSMAN_DETECTION_DATA` the test has nothing to do.
//!
//! NAB's standard profile: the first row above the threshold in a window earns 0 to 1, the more the
//! earlier; a window without one costs 1; each row above the threshold outside of windows costs up
//! to 0.11, less shortly behind a window; the first 15 % are not scored. One threshold for all
//! files, the best. 0 is a detector that never says anything, 100 a perfect one.
//! Average precision is per series, rows of equal score together.

#![expect(
    clippy::expect_used,
    reason = "data that is not as it should be has no score"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use leadsman_baseline::judge::{Judge, Options};

const FALSE_POSITIVE: f64 = 0.11;
/// What the scores must not fall below.
const MIN_NAB: f64 = 68.0;
const MIN_AVERAGE_PRECISION: f64 = 0.58;

struct Series {
    name: String,
    times: Vec<i64>,
    labels: Vec<bool>,
    scores: Vec<f64>,
}

fn time(text: &str) -> i64 {
    let text = text.trim();
    let time = text.parse::<Timestamp>().unwrap_or_else(|_| {
        let civil: DateTime = text.parse().expect("a time");
        civil
            .to_zoned(TimeZone::UTC)
            .expect("a time in UTC")
            .timestamp()
    });
    time.as_millisecond()
}

fn judged(root: &Path, file: &Path) -> Series {
    let text = fs::read_to_string(file)
        .expect("a readable file")
        .replace('"', "");
    let mut judge = Judge::new(Options::default());
    let mut series = Series {
        name: file
            .strip_prefix(root)
            .expect("a file below")
            .to_string_lossy()
            .into_owned(),
        times: Vec::new(),
        labels: Vec::new(),
        scores: Vec::new(),
    };
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let Ok(value) = fields[1].parse() else {
            continue;
        };
        let time_ms = time(fields[0]);
        series.times.push(time_ms);
        series
            .labels
            .push(fields.get(2).is_some_and(|label| label.starts_with('1')));
        series.scores.push(judge.observe(time_ms, value).score);
    }
    series
}

fn all_judged(root: &Path) -> Vec<Series> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "csv" => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files.iter().map(|file| judged(root, file)).collect()
}

/// The worth of an alarm at a place relative to a window's end, in widths of the window.
fn worth(place: f64) -> f64 {
    if place > 3.0 {
        return -1.0;
    }
    2.0 / (1.0 + (5.0 * place).exp()) - 1.0
}

/// A row that is scored: its score, the window it is in, its worth.
struct Alarm {
    score: f64,
    window: Option<usize>,
    worth: f64,
}

/// Adds the alarms that the rows of a series would be; `n_windows` counts windows of all series.
fn add_alarms(
    series: &Series,
    windows: &[[String; 2]],
    n_windows: &mut usize,
    out: &mut Vec<Alarm>,
) {
    let index = |text: &str| {
        let at = time(text);
        series
            .times
            .iter()
            .position(|time| *time >= at)
            .expect("a window of this file")
    };
    let windows: Vec<_> = windows
        .iter()
        .map(|[from, to]| (index(from), index(to)))
        .collect();
    let n_rows = series.times.len();
    let n_unscored = (n_rows * 15 / 100).min(750);
    for (row, &score) in series.scores.iter().enumerate().skip(n_unscored) {
        let inside = windows
            .iter()
            .position(|(from, to)| (*from..=*to).contains(&row));
        let alarm = if let Some(idx) = inside {
            let (from, to) = windows[idx];
            let place = -((to - row + 1) as f64) / (to - from + 1) as f64;
            Alarm {
                score,
                window: Some(*n_windows + idx),
                worth: worth(place) / worth(-1.0),
            }
        } else {
            let behind = windows.iter().rev().find(|(_, to)| *to < row);
            let worth = behind.map_or(-1.0, |(from, to)| {
                worth((row - to) as f64 / (to - from) as f64)
            });
            Alarm {
                score,
                window: None,
                worth: FALSE_POSITIVE * worth,
            }
        };
        out.push(alarm);
    }
    *n_windows += windows.len();
}

/// The best NAB score, and its threshold.
fn nab(series: &[Series], windows: &BTreeMap<String, Vec<[String; 2]>>) -> (f64, f64) {
    let (mut alarms, mut n_windows) = (Vec::new(), 0);
    for series in series {
        add_alarms(series, &windows[&series.name], &mut n_windows, &mut alarms);
    }
    alarms.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut earned = vec![None; n_windows];
    let mut total = 0.0;
    let mut best = (0.0, 1.0);
    for rows in alarms.chunk_by(|a, b| a.score == b.score) {
        for alarm in rows {
            match alarm.window.map(|idx| &mut earned[idx]) {
                None => total += alarm.worth,
                Some(earned) => {
                    // A window that is found no longer costs 1.
                    let before = earned.unwrap_or(-1.0);
                    let now = alarm.worth.max(before);
                    total += now - before;
                    *earned = Some(now);
                }
            }
        }
        if total > best.0 {
            best = (total, rows[0].score);
        }
    }
    (100.0 * best.0 / (2.0 * n_windows as f64), best.1)
}

fn average_precision(series: &Series) -> f64 {
    let mut rows: Vec<_> = series.scores.iter().zip(&series.labels).collect();
    rows.sort_by(|a, b| b.0.total_cmp(a.0));
    let (mut n_rows, mut n_hits, mut sum) = (0, 0, 0.0);
    for tie in rows.chunk_by(|a, b| a.0 == b.0) {
        let hits = tie.iter().filter(|row| *row.1).count();
        n_rows += tie.len();
        n_hits += hits;
        sum += hits as f64 * n_hits as f64 / n_rows as f64;
    }
    sum / n_hits as f64
}

/// Every second series, from the first or from the second on.
fn half(series: Vec<Series>) -> [Vec<Series>; 2] {
    let mut halves = [Vec::new(), Vec::new()];
    for (idx, series) in series.into_iter().enumerate() {
        halves[idx % 2].push(series);
    }
    halves
}

#[test]
fn scores_on_labelled_series_do_not_fall() {
    let Some(root) = std::env::var_os("LEADSMAN_DETECTION_DATA").map(PathBuf::from) else {
        println!("LEADSMAN_DETECTION_DATA is not set: nothing to score");
        return;
    };
    let root_nab = root.join("nab");
    let windows = fs::read(root_nab.join("windows.json")).expect("nab/windows.json");
    let windows = serde_json::from_slice(&windows).expect("windows by file");
    let series = all_judged(&root_nab);
    let (score, threshold) = nab(&series, &windows);
    println!(
        "NAB {score:.1} at threshold {threshold:.3}, {} series",
        series.len()
    );
    for (half, name) in half(series).iter().zip(["one", "other"]) {
        println!("  on the {name} half {:.1}", nab(half, &windows).0);
    }

    let mut labelled = all_judged(&root.join("msft"));
    labelled.retain(|series| series.labels.contains(&true));
    let mean =
        |series: &[Series]| series.iter().map(average_precision).sum::<f64>() / series.len() as f64;
    let precision = mean(&labelled);
    println!(
        "mean average precision {precision:.3}, {} series",
        labelled.len()
    );
    for (half, name) in half(labelled).iter().zip(["one", "other"]) {
        println!("  on the {name} half {:.3}", mean(half));
    }
    assert!(score >= MIN_NAB, "NAB {score}");
    assert!(
        precision >= MIN_AVERAGE_PRECISION,
        "mean average precision {precision}"
    );
}
