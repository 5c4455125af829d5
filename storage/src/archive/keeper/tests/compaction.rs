//! Small files become large ones, and nobody misses a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proto::{ProfileRecord, Record, UnixMillis};

use super::super::KeeperOptions;
use super::super::keeping::{Keeper, Step};
use super::super::pace::{Pace, Stop};
use crate::Position;
use crate::archive::table::Table;
use crate::archive::testing::{
    NOW, cpu_profile, layout, options, paths, points, rows, scrape, target, texts,
};
use crate::archive::{Archive, ArchiveError, ProfileQuery};

const DAY: i64 = 86_400_000;

/// An archive of `n_files` flushes of two series and a profile each.
fn archive(path: &Path, n_files: i64) -> Archive {
    let mut archive = Archive::open(options(path)).unwrap();
    for idx in 0..n_files {
        write(&mut archive, idx, NOW.0 + idx * 1000);
    }
    archive
}

fn write(archive: &mut Archive, idx: i64, time: i64) {
    let page = layout(&target(&format!("a:{}", idx % 3)), &["get", "put"]);
    let position = archive.resume_position().0;
    let values = [idx as f64, 2.0];
    archive.write(
        Position(position + 10),
        &scrape(&page, UnixMillis(time), &values),
    );
    let profile = profile(time);
    archive.write(Position(position + 20), &Record::Profile(Arc::new(profile)));
    archive.flush().unwrap();
}

/// With a function of its own each time, and one that is always the same.
fn profile(time: i64) -> ProfileRecord {
    let mut record = cpu_profile(time * 1_000_000);
    let name = format!("main.handler{time}");
    record.profile.functions[0].name = record.profile.strings.push(&name);
    record
}

fn keeper(archive: &Archive) -> Keeper {
    archive.keeper(KeeperOptions::default()).unwrap()
}

fn pace() -> Pace {
    Pace::new(Stop::default(), 1.0)
}

fn work(keeper: &mut Keeper, now: i64) -> usize {
    let mut n_jobs = 0;
    while keeper.step(&mut pace(), UnixMillis(now)).unwrap() == Step::Worked {
        n_jobs += 1;
        assert!(n_jobs < 100, "for ever");
    }
    n_jobs
}

fn sorted_points(path: &Path) -> Vec<String> {
    let mut points: Vec<String> = points(path)
        .iter()
        .map(|point| format!("{point:?}"))
        .collect();
    points.sort_unstable();
    points
}

fn profiles(path: &Path) -> Vec<ProfileRecord> {
    let query = ProfileQuery {
        path: path.to_owned(),
        ..ProfileQuery::default()
    };
    query.profiles().unwrap().map(Result::unwrap).collect()
}

#[test]
fn everything_becomes_one_file_a_table_and_day_and_reads_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    drop(archive(dir.path(), 20));
    let (points_before, profiles_before) = (sorted_points(dir.path()), profiles(dir.path()));
    let (mut series, stacks) = (
        texts(dir.path(), Table::MetricSeries, "name"),
        texts(dir.path(), Table::Stacks, "leaf").len(),
    );
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    let mut n_told = 0;
    let report = keeper.compact_all(|_| n_told += 1).unwrap();
    assert_eq!(report.merged.len(), n_told);
    assert_eq!(report.damaged, [] as [std::path::PathBuf; 0]);
    for table in [
        Table::MetricPoints,
        Table::MetricSeries,
        Table::Stacks,
        Table::Profiles,
        Table::ProfileSamples,
        Table::Targets,
        Table::Events,
    ] {
        assert_eq!(paths(dir.path(), table).len(), 1, "{}", table.name());
    }
    assert_eq!(report.n_files.1, 7);
    assert_eq!(sorted_points(dir.path()), points_before);
    assert_eq!(profiles(dir.path()), profiles_before);
    series.sort_unstable();
    assert_eq!(texts(dir.path(), Table::MetricSeries, "name"), series);
    assert_eq!(texts(dir.path(), Table::Stacks, "leaf").len(), stacks);
    assert_eq!(keeper.compact_all(|_| ()).unwrap().merged, []);
    drop(keeper);
    let archive = Archive::open(options(dir.path())).unwrap();
    assert_eq!(archive.resume_position(), Position(400));
}

#[test]
fn what_was_merged_is_sorted_and_its_footer_says_how_far_it_reaches() {
    let dir = tempfile::tempdir().unwrap();
    drop(archive(dir.path(), 9));
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    keeper.compact_all(|_| ()).unwrap();
    let batch = &rows(dir.path(), Table::MetricPoints)[0];
    let ids = batch["series_id"].as_primitive::<Int64Type>().values();
    assert!(ids.is_sorted_by_key(|id| id.cast_unsigned()));
    let path = &paths(dir.path(), Table::MetricPoints)[0];
    let name = path.file_name().unwrap().to_str().unwrap();
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let footer = reader.metadata().file_metadata().key_value_metadata();
    let footer: BTreeSet<String> = footer
        .unwrap()
        .iter()
        .map(|pair| format!("{}={}", pair.key, pair.value.as_deref().unwrap()))
        .collect();
    let (writer, range) = name.split_once('-').unwrap();
    assert_eq!(range, "0-180.parquet");
    for expected in [
        "leadsman.schema_version=4".to_owned(),
        "leadsman.position=180".to_owned(),
        format!("leadsman.writer={writer}"),
    ] {
        assert!(footer.contains(&expected), "{footer:?}");
    }
}

