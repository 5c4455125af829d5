//! Days that go from a real folder.

use std::fs;
use std::path::Path;

use proto::UnixMillis;

use super::super::keeping::{Keeper, Step, now};
use super::super::pace::{Pace, Stop};
use super::super::prune::PruneMode;
use super::super::retention::DropReason;
use super::super::space::Space;
use super::super::{CompactionOptions, KeeperOptions, RetentionPolicy};
use crate::Position;
use crate::archive::Archive;
use crate::archive::remote::tests::mirrored::Mirrored;
use crate::archive::table::Table;
use crate::archive::testing::{NOW, layout, options, paths, points, scrape, target};

const DAY: i64 = 86_400_000;

/// Two samples on each of the last `n_days` days before a time.
fn archive(path: &Path, until: i64, n_days: i64) -> Archive {
    let mut archive = Archive::open(options(path)).unwrap();
    for idx in 0..n_days {
        write(&mut archive, until - idx * DAY);
    }
    archive
}

fn write(archive: &mut Archive, time: i64) {
    let page = layout(&target("a:1"), &["get", "put"]);
    let position = Position(archive.resume_position().0 + 10);
    archive.write(position, &scrape(&page, UnixMillis(time), &[1.0, 2.0]));
    archive.flush().unwrap();
}

fn policy(n_days: u32) -> RetentionPolicy {
    RetentionPolicy {
        raw: std::time::Duration::from_secs(86_400) * n_days,
        min_free_bytes: 0,
        ..RetentionPolicy::default()
    }
}

fn options_with(retention: RetentionPolicy) -> KeeperOptions {
    KeeperOptions {
        retention,
        compaction: CompactionOptions {
            settle: std::time::Duration::ZERO,
            ..CompactionOptions::default()
        },
        ..KeeperOptions::default()
    }
}

fn keeper(archive: &Archive, retention: RetentionPolicy) -> Keeper {
    archive.keeper(options_with(retention)).unwrap()
}

/// Does all there is to do.
fn work(keeper: &mut Keeper, now: UnixMillis) {
    let n_steps = (0..100).take_while(|_| step(keeper, now) == Step::Worked);
    assert!(n_steps.count() < 100, "for ever");
}

fn step(keeper: &mut Keeper, now: UnixMillis) -> Step {
    keeper
        .step(&mut Pace::new(Stop::default(), 1.0), now)
        .unwrap()
}

#[test]
fn a_dry_run_tells_what_would_go_and_then_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    drop(archive(dir.path(), now().0, 5));
    let mut keeper = Keeper::open(dir.path(), options_with(policy(100))).unwrap();
    let unrolled = keeper.prune(&policy(2), PruneMode::DryRun).unwrap();
    assert_eq!(unrolled.dropped, [], "rows wait for their windows");
    work(&mut keeper, now());
    let told = keeper.prune(&policy(2), PruneMode::DryRun).unwrap();
    assert_eq!(points(dir.path()).len(), 10);
    let gone = keeper.prune(&policy(2), PruneMode::Apply).unwrap();
    assert_eq!(told, gone);
    let tables: Vec<_> = gone.dropped.iter().map(|dropped| dropped.table).collect();
    let pair = ["metric_points"; 2];
    assert_eq!(tables, pair);
    assert!(
        gone.dropped
            .iter()
            .all(|dropped| dropped.reason == DropReason::Age)
    );
    assert_eq!(points(dir.path()).len(), 6);
    assert_eq!(paths(dir.path(), Table::MetricSeries).len(), 5);
    let left = fs::read_dir(dir.path().join(".keeping")).unwrap();
    assert_eq!(left.count(), 0, "nothing of its work");
    assert_eq!(
        keeper.prune(&policy(2), PruneMode::Apply).unwrap().dropped,
        []
    );
}

#[test]
fn a_clock_that_is_wrong_for_a_while_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path(), NOW.0, 3);
    let mut keeper = keeper(&archive, policy(2));
    let years_later = UnixMillis(NOW.0 + 4000 * DAY);
    work(&mut keeper, years_later);
    assert_eq!(points(dir.path()).len(), 6);
    keeper.options.retention.grace = std::time::Duration::ZERO;
    assert_eq!(step(&mut keeper, years_later), Step::Worked);
    assert_eq!(points(dir.path()), []);
}

