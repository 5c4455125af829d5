//! Scrapes in, rows out.

use std::sync::Arc;

use proto::metrics::{Exemplar, MetricBatch, NativeHistogram, absent, stale_marker};
use proto::{Labels, Record, UnixMillis};

use super::super::table::Table;
use super::super::testing::{NOW, layout, options, paths, points, rows, scrape, target, texts};
use super::super::{Archive, ArchiveOptions};
use crate::Position;

const DAY: i64 = 86_400_000;

fn later(millis: i64) -> UnixMillis {
    UnixMillis(NOW.0 + millis)
}

#[test]
fn points_are_sorted_by_series_and_time_without_markers() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(
        Position(10),
        &scrape(&page, later(15), &[2.0, stale_marker()]),
    );
    archive.write(Position(20), &scrape(&page, NOW, &[1.0, f64::NAN]));
    archive.write(Position(30), &scrape(&page, later(30), &[3.0, absent()]));
    let report = archive.flush().unwrap();

    assert_eq!(
        (report.position, report.n_rows()),
        (Position(30), 4 + 2 + 2)
    );
    let ids = [page.series[0].id, page.series[1].id];
    let of = |id| {
        points(dir.path())
            .into_iter()
            .filter(move |(other, ..)| *other == id)
    };
    let get: Vec<_> = of(ids[0]).map(|(_, time, value)| (time, value)).collect();
    assert_eq!(get, [(NOW, 1.0), (later(15), 2.0), (later(30), 3.0)]);
    let put: Vec<_> = of(ids[1])
        .map(|(_, time, value)| (time, value.is_nan()))
        .collect();
    assert_eq!(put, [(NOW, true)]);
    assert!(points(dir.path()).is_sorted_by_key(|(id, time, _)| (*id, *time)));
}

#[test]
fn a_series_is_described_once_a_day_also_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    for (end, time) in [
        (10, NOW),
        (20, later(1)),
        (30, later(DAY)),
        (40, later(DAY + 1)),
    ] {
        let mut archive = Archive::open(options(dir.path())).unwrap();
        archive.write(Position(end), &scrape(&page, time, &[1.0, absent()]));
        archive.flush().unwrap();
        archive.write(Position(end + 1), &scrape(&page, time, &[1.0, absent()]));
        archive.flush().unwrap();
    }
    assert_eq!(
        texts(dir.path(), Table::MetricSeries, "name"),
        ["requests_total"; 2]
    );
    assert_eq!(
        texts(dir.path(), Table::MetricSeries, "kind"),
        ["counter"; 2]
    );
    assert_eq!(
        texts(dir.path(), Table::MetricSeries, "instance"),
        ["a:1"; 2]
    );
}

#[test]
fn a_scrape_with_timestamps_is_split_at_midnight_and_repeated_samples_are_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    for end in [10, 20] {
        let mut batch = MetricBatch::new(page.clone(), later(end), vec![1.0, 2.0]);
        batch.timestamps = vec![later(-DAY), NOW];
        archive.write(
            Position(end.cast_unsigned()),
            &Record::Metrics(Arc::new(batch)),
        );
    }
    archive.flush().unwrap();
    let [yesterday, today] = &paths(dir.path(), Table::MetricPoints)[..] else {
        panic!()
    };
    assert!(
        yesterday.to_str().unwrap().contains("date=2026-11-20"),
        "{yesterday:?}"
    );
    assert!(
        today.to_str().unwrap().contains("date=2026-11-21"),
        "{today:?}"
    );
    let values: Vec<f64> = points(dir.path())
        .iter()
        .map(|(.., value)| *value)
        .collect();
    assert_eq!(values, [1.0, 2.0]);
}

#[test]
fn a_sample_with_its_own_time_that_is_shown_again_is_not_a_new_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    for (end, measured) in [(10, 0), (20, 0), (30, 25)] {
        let mut batch = MetricBatch::new(page.clone(), later(end), vec![1.0, 2.0]);
        batch.timestamps = vec![later(measured), later(end)];
        archive.write(
            Position(end.cast_unsigned()),
            &Record::Metrics(Arc::new(batch)),
        );
        archive.flush().unwrap();
    }
    let times = |method: usize| -> Vec<UnixMillis> {
        let of = page.series[method].id;
        let mut times: Vec<_> = points(dir.path())
            .iter()
            .filter(|(id, ..)| *id == of)
            .map(|(_, time, _)| *time)
            .collect();
        times.sort();
        times
    };
    assert_eq!(times(0), [later(0), later(25)]);
    assert_eq!(times(1), [later(10), later(20), later(30)]);
}

