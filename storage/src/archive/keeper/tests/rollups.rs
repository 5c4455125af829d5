//! Days are rolled up while leadsman runs.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use proto::{Record, UnixMillis};

use super::super::KeeperOptions;
use super::super::keeping::{Keeper, Step};
use super::super::listing::millis;
use super::super::pace::{Pace, Stop};
use crate::Position;
use crate::archive::table::{Resolution, Table};
use crate::archive::testing::{cpu_profile, layout, options, paths, points, rows, scrape, target};
use crate::archive::verify::{Depth, verify};
use crate::archive::{Archive, ArchiveError, ProfileQuery};

const MINUTE: i64 = 60_000;
/// Minutes from the first row to midnight, and to the last row.
const N_BEFORE: i64 = 150;
const N_MINUTES: i64 = 240;
/// 2026-11-22 00:00:00 UTC.
const MIDNIGHT: i64 = 1_795_305_600_000;

/// Writes some minutes of a counter that restarts every 100 minutes, and of a profile.
fn write(archive: &mut Archive, minutes: std::ops::Range<i64>) {
    let page = layout(&target("a:1"), &["get"]);
    for minute in minutes {
        let time = MIDNIGHT + (minute - N_BEFORE) * MINUTE;
        let end = minute as u64 * 100;
        let value = (minute % 100) as f64 * 3.0;
        archive.write(
            Position(end + 50),
            &scrape(&page, UnixMillis(time), &[value]),
        );
        let profile = cpu_profile(time * 1_000_000);
        archive.write(Position(end + 100), &Record::Profile(Arc::new(profile)));
        if minute % 7 == 6 {
            archive.flush().unwrap();
        }
    }
    archive.flush().unwrap();
}

fn keeper(archive: &Archive) -> Keeper {
    archive.keeper(KeeperOptions::default()).unwrap()
}

fn work(keeper: &mut Keeper, now: UnixMillis) {
    let mut pace = Pace::new(Stop::default(), 1.0);
    let mut n_jobs = 0;
    while keeper.step(&mut pace, now).unwrap() == Step::Worked {
        n_jobs += 1;
        assert!(n_jobs < 200, "for ever");
    }
}

fn n_rollups(keeper: &Keeper) -> u64 {
    let labels = ["rollup", "done"];
    keeper.metrics.jobs.with_label_values(&labels).get()
}

/// When all days have ended and settled, by the clock by which files were written.
fn settled() -> UnixMillis {
    UnixMillis(millis(SystemTime::now()).0 + 60 * MINUTE)
}

/// What the counter rose in all windows of a table.
fn increase(path: &Path, table: Table) -> f64 {
    let batches = rows(path, table).into_iter();
    let sums = batches.map(|batch| {
        let column = batch["increase"].as_primitive::<Float64Type>().clone();
        column.iter().flatten().sum::<f64>()
    });
    sums.sum()
}

fn captures(path: &Path, resolution: Resolution) -> (usize, i64) {
    let query = ProfileQuery {
        path: path.to_owned(),
        resolution,
        ..ProfileQuery::default()
    };
    let profiles: Vec<_> = query.profiles().unwrap().map(Result::unwrap).collect();
    let values = profiles.iter().flat_map(|record| &record.profile.values);
    (profiles.len(), values.sum())
}

