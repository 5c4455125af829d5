//! Series over days in files, in rollups and in the log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use parquet::basic::ZstdLevel;
use proptest::prelude::*;
use proto::metrics::Layout;
use proto::selector::Selector;
use proto::{Record, UnixMillis};

use crate::Position;
use crate::archive::day::Day;
use crate::archive::files::TablePath;
use crate::archive::recall::{Asked, Recall, Series, SeriesAnswer, SeriesLimits, SeriesQuery};
use crate::archive::recall::{RecallError, WindowValues};
use crate::archive::table::{Resolution, Table};
use crate::archive::table_file::TableFile;
use crate::archive::testing::{layout, options, scrape, target};
use crate::archive::{Archive, files};
use crate::log::{Log, LogOptions, ReadFrom};

/// 2026-11-20 00:00 UTC.
const START: i64 = 1_795_132_800_000;
const DAY: i64 = 86_400_000;

/// An archive and its log, which are written step by step.
struct Scene {
    dir: tempfile::TempDir,
    log: Log,
    archive: Archive,
    reader: crate::log::Reader,
    /// By method and time.
    written: BTreeMap<(String, i64), f64>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(options(&dir.path().join("archive"))).unwrap();
        let log = Log::open(
            LogOptions {
                path: dir.path().join("log"),
                segment_bytes: 8 << 10,
                disk_budget_bytes: 1 << 26,
                memory_tail_bytes: 1 << 20,
                queue_bytes: 1 << 20,
                sync_interval: std::time::Duration::ZERO,
            },
            archive.resume_position(),
        )
        .unwrap();
        let reader = log.reader("archive", ReadFrom::Cursor).unwrap();
        Self {
            dir,
            log,
            archive,
            reader,
            written: BTreeMap::new(),
        }
    }

    async fn append(&mut self, layout: &Arc<Layout>, time: i64, values: &[f64]) {
        let record: Record = scrape(layout, UnixMillis(time), values);
        let receipt = self.log.appender().append(record).await.unwrap();
        receipt.durable().await.unwrap();
        for (series, value) in layout.series.iter().zip(values) {
            let method = series.labels.get("method").unwrap().to_owned();
            self.written.entry((method, time)).or_insert(*value);
        }
    }

    fn flush(&mut self) {
        while let Some(entry) = self.reader.try_next().unwrap() {
            self.archive.write(entry.end, &entry.record);
        }
        let report = self.archive.flush().unwrap();
        self.reader.commit(report.position).unwrap();
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("archive")
    }

    fn ask(&self, selector: &str, resolution: Resolution) -> SeriesAnswer {
        let query = SeriesQuery {
            selector: selector.parse().unwrap(),
            resolution: Asked::Exactly(resolution),
            ..SeriesQuery::default()
        };
        Recall::open(self.dir.path()).series(&query).unwrap()
    }

    /// What was written of a method.
    fn samples(&self, method: &str) -> Vec<(i64, f64)> {
        let of_method = self.written.iter().filter(|((name, _), _)| name == method);
        of_method
            .map(|((_, time), value)| (*time, *value))
            .collect()
    }
}

fn raw(series: &Series) -> Vec<(i64, f64)> {
    let samples = series.samples.iter();
    samples
        .map(|sample| (sample.time.0, sample.value))
        .collect()
}

/// start, count, last, increase
fn windows(series: &Series) -> Vec<(i64, u64, f64, f64)> {
    let windows = series.windows.iter().map(|window| {
        let WindowValues::Counter { increase, .. } = window.values else {
            panic!("{window:?} is no counter's");
        };
        (window.time.0, window.count, window.last, increase)
    });
    windows.collect()
}