#[test]
fn times_without_a_day_are_counted_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    archive.write(
        Position(10),
        &scrape(&page, UnixMillis(i64::MIN), &[1.0, 2.0]),
    );
    archive.flush().unwrap();
    assert_eq!(points(dir.path()), []);
    assert_eq!(
        archive
            .metrics()
            .dropped
            .with_label_values(&["time_out_of_range"])
            .get(),
        2
    );
    assert_eq!(archive.resume_position(), Position(10));
}

#[test]
fn a_native_histogram_is_a_row_of_its_own_table_and_no_point() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    let mut batch = MetricBatch::new(page.clone(), NOW, vec![1.0, 7.0]);
    batch.histograms = vec![NativeHistogram {
        series_idx: 1,
        schema: 3,
        zero_threshold: 1e-9,
        zero_count: 1.0,
        count: 7.0,
        sum: 2.5,
        is_float: false,
        is_gauge: false,
        positive_spans: vec![proto::metrics::BucketSpan {
            offset: -2,
            length: 2,
        }],
        positive_counts: vec![2.0, 4.0],
        negative_spans: Vec::new(),
        negative_counts: Vec::new(),
        custom_bounds: Vec::new(),
    }];
    archive.write(Position(10), &Record::Metrics(Arc::new(batch)));
    archive.flush().unwrap();
    assert_eq!(points(dir.path()), [(page.series[0].id, NOW, 1.0)]);
    assert_eq!(texts(dir.path(), Table::MetricSeries, "name").len(), 2);
    insta::assert_debug_snapshot!(rows(dir.path(), Table::MetricHistograms)[0].columns()[3..]);
}

#[test]
fn an_exemplar_shown_again_is_not_a_new_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get"]);
    for (end, trace) in [(10, "a"), (20, "a"), (30, "b")] {
        let mut batch = MetricBatch::new(page.clone(), later(end), vec![1.0]);
        let labels = Labels::from_pairs([("trace_id", trace)]);
        batch.exemplars = vec![Exemplar {
            series_idx: 0,
            labels,
            value: 0.5,
            time: None,
        }];
        archive.write(
            Position(end.cast_unsigned()),
            &Record::Metrics(Arc::new(batch)),
        );
        archive.flush().unwrap();
    }
    let n_rows: usize = rows(dir.path(), Table::MetricExemplars)
        .iter()
        .map(arrow_array::RecordBatch::num_rows)
        .sum();
    assert_eq!(n_rows, 2);
}

#[test]
fn buffers_are_full_by_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let page = layout(&target("a:1"), &["get", "put"]);
    let mut end = 0;
    while !archive.is_full() {
        end += 1;
        archive.write(
            Position(end),
            &scrape(&page, later(end.cast_signed()), &[1.0, 2.0]),
        );
    }
    assert!(
        (1_000..10_000).contains(&end),
        "{end} scrapes of two samples fill 1 MiB"
    );
    archive.flush().unwrap();
    assert!(!archive.is_full());
    assert_eq!(points(dir.path()).len() as u64, 2 * end);
}

#[test]
fn buffers_hold_some_samples_of_each_series_however_many_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(ArchiveOptions {
        buffer_bytes: 1,
        ..options(dir.path())
    })
    .unwrap();
    let methods: Vec<String> = (0..500).map(|idx| idx.to_string()).collect();
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    let pages = ["a:1", "a:2"].map(|instance| layout(&target(instance), &methods));
    let mut end = 0;
    while !archive.is_full() {
        end += 1;
        let page = &pages[end as usize % 2];
        archive.write(
            Position(end),
            &scrape(page, later(end.cast_signed()), &[1.0; 500]),
        );
    }
    // Eight of each, less what is counted beside the values.
    assert!((12..=16).contains(&end), "{end} scrapes");
}
