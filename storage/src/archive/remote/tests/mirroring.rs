//! One step after another.

use std::fs;

use super::super::metrics::{DAMAGED, FAILED, OK};
use super::super::pass::Look;
use super::scene::*;
use crate::archive::table::Table;

const POINTS: Table = Table::MetricPoints;
const DATE: &str = "2026-11-24";

#[test]
fn what_is_here_goes_up_once() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let (a, b) = (
        scene.file(POINTS, DATE, 0, 10),
        scene.file(Table::Stacks, DATE, 0, 10),
    );
    scene.write(&a, &[1, 2]);
    scene.write(&b, &[3]);
    assert!(scene.is_awaited(&a), "nothing is known yet");
    scene.pass(&bucket, Look::Everything).unwrap();
    assert_eq!(bucket.keys(), [key(&a), key(&b)]);
    assert!(!scene.is_awaited(&a));
    scene.restart();
    scene.pass(&bucket, Look::Everything).unwrap();
    assert_eq!(scene.uploads(OK), 2, "a restart sends nothing again");
    assert_eq!(
        scene.metrics.backlog_files.get(),
        2,
        "as known before the look"
    );
    scene.pass(&bucket, Look::Changes).unwrap();
    assert_eq!(scene.metrics.backlog_files.get(), 0);
}

#[test]
fn a_compacted_file_is_up_before_its_parts_go() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let parts = [
        scene.file(POINTS, DATE, 0, 10),
        scene.file(POINTS, DATE, 10, 20),
    ];
    parts
        .iter()
        .for_each(|part| scene.write(part, &[part.name.to.0]));
    scene.pass(&bucket, Look::Everything).unwrap();
    let whole = scene.file(POINTS, DATE, 0, 20);
    scene.write(&whole, &[10, 20]);
    parts.iter().for_each(|part| scene.remove(part));
    bucket.requests.lock().unwrap().clear();
    scene.pass(&bucket, Look::Changes).unwrap();
    assert_eq!(bucket.keys(), [key(&whole)]);
    let requests = bucket.requests.lock().unwrap().clone();
    let changes: Vec<_> = requests
        .iter()
        .filter(|r| !r.starts_with("objects"))
        .collect();
    assert!(
        changes[0].starts_with("upload") && changes[2].starts_with("delete"),
        "{changes:?}"
    );
}

#[test]
fn retention_here_removes_nothing_there() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let (old, new) = (
        scene.file(POINTS, "2026-01-01", 0, 10),
        scene.file(POINTS, DATE, 10, 20),
    );
    scene.write(&old, &[1]);
    scene.write(&new, &[2]);
    scene.pass(&bucket, Look::Everything).unwrap();
    scene.remove(&old);
    fs::remove_dir(old.folder(scene.folder.path())).unwrap();
    scene.pass(&bucket, Look::Changes).unwrap();
    scene.pass(&bucket, Look::Everything).unwrap();
    assert_eq!(bucket.keys(), [key(&old), key(&new)]);
}

#[test]
fn the_buckets_retention_removes_our_old_days_only() {
    let (mut scene, mut other) = (Scene::new(1), Scene::new(2));
    let bucket = MemoryBucket::default();
    let old = scene.file(POINTS, "2026-01-01", 0, 10);
    let series = scene.file(Table::MetricSeries, "2026-01-01", 0, 10);
    let others = other.file(POINTS, "2026-01-01", 0, 10);
    scene.write(&old, &[1]);
    scene.write(&series, &[1]);
    other.write(&others, &[2]);
    scene.pass(&bucket, Look::Everything).unwrap();
    other.pass(&bucket, Look::Everything).unwrap();
    scene.retention.raw_days = Some(30);
    scene.pass(&bucket, Look::Thorough).unwrap();
    assert_eq!(
        bucket.keys(),
        [key(&others), key(&series)],
        "series belong to the rollups too"
    );
    scene.pass(&bucket, Look::Thorough).unwrap();
    assert_eq!(
        scene.uploads(OK),
        2,
        "what has had its time does not go up again"
    );
    assert!(!scene.is_awaited(&old));
}