/// All windows say together what the raw rows say.
fn check_rollups(path: &Path) {
    let values: Vec<f64> = points(path).iter().map(|point| point.2).collect();
    assert_eq!(values.len() as i64, N_MINUTES);
    let total: f64 = values
        .windows(2)
        .map(|pair| match pair[1] < pair[0] {
            true => pair[1],
            false => pair[1] - pair[0],
        })
        .sum();
    for table in [Table::MetricRollups5m, Table::MetricRollups1h] {
        assert_eq!(increase(path, table), total, "{table:?}");
        assert_eq!(paths(path, table).len(), 2, "a file a day");
    }
    let (n_captures, total) = captures(path, Resolution::Raw);
    assert_eq!(n_captures as i64, N_MINUTES);
    let n_windows = N_MINUTES as usize / 5;
    let minutes = captures(path, Resolution::FiveMinutes);
    assert_eq!(minutes, (n_windows, total));
    // 150 minutes before midnight lie in three hours, 90 after it in two.
    assert_eq!(captures(path, Resolution::OneHour), (5, total));
    let report = verify(path, Depth::Pages, settled(), |_| {}).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn what_the_archive_wrote_is_rolled_up_whatever_is_merged_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let mut keeper = keeper(&archive);
    for start in (0..N_MINUTES).step_by(30) {
        write(&mut archive, start..start + 30);
        work(
            &mut keeper,
            UnixMillis(MIDNIGHT + (start + 30 - N_BEFORE) * MINUTE),
        );
    }
    work(&mut keeper, settled());
    check_rollups(dir.path());
    let n_before = n_rollups(&keeper);
    work(&mut keeper, UnixMillis(settled().0 + 24 * 60 * MINUTE));
    assert_eq!(n_rollups(&keeper), n_before, "nothing is new");
    check_rollups(dir.path());
}

#[test]
fn a_new_keeper_rolls_up_what_the_one_before_did_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    write(&mut archive, 0..N_MINUTES);
    drop(archive);
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    work(&mut keeper, settled());
    check_rollups(dir.path());
    // Metrics and profiles of two days.
    assert_eq!(n_rollups(&keeper), 4);
}

#[test]
fn a_day_that_lasts_is_rolled_up_once_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    let mut keeper = keeper(&archive);
    let now = |minutes: i64| UnixMillis(MIDNIGHT + (minutes - N_BEFORE) * MINUTE);
    write(&mut archive, 0..20);
    work(&mut keeper, now(20));
    assert_eq!(n_rollups(&keeper), 2, "metrics and profiles");
    write(&mut archive, 20..70);
    work(&mut keeper, now(70));
    assert_eq!(n_rollups(&keeper), 2, "it is not an hour yet");
    work(&mut keeper, now(80));
    assert_eq!(n_rollups(&keeper), 4);
    work(&mut keeper, now(141));
    assert_eq!(n_rollups(&keeper), 4, "nothing is new");
}

/// Writes an archive with a raw file that is none, and rolls it up otherwise.
fn check_damage_is_passed(roll_up: impl FnOnce(&mut Keeper)) {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    write(&mut archive, 0..70);
    let damaged = paths(dir.path(), Table::MetricPoints).remove(3);
    std::fs::write(&damaged, b"PAR1 this is no parquet file PAR1").unwrap();
    let mut keeper = keeper(&archive);
    roll_up(&mut keeper);
    assert_eq!(keeper.metrics.damaged_files.get(), 1);
    // Seven minutes are missing, over which the counter is taken to have risen all the same.
    let increase = increase(dir.path(), Table::MetricRollups5m);
    assert_eq!(increase, 69.0 * 3.0);
}

#[test]
fn a_damaged_raw_file_is_named_and_the_others_are_rolled_up() {
    check_damage_is_passed(|keeper| {
        work(keeper, settled());
        work(keeper, UnixMillis(settled().0 + 24 * 60 * MINUTE));
    });
    check_damage_is_passed(|keeper| {
        let n_rolled_up = keeper.roll_up_all(settled(), |_| {}).unwrap();
        assert_eq!(n_rolled_up, 3, "profiles, and metrics twice");
    });
}

#[test]
fn one_that_is_stopped_leaves_no_rollup_and_the_next_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(options(dir.path())).unwrap();
    write(&mut archive, 0..N_MINUTES);
    let stopped = Stop::default();
    stopped.stop();
    let mut keeper = keeper(&archive);
    let mut pace = Pace::new(stopped, 1.0);
    let step = keeper.step(&mut pace, settled());
    assert!(matches!(step, Err(ArchiveError::Stopped)));
    assert_eq!(paths(dir.path(), Table::MetricRollups5m).len(), 0);
    drop((keeper, archive));
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    work(&mut keeper, settled());
    check_rollups(dir.path());
}