/// The same, worked out from all samples in the plainest way.
fn naive_windows(samples: &[(i64, f64)], width: i64) -> Vec<(i64, u64, f64, f64)> {
    let mut windows: Vec<(i64, u64, f64, f64)> = Vec::new();
    let mut before: Option<(i64, f64)> = None;
    for (time, value) in samples {
        let start = time.div_euclid(width) * width;
        // A counter begins anew after a day without samples.
        let last = before.filter(|(before, _)| time.div_euclid(DAY) - before.div_euclid(DAY) <= 1);
        let rise = last.map_or(
            0.0,
            |(_, last)| if *value < last { *value } else { value - last },
        );
        match windows.last_mut().filter(|window| window.0 == start) {
            Some(window) => *window = (start, window.1 + 1, *value, window.3 + rise),
            None => windows.push((start, 1, *value, rise)),
        }
        before = Some((*time, *value));
    }
    windows
}

/// Writes the rollups of a day as they are computed from its raw files.
fn write_rollup(root: &Path, day: Day, series: &[Series], resolution: Resolution) {
    let raw = files::files(root, Table::MetricPoints, day).unwrap();
    let mut name = raw[0].name;
    name.from = raw.iter().map(|file| file.name.from).min().unwrap();
    name.to = raw.iter().map(|file| file.name.to).max().unwrap();
    let table = match resolution {
        Resolution::OneHour => Table::MetricRollups1h,
        _ => Table::MetricRollups5m,
    };
    let file = TablePath { table, day, name };
    files::make_folder(root, &file.folder(root)).unwrap();
    let mut out = TableFile::create(&file, &file.path(root), ZstdLevel::default()).unwrap();
    let mut rows = Vec::new();
    for series in series {
        let of_day = series
            .windows
            .iter()
            .filter(|window| day.contains(window.time));
        rows.extend(of_day.map(|window| (series, window)));
    }
    rows.sort_by_key(|(series, window)| (series.labels.hash64(), window.time));
    let label = |name: &str| -> ArrayRef {
        let texts = rows
            .iter()
            .map(|(series, _)| series.labels.get(name).unwrap_or(""));
        Arc::new(StringArray::from_iter_values(texts))
    };
    let doubles = |of: &dyn Fn(&crate::archive::recall::Window) -> Option<f64>| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|(_, window)| of(window))
                .collect::<Float64Array>(),
        )
    };
    let increase = |window: &crate::archive::recall::Window| match window.values {
        WindowValues::Counter { increase, .. } => Some(increase),
        WindowValues::Gauge { .. } => None,
    };
    let ids = rows
        .iter()
        .map(|(series, _)| series.labels.hash64().cast_signed());
    let times = rows.iter().map(|(_, window)| window.time.0);
    let none = || doubles(&|_| None);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids)),
        label("__name__"),
        label("job"),
        label("instance"),
        Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|(_, window)| window.count.cast_signed()),
        )),
        doubles(&|window| Some(window.first)),
        doubles(&|window| Some(window.last)),
        none(),
        none(),
        none(),
        none(),
        none(),
        none(),
        doubles(&increase),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|_| 0))),
    ];
    out.write(columns).unwrap();
    out.finish().unwrap();
}

fn remove_raw(root: &Path, day: Day) {
    for file in files::files(root, Table::MetricPoints, day).unwrap() {
        std::fs::remove_file(file.path(root)).unwrap();
    }
}

fn day(idx: i64) -> Day {
    Day::of(UnixMillis(START + idx * DAY)).unwrap()
}

/// A step of a test: so much later a scrape with these values, and whether it is flushed then.
type Step = (i64, Vec<u8>, bool);

/// What a target counts, and where the test is in time.
struct Counting {
    pages: [Arc<Layout>; 2],
    time: i64,
    counts: [f64; 3],
    /// Up to here samples are in files.
    flushed: i64,
}

impl Counting {
    fn new() -> Self {
        Self {
            pages: [
                layout(&target("a:1"), &["get", "put"]),
                layout(&target("a:1"), &["get", "put", "delete"]),
            ],
            time: START,
            counts: [0.0; 3],
            flushed: START,
        }
    }