#[test]
fn an_upload_that_arrived_cut_short_is_sent_again_and_replaces_nothing_before() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let part = scene.file(POINTS, DATE, 0, 10);
    scene.write(&part, &[1]);
    scene.pass(&bucket, Look::Everything).unwrap();
    let whole = scene.file(POINTS, DATE, 0, 20);
    scene.write(&whole, &[1, 2]);
    scene.remove(&part);
    bucket.fail_after(1, Fault::CutShort);
    let error = scene.pass(&bucket, Look::Changes).unwrap_err();
    assert!(error.to_string().contains("not as long as"), "{error}");
    assert!(bucket.keys().contains(&key(&part)));
    assert!(scene.is_awaited(&whole));
    scene.pass(&bucket, Look::Changes).unwrap();
    assert_eq!(bucket.keys(), [key(&whole)]);
}

#[test]
fn a_bucket_that_is_away_is_not_asked_for_every_file() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    for n in 1..10 {
        let file = scene.file(POINTS, &format!("2026-11-0{n}"), n, n + 1);
        scene.write(&file, &[n]);
    }
    (0..100).for_each(|_| bucket.fail_after(0, Fault::Refused));
    scene.pass(&bucket, Look::Everything).unwrap_err();
    assert_eq!(
        bucket.requests.lock().unwrap().len(),
        3 + 3,
        "for what is here, and for old days"
    );
    bucket.heal();
    bucket.fail_after(1, Fault::Refused);
    scene.pass(&bucket, Look::Everything).unwrap_err();
    assert_eq!(
        (scene.uploads(FAILED), scene.uploads(OK)),
        (1, 8),
        "one bad file stops no other"
    );
    assert_eq!(scene.metrics.backlog_files.get(), 1);
}

#[test]
fn what_fails_keeps_nothing_else_waiting() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let dates = ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"];
    for (n, date) in (1..).zip(dates) {
        scene.write(&scene.file(POINTS, date, n, n + 1), &[n]);
    }
    (0..3).for_each(|n| bucket.fail_after(n, Fault::Refused));
    scene.pass(&bucket, Look::Changes).unwrap_err();
    assert_eq!(bucket.keys(), Vec::<String>::new(), "given up after three");
    (0..3).for_each(|n| bucket.fail_after(3 + n, Fault::Refused));
    scene.pass(&bucket, Look::Changes).unwrap_err();
    assert_eq!(bucket.keys(), [key(&scene.file(POINTS, dates[3], 4, 5))]);
    scene.pass(&bucket, Look::Changes).unwrap();
    assert_eq!(bucket.keys().len(), 4);
}

#[test]
fn what_refers_to_rows_waits_until_they_are_there() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let of = |scene: &Scene, table| scene.file(table, DATE, 0, 10);
    let tables = [Table::Stacks, Table::ProfileSamples, Table::Profiles];
    let [stacks, samples, profiles] = tables.map(|table| of(&scene, table));
    let events = of(&scene, Table::Events);
    for file in [&profiles, &samples, &stacks, &events] {
        scene.write(file, &[1]);
    }
    bucket.fail_after(1, Fault::Refused);
    scene.pass(&bucket, Look::Changes).unwrap_err();
    assert_eq!(bucket.keys(), [key(&events)]);
    bucket.requests.lock().unwrap().clear();
    scene.pass(&bucket, Look::Changes).unwrap();
    let requests = bucket.requests.lock().unwrap().clone();
    let uploads: Vec<_> = requests
        .iter()
        .filter_map(|request| request.strip_prefix("upload "))
        .collect();
    assert_eq!(uploads, [key(&stacks), key(&samples), key(&profiles)]);
}

#[test]
fn a_damaged_file_stays_here_and_is_not_waited_for() {
    let (mut scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let file = scene.file(POINTS, DATE, 0, 10);
    scene.write(&file, &[1, 2, 3]);
    scene.pass(&bucket, Look::Everything).unwrap();
    let path = file.path(scene.folder.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    scene.restart();
    scene.pass(&bucket, Look::Everything).unwrap();
    assert_eq!(scene.uploads(DAMAGED), 1);
    assert!(!scene.is_awaited(&file));
    assert_eq!(
        bucket.objects.lock().unwrap()[&key(&file)],
        bytes,
        "the good copy stays"
    );
}
