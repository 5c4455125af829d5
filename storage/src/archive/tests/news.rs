//! `targets` and `events` in files, and what a start makes of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use proto::event::kind;
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::{Event, Record, UnixMillis};

use super::super::Archive;
use super::super::table::Table;
use super::super::testing::{NOW, options, paths, rows, target, texts};
use crate::Position;

const PAGE: &str = "etcd_server_version{server_version=\"3.5.33\"} 1\n\
    go_info{version=\"go1.24.6\"} 1\nprocess_start_time_seconds 1795290000\n";

/// An archive with a target, of which leadsman knows nothing at first.
struct Scene {
    archive: Archive,
    decoder: PageDecoder,
    position: Position,
    now: UnixMillis,
}

impl Scene {
    fn open(root: &Path, now: UnixMillis) -> Self {
        let archive = Archive::open(options(root)).unwrap();
        Self {
            position: archive.resume_position(),
            archive,
            decoder: PageDecoder::new(target("127.0.0.1:2379"), PageRules::default()),
            now,
        }
    }

    fn write(&mut self, record: &Record) {
        self.position.0 += 10;
        self.archive.write(self.position, record);
    }

    fn scrape(&mut self, page: &str) {
        let facts = self.facts();
        let page = self.decoder.decode(Format::Text, page.as_bytes(), facts);
        self.write(&Record::Metrics(Arc::new(page.unwrap().batch)));
    }

    fn fail(&mut self) {
        let facts = self.facts();
        let batch = self.decoder.fail(facts);
        self.write(&Record::Metrics(Arc::new(batch)));
    }

    fn facts(&mut self) -> ScrapeFacts {
        self.now.0 += 15_000;
        ScrapeFacts {
            time: self.now,
            duration_seconds: 0.01,
        }
    }

    fn start_of_leadsman(&mut self) {
        let event = Event::of_leadsman(self.now, kind::START, "leadsman started");
        self.write(&Record::Event(Arc::new(event)));
    }

    /// Flushes and closes.
    fn close(mut self) -> UnixMillis {
        self.archive.flush().unwrap();
        self.now
    }
}

fn kinds(root: &Path) -> Vec<String> {
    texts(root, Table::Events, "kind")
}

#[test]
fn rows_are_written_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    scene.scrape(&PAGE.replace("3.5.33", "3.6.14"));
    scene.close();

    let targets = &rows(dir.path(), Table::Targets)[0];
    let started = targets["started"].as_primitive::<TimestampMillisecondType>();
    assert_eq!(started.values(), &[1_795_290_000_000; 2]);
    let id = target("127.0.0.1:2379").id().0.cast_signed();
    assert_eq!(
        targets["target_id"].as_primitive::<Int64Type>().values(),
        &[id; 2]
    );
    for (column, expected) in [
        ("version", ["3.5.33", "3.6.14"]),
        ("go_version", ["go1.24.6"; 2]),
        ("scheme", ["https"; 2]),
        ("job", ["etcd"; 2]),
    ] {
        assert_eq!(texts(dir.path(), Table::Targets, column), expected);
    }
    assert_eq!(kinds(dir.path()), ["target_new", "version_change"]);
    let events = &rows(dir.path(), Table::Events)[0];
    assert_eq!(events["before"].as_string::<i32>().value(1), "3.5.33");
    assert_eq!(events["after"].as_string::<i32>().value(1), "3.6.14");
    assert_eq!(
        texts(dir.path(), Table::Events, "message")[1],
        "etcd 127.0.0.1:2379: version 3.5.33 became 3.6.14"
    );
}

#[test]
fn the_first_scrape_after_a_start_is_no_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    let now = scene.close();
    let mut scene = Scene::open(dir.path(), now);
    scene.scrape(PAGE);
    scene.close();
    assert_eq!(kinds(dir.path()), ["target_new"]);
    assert_eq!(paths(dir.path(), Table::Targets).len(), 1);
}

#[test]
fn what_changed_while_leadsman_was_away_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    let now = scene.close();
    let mut scene = Scene::open(dir.path(), UnixMillis(now.0 + 3_600_000));
    scene.start_of_leadsman();
    scene.scrape(&PAGE.replace("1795290000", "1795301000"));
    scene.close();
    assert_eq!(kinds(dir.path()), ["target_new", "gap", "restart", "start"]);
    let time = |row: usize| {
        let events = &rows(dir.path(), Table::Events)[1];
        events["time"]
            .as_primitive::<TimestampMillisecondType>()
            .value(row)
    };
    assert_eq!([time(0), time(1)], [now.0, 1_795_301_000_000]);
    assert_eq!(texts(dir.path(), Table::Targets, "version").len(), 2);
}

#[test]
fn a_target_that_is_down_over_a_start_goes_down_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    scene.fail();
    let now = scene.close();
    let mut scene = Scene::open(dir.path(), now);
    scene.fail();
    let now = scene.close();
    assert_eq!(kinds(dir.path()), ["target_new", "down"]);
    let mut scene = Scene::open(dir.path(), now);
    scene.scrape(PAGE);
    scene.close();
    assert_eq!(kinds(dir.path()), ["target_new", "down", "up"]);
}

#[test]
fn records_that_come_again_are_told_once() {
    let dir = tempfile::tempdir().unwrap();
    // Not flushed: after the start they come again from the log.
    for _ in 0..2 {
        let mut scene = Scene::open(dir.path(), NOW);
        scene.scrape(PAGE);
        scene.fail();
    }
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    scene.fail();
    scene.close();
    assert_eq!(kinds(dir.path()), ["target_new", "down"]);
}

#[test]
fn rows_are_in_the_folder_of_their_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    scene.now.0 += 86_400_000;
    scene.scrape(PAGE);
    scene.fail();
    scene.close();
    let days = |table| -> Vec<String> {
        let paths = paths(dir.path(), table).into_iter();
        let folder = paths.map(|path| path.parent().unwrap().file_name().unwrap().to_owned());
        folder.map(|folder| folder.into_string().unwrap()).collect()
    };
    let both = ["date=2026-11-21", "date=2026-11-22"];
    assert_eq!(days(Table::Targets), both);
    assert_eq!(days(Table::Events), both);
    assert_eq!(texts(dir.path(), Table::Targets, "version"), ["3.5.33"; 2]);
}

#[test]
fn damaged_files_of_before_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(dir.path(), NOW);
    scene.scrape(PAGE);
    let now = scene.close();
    for table in [Table::Targets, Table::Events] {
        let path = &paths(dir.path(), table)[0];
        fs::write(path, b"PAR1 damaged PAR1").unwrap();
    }
    let mut scene = Scene::open(dir.path(), now);
    scene.scrape(PAGE);
    scene.close();
    for table in [Table::Targets, Table::Events] {
        fs::remove_file(&paths(dir.path(), table)[0]).unwrap();
    }
    assert_eq!(kinds(dir.path()), ["target_new"]);
}
