//! Random writes, flushes, merges, prunes, crashes and reopenings, against a list of rows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use proptest::prelude::*;
use proto::UnixMillis;

use super::super::keeping::{Keeper, Step};
use super::super::pace::{Pace, Stop};
use super::super::prune::PruneMode;
use super::super::space::Space;
use super::super::{CompactionOptions, KeeperOptions, RetentionPolicy};
use crate::Position;
use crate::archive::day::Day;
use crate::archive::table::Table;
use crate::archive::testing::{NOW, layout, options, paths, scrape, target};
use crate::archive::{Archive, ArchiveError, fuse, reading};

const DAY: i64 = 86_400_000;
const KEPT_DAYS: i64 = 3;

#[derive(Clone, Debug)]
enum Op {
    /// A scrape of three series, of a day some days ago.
    Write(i64),
    Flush,
    /// Some steps of the keeper while the day of NOW is open, or long after it.
    WorkToday,
    WorkLater,
    /// Days before this many days ago go.
    Prune,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0i64..5).prop_map(Op::Write),
        4 => Just(Op::Flush),
        2 => Just(Op::WorkToday),
        3 => Just(Op::WorkLater),
        1 => Just(Op::Prune),
        1 => Just(Op::Reopen),
    ]
}

/// A time, and a value that no other row has.
type Row = (i64, u64);

struct Opened {
    archive: Archive,
    keeper: Keeper,
}

/// Whether an op was interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crash {
    Happened,
    Escaped,
}

struct World {
    path: std::path::PathBuf,
    max_file_bytes: u64,
    opened: Option<Opened>,
    /// What the log holds, by position: the row's time.
    log: Vec<(Position, Row)>,
    /// Rows that the files must have.
    filed: BTreeSet<Row>,
    reached: Position,
}

fn open(path: &Path, max_file_bytes: u64) -> Result<Opened, ArchiveError> {
    let archive = Archive::open(options(path))?;
    let mut keeper = archive.keeper(KeeperOptions {
        compaction: CompactionOptions {
            max_file_bytes,
            settle: Duration::ZERO,
            ..CompactionOptions::default()
        },
        ..KeeperOptions::default()
    })?;
    keeper.space = Some(Space {
        free: 1 << 40,
        total: 1 << 40,
    });
    Ok(Opened { archive, keeper })
}

fn policy() -> RetentionPolicy {
    RetentionPolicy {
        raw: Duration::from_millis(KEPT_DAYS as u64 * DAY as u64),
        ..RetentionPolicy::default()
    }
}

impl World {
    fn new(path: &Path, max_file_bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            max_file_bytes,
            opened: Some(open(path, max_file_bytes).unwrap()),
            log: Vec::new(),
            filed: BTreeSet::new(),
            reached: Position(0),
        }
    }

    fn perform(&mut self, op: &Op) -> Result<(), ArchiveError> {
        let opened = self.opened.as_mut().unwrap();
        match op {
            Op::Write(days_ago) => {
                let n = self.log.len() as u64 + 1;
                // Not in order, and each once.
                let time = NOW.0 - days_ago * DAY + (n as i64 * 7919) % 10_007;
                self.log.push((Position(n * 10), (time, n)));
                write(&mut opened.archive, self.log.last().unwrap());
            }
            Op::Flush => {
                opened.archive.flush()?;
                self.file_up_to(self.log.last().map(|entry| entry.0).unwrap_or_default());
            }
            Op::WorkToday => work(&mut opened.keeper, NOW)?,
            Op::WorkLater => work(&mut opened.keeper, UnixMillis(NOW.0 + 10 * DAY))?,
            Op::Prune => {
                opened.keeper.prune_at(&policy(), PruneMode::Apply, NOW)?;
                self.settle_prune();
            }
            Op::Reopen => {
                self.opened = None;
                self.reopen()?;
            }
        }
        Ok(())
    }

    fn file_up_to(&mut self, position: Position) {
        let new = self.log.iter();
        let new = new.filter(|(at, _)| *at > self.reached && *at <= position);
        self.filed.extend(new.map(|(_, row)| *row));
        self.reached = self.reached.max(position);
    }

    /// As after a crash: what files do not hold comes again from the log.
    fn reopen(&mut self) -> Result<(), ArchiveError> {
        let mut opened = open(&self.path, self.max_file_bytes)?;
        let position = opened.archive.resume_position();
        assert!(position >= self.reached);
        self.file_up_to(position);
        for entry in &self.log {
            write(&mut opened.archive, entry);
        }
        self.opened = Some(opened);
        Ok(())
    }

    /// The op is interrupted after some steps, as by a crash, unless it is done before.
    fn crash(&mut self, op: &Op, steps: usize) -> Crash {
        fuse::allow(Some(steps));
        let done = self.perform(op);
        let is_blown = fuse::is_blown();
        fuse::allow(None);
        if !is_blown {
            done.unwrap();
            self.check();
            return Crash::Escaped;
        }
        // What a reader sees before anybody has cleaned up.
        self.opened = None;
        match op {
            Op::Prune => self.settle_prune(),
            Op::Flush | Op::Reopen => self.check_flush_under_way(),
            _ => self.check(),
        }
        self.reopen().unwrap();
        self.check();
        Crash::Happened
    }

    /// When all is done that there is to do, no expired row is left.
    fn rest(&mut self) {
        let opened = self.opened.as_mut().unwrap();
        let (mut pace, later) = (
            Pace::new(Stop::default(), 1.0),
            UnixMillis(NOW.0 + 10 * DAY),
        );
        while opened.keeper.step(&mut pace, later).unwrap() == Step::Worked {}
        opened
            .keeper
            .prune_at(&policy(), PruneMode::Apply, NOW)
            .unwrap();
        self.filed.retain(|row| !is_expired(row));
        self.check();
    }

    /// Each expired day is there as a whole or not at all: rows wait for their windows.
    fn settle_prune(&mut self) {
        let seen: BTreeSet<Row> = self.globbed().into_iter().collect();
        let day = |row: &Row| Day::of(UnixMillis(row.0)).unwrap();
        let gone: BTreeSet<Day> = self.filed.difference(&seen).map(day).collect();
        let left = self.filed.iter().filter(|row| !gone.contains(&day(row)));
        let left: BTreeSet<Row> = left.copied().collect();
        assert!(self.filed.difference(&left).all(is_expired));
        self.filed = left;
        self.check();
    }

    fn check_flush_under_way(&self) {
        let seen = self.globbed();
        let rows: BTreeSet<Row> = seen.iter().copied().collect();
        assert_eq!(rows.len(), seen.len(), "a row twice");
        assert!(rows.is_superset(&self.filed), "a row is missing");
        let logged: BTreeSet<Row> = self.log.iter().map(|(_, row)| *row).collect();
        assert!(rows.is_subset(&logged));
    }

    fn check(&self) {
        let expected: Vec<Row> = self.filed.iter().copied().collect();
        assert_eq!(self.globbed(), expected, "read as any engine reads");
        let current = read(&paths(&self.path, Table::MetricPoints));
        assert_eq!(current, expected, "read as we read");
        let series: BTreeSet<_> = folders(&self.path, Table::MetricSeries);
        let points: BTreeSet<_> = folders(&self.path, Table::MetricPoints);
        assert!(series.is_superset(&points), "points without their series");
    }

    /// Rows of all files of all days, whatever their names say.
    fn globbed(&self) -> Vec<Row> {
        let table = self.path.join(Table::MetricPoints.name());
        let mut files = Vec::new();
        for day in fs::read_dir(table).into_iter().flatten() {
            let day = fs::read_dir(day.unwrap().path()).unwrap();
            files.extend(day.map(|file| file.unwrap().path()));
        }
        read(&files)
    }
}