#[test]
fn an_open_day_is_merged_eight_at_a_time_and_one_that_ended_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut archive = archive(dir.path(), 10);
    let mut keeper = keeper(&archive);
    work(&mut keeper, NOW.0);
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 3);
    let before = sorted_points(dir.path());
    let now = super::super::keeping::now().0;
    work(&mut keeper, now);
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 3, "too new");
    let later = now + 3 * DAY;
    work(&mut keeper, later);
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 1);
    assert_eq!(sorted_points(dir.path()), before);
    // Late rows of that day.
    write(&mut archive, 100, NOW.0 + 500);
    work(&mut keeper, later);
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 1);
    assert_eq!(sorted_points(dir.path()).len(), before.len() + 2);
    assert_eq!(work(&mut keeper, later), 0);
}

#[test]
fn a_damaged_file_is_named_and_the_rest_is_merged() {
    let dir = tempfile::tempdir().unwrap();
    drop(archive(dir.path(), 6));
    let broken = paths(dir.path(), Table::MetricPoints)
        .into_iter()
        .find(|path| path.to_str().unwrap().ends_with("-40-60.parquet"))
        .unwrap();
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    let report = keeper.compact_all(|_| ()).unwrap();
    assert_eq!(report.damaged, std::slice::from_ref(&broken));
    let names: BTreeSet<String> = paths(dir.path(), Table::MetricPoints)
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.split_once('-').unwrap().1.to_owned()
        })
        .collect();
    let expected = ["0-40.parquet", "40-60.parquet", "60-120.parquet"];
    assert_eq!(names, expected.map(str::to_owned).into());
    fs::remove_file(&broken).unwrap();
    assert_eq!(points(dir.path()).len(), 10);
    assert_eq!(paths(dir.path(), Table::Profiles).len(), 1);
}

#[test]
fn a_file_deleted_by_hand_does_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path(), 8);
    let mut keeper = keeper(&archive);
    let listing = keeper.list().unwrap();
    fs::remove_file(&paths(dir.path(), Table::MetricPoints)[3]).unwrap();
    drop(listing);
    let later = super::super::keeping::now().0 + 3 * DAY;
    work(&mut keeper, later);
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 1);
    assert_eq!(points(dir.path()).len(), 14);
}

#[test]
fn a_keeper_is_refused_what_another_process_has_open() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path(), 1);
    let error = Keeper::open(dir.path(), KeeperOptions::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Locked { .. }), "{error}");
    drop(archive);
    Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
}

#[test]
fn one_that_is_stopped_leaves_the_files_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path(), 8);
    let mut keeper = keeper(&archive);
    keeper.stop.stop();
    let mut pace = Pace::new(keeper.stop.clone(), 1.0);
    let stopped = keeper.step(&mut pace, NOW);
    assert!(matches!(stopped, Err(ArchiveError::Stopped)));
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 8);
    assert_eq!(
        fs::read_dir(dir.path().join(".keeping")).unwrap().count(),
        0
    );
}

#[test]
fn other_files_in_a_days_folder_stay() {
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(dir.path(), 8);
    let folder = paths(dir.path(), Table::MetricPoints)[0]
        .parent()
        .unwrap()
        .to_owned();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    work(&mut keeper(&archive), NOW.0);
    assert_eq!(
        fs::read_to_string(folder.join("notes.txt")).unwrap(),
        "mine"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    // Folders have no hard links: then files are replaced one by one.
    fs::create_dir(folder.join("mine")).unwrap();
    let mut keeper = keeper(&archive);
    drop(archive);
    let before = sorted_points(dir.path());
    keeper.compact_all(|_| ()).unwrap();
    assert!(folder.join("mine").is_dir());
    assert_eq!(sorted_points(dir.path()), before);
}

#[test]
fn what_cannot_be_written_leaves_nothing_and_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    drop(archive(dir.path(), 8));
    let name = paths(dir.path(), Table::MetricPoints)[0]
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .split_once('-')
        .unwrap()
        .0
        .to_owned();
    let mut keeper = Keeper::open(dir.path(), KeeperOptions::default()).unwrap();
    let desk = dir.path().join(".keeping");
    let in_the_way = desk.join(format!("metric_points.2026-11-21.{name}-0-160.parquet"));
    fs::create_dir_all(&in_the_way).unwrap();
    let before = sorted_points(dir.path());
    let error = keeper.compact_all(|_| ()).unwrap_err();
    assert!(matches!(error, ArchiveError::Io { .. }), "{error}");
    assert_eq!(sorted_points(dir.path()), before);
    assert_eq!(fs::read_dir(&desk).unwrap().count(), 1);
    fs::remove_dir(&in_the_way).unwrap();
    keeper.compact_all(|_| ()).unwrap();
    assert_eq!(paths(dir.path(), Table::MetricPoints).len(), 1);
    assert_eq!(sorted_points(dir.path()), before);
}