#[test]
fn a_disk_that_is_short_loses_its_oldest_days_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = archive(dir.path(), NOW.0, 4);
    let mut keeper = keeper(&archive, policy(100));
    keeper.options.retention.min_free_bytes = 1000;
    let all = keeper.list().unwrap().n_bytes();
    keeper.space = Some(Space {
        free: 999,
        total: 1 << 40,
    });
    assert_eq!(step(&mut keeper, NOW), Step::Worked);
    assert_eq!(points(dir.path()).len(), 6, "one day is enough");
    keeper.space = Some(Space {
        free: 0,
        total: all * 1000,
    });
    keeper.options.retention.min_free_bytes = u64::MAX;
    step(&mut keeper, NOW);
    assert_eq!(points(dir.path()).len(), 2, "today stays");
    assert!(keeper.metrics.missing_bytes.get() > 0);
    let metrics = keeper.metrics();
    let labels = ["metric_points", "free_space"];
    assert_eq!(
        metrics.dropped_partitions.with_label_values(&labels).get(),
        3
    );
    // Nothing is merged where that would fill the disk.
    for idx in 1..9 {
        write(&mut archive, NOW.0 + idx);
    }
    assert_eq!(step(&mut keeper, NOW), Step::Idle);
}

#[test]
fn an_old_day_waits_for_the_object_store_as_long_as_the_disk_does() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path(), NOW.0, 4);
    let mut keeper = keeper(&archive, policy(1));
    keeper.options.retention.grace = std::time::Duration::ZERO;
    let bucket = Mirrored::new(dir.path());
    keeper.wait_for(bucket.uploaded());
    work(&mut keeper, NOW);
    assert_eq!(
        points(dir.path()).len(),
        8,
        "nothing is known of the bucket"
    );
    bucket.bring_up();
    work(&mut keeper, NOW);
    assert_eq!(points(dir.path()).len(), 4);
    let metrics = keeper.metrics();
    assert_eq!(metrics.dropped_awaited_bytes.get(), 0);

    keeper.wait_for(Mirrored::new(dir.path()).uploaded());
    keeper.options.retention = policy(0);
    keeper.options.retention.min_free_bytes = 1000;
    keeper.space = Some(Space {
        free: 0,
        total: 1 << 40,
    });
    work(&mut keeper, NOW);
    assert_eq!(points(dir.path()).len(), 2, "the disk does not wait");
    assert!(metrics.dropped_awaited_bytes.get() > 0);
}

#[test]
fn by_hand_the_bucket_is_asked_before_a_day_goes() {
    let dir = tempfile::tempdir().unwrap();
    drop(archive(dir.path(), now().0, 3));
    let mut keeper = Keeper::open(dir.path(), options_with(policy(100))).unwrap();
    work(&mut keeper, now());
    let bucket = Mirrored::new(dir.path());
    keeper.wait_for(bucket.asked());
    let prune = |keeper: &mut Keeper| keeper.prune(&policy(1), PruneMode::Apply).unwrap();
    assert_eq!(prune(&mut keeper).dropped, []);
    bucket.bring_up();
    let dropped = prune(&mut keeper).dropped;
    assert!(!dropped.is_empty() && dropped.iter().all(|dropped| !dropped.is_awaited));
}

#[test]
fn late_rows_of_a_dropped_day_have_their_series_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = archive(dir.path(), NOW.0, 1);
    let mut keeper = keeper(&archive, policy(1));
    let later = UnixMillis(NOW.0 + 4000 * DAY);
    work(&mut keeper, later);
    let report = keeper
        .prune_at(&policy(1), PruneMode::Apply, later)
        .unwrap();
    assert_eq!(report.dropped.len(), 6, "{report:?}");
    write(&mut archive, NOW.0 + 1000);
    assert_eq!(points(dir.path()).len(), 2);
    assert_eq!(paths(dir.path(), Table::MetricSeries).len(), 1);
}