/// A few jobs.
fn work(keeper: &mut Keeper, now: UnixMillis) -> Result<(), ArchiveError> {
    let mut pace = Pace::new(Stop::default(), 1.0);
    for _ in 0..6 {
        if keeper.step(&mut pace, now)? == Step::Idle {
            break;
        }
    }
    Ok(())
}

/// Days of which a table has files.
fn folders(path: &Path, table: Table) -> BTreeSet<String> {
    let files = paths(path, table);
    let days = files.iter().map(|file| file.parent().unwrap());
    days.map(|day| day.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn is_expired(row: &Row) -> bool {
    let end = Day::of(UnixMillis(row.0)).unwrap().end();
    NOW.0 - end.0 >= KEPT_DAYS * DAY
}

fn write(archive: &mut Archive, (position, (time, value)): &(Position, Row)) {
    let page = layout(&target("a:1"), &["get"]);
    archive.write(
        *position,
        &scrape(&page, UnixMillis(*time), &[*value as f64]),
    );
}

fn read(files: &[std::path::PathBuf]) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in files {
        for batch in reading::open(path, &["time", "value"]).unwrap() {
            let batch: RecordBatch = batch.unwrap();
            let times = batch["time"].as_primitive::<TimestampMillisecondType>();
            let values = batch["value"].as_primitive::<Float64Type>();
            let pairs = times.values().iter().zip(values.values());
            rows.extend(pairs.map(|(time, value)| (*time, *value as u64)));
        }
    }
    rows.sort_unstable();
    rows
}

/// In memory where there is such a place: thousands of files are synced.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Interrupts the last of the ops after each of its steps.
fn check_every_step(ops: &[Op]) {
    let (last, before) = ops.split_last().unwrap();
    for steps in 0.. {
        assert!(steps < 5000, "for ever");
        let dir = folder();
        let mut world = World::new(dir.path(), 512 << 20);
        for op in before {
            world.perform(op).unwrap();
        }
        if world.crash(last, steps) == Crash::Escaped {
            assert!(steps > 2, "{last:?} does nothing");
            return;
        }
        world.rest();
    }
}

#[test]
fn a_crash_at_any_step_of_a_flush_leaves_every_row_once() {
    use Op::{Flush, Write};
    check_every_step(&[Write(0), Flush, Write(0), Write(1), Write(4), Flush]);
}

#[test]
fn a_crash_at_any_step_of_a_merge_leaves_every_row_once() {
    use Op::{Flush, WorkLater, Write};
    check_every_step(&[Write(1), Flush, Write(1), Flush, Write(1), Flush, WorkLater]);
}

#[test]
fn a_crash_at_any_step_of_a_rollup_leaves_every_row_once() {
    use Op::{Flush, WorkLater, Write};
    check_every_step(&[Write(1), Flush, Write(4), Flush, WorkLater]);
}

#[test]
fn a_crash_at_any_step_of_a_prune_leaves_days_whole() {
    use Op::{Flush, Prune, WorkLater, Write};
    check_every_step(&[Write(4), Write(0), Flush, WorkLater, Prune]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn files_hold_every_row_once_whatever_happens(
        ops in prop::collection::vec((op(), prop::option::weighted(0.35, 0usize..200)), 1..60),
        is_capped in any::<bool>(),
    ) {
        let dir = folder();
        let max_file_bytes = if is_capped { 6 << 10 } else { 512 << 20 };
        let mut world = World::new(dir.path(), max_file_bytes);
        for (op, steps) in &ops {
            match steps {
                Some(steps) => {
                    world.crash(op, *steps);
                }
                None => {
                    world.perform(op).unwrap();
                    world.check();
                }
            }
        }
        world.rest();
    }
}