    async fn run(&mut self, scene: &mut Scene, steps: &[Step]) {
        for (idx, (pause, rises, is_flushed)) in steps.iter().enumerate() {
            self.time += pause;
            for (count, rise) in self.counts.iter_mut().zip(rises) {
                *count = if *rise == 0 {
                    0.0
                } else {
                    *count + f64::from(*rise)
                };
            }
            let page = &self.pages[idx % 2];
            let values = &self.counts[..page.series.len()];
            scene.append(page, self.time, values).await;
            if *is_flushed {
                scene.flush();
                self.flushed = self.time;
            }
        }
    }
}

fn check_windows(scene: &Scene) {
    for method in ["get", "put", "delete"] {
        let selector = format!(r#"requests_total{{job="etcd",method="{method}"}}"#);
        let samples = scene.samples(method);
        for (resolution, width) in [
            (Resolution::OneHour, 3_600_000),
            (Resolution::FiveMinutes, 300_000),
        ] {
            let answer = scene.ask(&selector, resolution);
            let found = answer.series.first().map(windows).unwrap_or_default();
            assert_eq!(
                found,
                naive_windows(&samples, width),
                "{method} {resolution:?}"
            );
        }
    }
}

fn check_samples(scene: &Scene) {
    for method in ["get", "put", "delete"] {
        let selector = format!(r#"{{method=~"{method}",__name__!="x"}}"#);
        let answer = scene.ask(&selector, Resolution::Raw);
        let found = answer.series.first().map(raw).unwrap_or_default();
        assert_eq!(found, scene.samples(method), "{method}");
    }
}

async fn check(steps: Vec<Step>, later: Vec<Step>, rolled_days: i64, pruned_days: i64) {
    let (mut scene, mut counting) = (Scene::new(), Counting::new());
    counting.run(&mut scene, &steps).await;
    check_samples(&scene);
    check_windows(&scene);
    // From rollups, where a day is wholly in files.
    let root = scene.root();
    let mut rolled = Vec::new();
    for idx in 0..rolled_days {
        let has_raw = !files::files(&root, Table::MetricPoints, day(idx))
            .unwrap()
            .is_empty();
        let is_in_files = counting.flushed == counting.time;
        if has_raw && (is_in_files || counting.flushed >= START + (idx + 1) * DAY) {
            rolled.push(day(idx));
        }
    }
    for resolution in [Resolution::OneHour, Resolution::FiveMinutes] {
        let series = scene.ask("requests_total", resolution).series;
        for day in &rolled {
            write_rollup(&root, *day, &series, resolution);
        }
    }
    check_windows(&scene);
    for day in rolled.iter().take(pruned_days as usize) {
        remove_raw(&root, *day);
    }
    check_windows(&scene);
    // With rows that came after the rollups were made.
    counting.run(&mut scene, &later).await;
    check_windows(&scene);
}

fn steps(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![5 => 1_000..900_000i64, 1 => 3_600_000..40_000_000i64];
    let rises = prop::collection::vec(prop_oneof![9 => 1..9u8, 1 => Just(0)], 3);
    prop::collection::vec((pause, rises, prop::bool::weighted(0.3)), n)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_resolution_is_what_all_samples_give(
        steps in steps(1..30),
        later in steps(0..10),
        rolled_days in 0..4i64,
        pruned_days in 0..4i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps, later, rolled_days, pruned_days));
    }
}

#[tokio::test]
async fn limits_are_errors_that_say_what_to_do() {
    let mut scene = Scene::new();
    let page = layout(&target("a:1"), &["get", "put"]);
    for idx in 0..10 {
        scene.append(&page, START + idx * 1000, &[1.0, 2.0]).await;
        if idx == 5 {
            scene.flush();
        }
    }
    let ask = |limits| {
        let query = SeriesQuery {
            selector: Selector::named("requests_total"),
            resolution: Asked::Exactly(Resolution::Raw),
            limits,
            ..SeriesQuery::default()
        };
        Recall::open(scene.dir.path()).series(&query)
    };
    let few_points = SeriesLimits {
        n_series: 9,
        n_points: 19,
    };
    assert!(matches!(
        ask(few_points),
        Err(RecallError::TooManyPoints { limit: 19 })
    ));
    let few_series = SeriesLimits {
        n_series: 1,
        n_points: 99,
    };
    assert!(matches!(
        ask(few_series),
        Err(RecallError::TooManySeries { limit: 1 })
    ));
    let enough = SeriesLimits {
        n_series: 2,
        n_points: 20,
    };
    assert_eq!(ask(enough).unwrap().series.len(), 2);
}

#[tokio::test]
async fn a_range_is_half_open_and_names_need_no_points() {
    let mut scene = Scene::new();
    let page = layout(&target("a:1"), &["get"]);
    for idx in 0..10 {
        scene.append(&page, START + idx * 1000, &[idx as f64]).await;
        if idx == 4 {
            scene.flush();
        }
    }
    let query = SeriesQuery {
        selector: Selector::named("requests_total"),
        from: Some(UnixMillis(START + 2000)),
        to: Some(UnixMillis(START + 7000)),
        ..SeriesQuery::default()
    };
    let recall = Recall::open(scene.dir.path());
    let answer = recall.series(&query).unwrap();
    assert_eq!(answer.resolution, Some(Resolution::Raw));
    let values: Vec<f64> = answer.series[0]
        .samples
        .iter()
        .map(|sample| sample.value)
        .collect();
    assert_eq!(values, [2.0, 3.0, 4.0, 5.0, 6.0]);
    let names = recall.series_names(&query).unwrap().series;
    assert_eq!(&*names[0].kind, "counter");
    assert_eq!(&*names[0].help, "Requests served.");
    assert!(names[0].samples.is_empty());
}

#[tokio::test]
async fn windows_are_within_the_range_on_days_with_others_samples() {
    const HOUR: i64 = 3_600_000;
    let mut scene = Scene::new();
    let page = layout(&target("a:1"), &["get"]);
    for hour in 0..6 {
        scene
            .append(&page, START + hour * HOUR, &[hour as f64])
            .await;
    }
    scene.flush();
    let series = scene.ask("requests_total", Resolution::OneHour).series;
    write_rollup(&scene.root(), day(0), &series, Resolution::OneHour);
    let other = layout(&target("b:1"), &["put"]);
    scene.append(&other, START + 3 * HOUR, &[1.0]).await;
    let query = SeriesQuery {
        selector: Selector::named("requests_total"),
        from: Some(UnixMillis(START + 2 * HOUR)),
        to: Some(UnixMillis(START + 4 * HOUR)),
        resolution: Asked::Exactly(Resolution::OneHour),
        ..SeriesQuery::default()
    };
    let answer = Recall::open(scene.dir.path()).series(&query).unwrap();
    let starts = answer.series.iter().map(|series| {
        let windows = windows(series).into_iter();
        let hours: Vec<i64> = windows.map(|window| (window.0 - START) / HOUR).collect();
        (series.labels.get("method").unwrap_or(""), hours)
    });
    let starts: BTreeMap<&str, Vec<i64>> = starts.collect();
    assert_eq!(
        starts,
        BTreeMap::from([("get", vec![2, 3]), ("put", vec![3])])
    );
}

#[tokio::test]
async fn a_damaged_file_is_told_and_the_rest_is_read() {
    let mut scene = Scene::new();
    let page = layout(&target("a:1"), &["get"]);
    for idx in 0..3 {
        scene.append(&page, START + idx * 1000, &[idx as f64]).await;
        scene.flush();
    }
    let root = scene.root();
    let files = files::files(&root, Table::MetricPoints, day(0)).unwrap();
    std::fs::write(files[1].path(&root), b"PAR1 is not enough").unwrap();
    let answer = scene.ask("requests_total", Resolution::Raw);
    assert_eq!(raw(&answer.series[0]), [(START, 0.0), (START + 2000, 2.0)]);
    assert_eq!(answer.left_out.len(), 1);
    assert_eq!(
        scene.archive.resume_position(),
        Position(files[2].name.to.0)
    );
}
