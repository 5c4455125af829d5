//! The log against a model of it: a list of records, and a place in it for each reader. The disk
//! below it fails, loses power and is smaller than what is written.

mod steps;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use self::steps::{Fault, Step, steps};
use super::faulty_disk::FaultyDisk;
use super::{number_of, numbered, options};
use crate::Position;
use crate::log::segment::HEADER_LEN;
use crate::log::{Log, LogOptions, LogStats, ReadFrom, Reader, Receipt};

/// The last one has no cursor: it begins at the end each time.
const READERS: [(&str, ReadFrom); 3] = [
    ("first", ReadFrom::Cursor),
    ("second", ReadFrom::Cursor),
    ("live", ReadFrom::Tail),
];
const BUDGET: u64 = 48 << 10;
const SEGMENT: u64 = 4 << 10;
/// Longer than any frame here: what a segment may be over its length.
const FRAME: u64 = 2 << 10;

struct Place {
    number: u64,
    position: Position,
    end: Position,
}

#[derive(Default)]
struct ReaderModel {
    position: Position,
    committed: Position,
    /// How far it has ever come.
    furthest: Position,
    was_reopened: bool,
    /// Records that it never got.
    n_missed: u64,
    /// Records that the log says it lost.
    n_pruned: u64,
}

/// The log under test and what is expected of it.
struct Checker {
    folder: PathBuf,
    runtime: Runtime,
    disk: FaultyDisk,
    log: Option<Log>,
    readers: Vec<Reader>,
    written: Vec<Place>,
    models: [ReaderModel; READERS.len()],
    n_appended: u64,
    lost_an_end: bool,
}

impl Checker {
    fn new(folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut checker = Self {
            folder: folder.to_owned(),
            runtime,
            disk: FaultyDisk::default(),
            log: None,
            readers: Vec::new(),
            written: Vec::new(),
            models: Default::default(),
            n_appended: 0,
            lost_an_end: false,
        };
        checker.open();
        checker
    }

    fn open(&mut self) {
        let options = LogOptions {
            segment_bytes: SEGMENT,
            disk_budget_bytes: BUDGET,
            memory_tail_bytes: 6 << 10,
            ..options(&self.folder)
        };
        self.disk = FaultyDisk::default();
        let disk = Box::new(self.disk.clone());
        self.log = Some(Log::open_on(disk, options, Position(0)).unwrap());
        for idx in 0..READERS.len() {
            let reader = self.open_reader(idx);
            self.readers.push(reader);
        }
    }

    fn open_reader(&mut self, idx: usize) -> Reader {
        let (name, from) = READERS[idx];
        let reader = self.log().reader(name, from).unwrap();
        let model = &mut self.models[idx];
        if from == ReadFrom::Tail {
            model.committed = reader.position();
        }
        model.was_reopened |= model.position != model.committed;
        model.position = model.committed;
        reader
    }

    /// What a reader without a cursor lost is forgotten with it.
    fn close_reader(&mut self, idx: usize) {
        if READERS[idx].1 == ReadFrom::Tail {
            let stats = self.log().stats().readers;
            let stats = stats.iter().find(|stats| stats.name == READERS[idx].0);
            self.models[idx].n_pruned += stats.unwrap().losses.pruned_records;
        }
        drop(self.readers.remove(idx));
    }

    fn close_readers(&mut self) {
        for idx in (0..READERS.len()).rev() {
            self.close_reader(idx);
        }
    }

    fn close(&mut self) {
        self.close_readers();
        let log = self.log.take().unwrap();
        let shared = Arc::clone(&log.shared);
        self.runtime.block_on(log.close()).unwrap();
        self.take_losses(&shared.stats());
    }

    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Append { n_records, length } => {
                self.append(u64::from(n_records), usize::from(length));
            }
            Step::Read { reader, n_records } => {
                for _ in 0..n_records {
                    self.read(reader);
                }
            }
            Step::Commit { reader } => {
                let model = &mut self.models[reader];
                model.committed = model.position;
                self.readers[reader].commit(model.position).unwrap();
            }
            Step::ReopenReader { reader } => self.reopen(reader),
            Step::Restart => {
                self.close();
                self.open();
            }
            Step::LoseEnd { n_bytes } => {
                self.close();
                self.lose_end(u64::from(n_bytes));
                self.open();
                self.take_survivors();
            }
            Step::Fault {
                n_records,
                length,
                fault,
            } => self.fail(u64::from(n_records), usize::from(length), fault),
            Step::LosePower {
                n_records,
                length,
                kept,
            } => self.lose_power(u64::from(n_records), usize::from(length), kept),
        }
    }

    fn append(&mut self, n_records: u64, length: usize) {
        let n_lost_before = self.n_lost();
        let receipts = self.enqueue(n_records, length);
        self.acknowledge(receipts);
        self.check_pruned(self.n_lost() > n_lost_before);
    }

    /// The receipts of new records; they may not be durable yet.
    fn enqueue(&mut self, n_records: u64, length: usize) -> Vec<Receipt> {
        let numbers = self.n_appended..self.n_appended + n_records;
        self.n_appended = numbers.end;
        let appender = self.log().appender();
        self.runtime.block_on(async {
            let mut receipts = Vec::new();
            for number in numbers {
                receipts.push(appender.append(numbered(number, length)).await.unwrap());
            }
            receipts
        })
    }

    /// Waits until the records are durable, and takes down where they are.
    fn acknowledge(&mut self, receipts: Vec<Receipt>) {
        let numbers = self.n_appended - receipts.len() as u64..self.n_appended;
        let positions = self.runtime.block_on(async {
            let mut positions = Vec::new();
            for receipt in receipts {
                positions.push(receipt.durable().await.unwrap());
            }
            positions
        });
        let before = self.written.last().map_or(Position(0), |place| place.end);
        assert!(positions[0] >= before, "positions only grow");
        let end = self.log().stats().end;
        let ends = positions.iter().skip(1).copied().chain([end]);
        let places = numbers.zip(&positions).zip(ends);
        self.written
            .extend(places.map(|((number, position), end)| Place {
                number,
                position: *position,
                end,
            }));
    }

    /// Nothing is lost, and nothing comes twice.
    fn fail(&mut self, n_records: u64, length: usize, fault: Fault) {
        match fault {
            Fault::Full(share) => {
                let least = n_records * (8 + length as u64);
                self.disk.set_space(Some(least * u64::from(share) / 256));
            }
            Fault::Sync => self.disk.fail_syncs(),
        }
        let receipts = self.enqueue(n_records, length);
        let mut noticed = self.log().shared.fault.subscribe();
        let noticed = noticed.wait_for(Option::is_some);
        drop(self.runtime.block_on(noticed).unwrap());
        self.disk.heal();
        self.acknowledge(receipts);
        assert!(self.log().stats().fault.is_none());
    }

    /// Of what was not acknowledged the first records may be there again, whole and in order.
    fn lose_power(&mut self, n_records: u64, length: usize, kept: u8) {
        self.disk.fail_syncs();
        let receipts = self.enqueue(n_records, length);
        self.close_readers();
        let log = self.log.take().unwrap();
        let shared = Arc::clone(&log.shared);
        let closed = self.runtime.block_on(log.close());
        assert!(closed.is_err(), "closed without a sync");
        self.take_losses(&shared.stats());
        for receipt in receipts {
            let acknowledged = self.runtime.block_on(receipt.durable());
            assert!(acknowledged.is_err(), "acknowledged without a sync");
        }
        drop(shared);
        self.disk.cut_power(kept);
        self.open();
        self.take_survivors();
    }

    /// Adds to the model what is behind its end, by a reader that is then forgotten. What a fault
    /// left behind the end of a segment is back if the segment after it is lost.
    fn take_survivors(&mut self) {
        let last = self.written.last();
        let end = last.map_or(Position(0), |place| place.end);
        let (mut least, mut most) = (last.map_or(0, |place| place.number + 1), u64::MAX);
        let from = ReadFrom::Position(end);
        let mut reader = self.log().reader("check", from).unwrap();
        while let Some(entry) = reader.try_next().unwrap() {
            let number = number_of(&entry.record);
            assert!((least..=most).contains(&number), "{number} is out of order");
            (least, most) = (number + 1, number + 1);
            self.written.push(Place {
                number,
                position: entry.position,
                end: entry.end,
            });
        }
        drop(reader);
        assert_eq!(self.log().forget_unused_readers().unwrap(), ["check"]);
    }

    /// The log keeps to its budget, keeps nothing that every cursor has passed, and takes
    /// nothing from a reader while there is room.
    fn check_pruned(&self, has_lost: bool) {
        let bytes = self.log().stats().bytes;
        assert!(bytes <= BUDGET + FRAME, "{bytes} bytes");
        assert!(
            !has_lost || bytes + 2 * (SEGMENT + FRAME) > BUDGET,
            "records were deleted, and only {bytes} bytes are left"
        );
        let mut bases: Vec<u64> = self.segments().iter().map(|path| base_of(path)).collect();
        bases.sort_unstable();
        let cursors = READERS.iter().zip(&self.models);
        let cursors = cursors.filter(|((_, from), _)| *from == ReadFrom::Cursor);
        let passed = cursors.map(|(_, model)| model.committed).min();
        if let ([_, second, ..], Some(passed)) = (bases.as_slice(), passed) {
            assert!(
                Position(*second) > passed,
                "a passed segment is still there"
            );
        }
    }

    /// Records that were taken from readers with a cursor since the log was opened.
    fn n_lost(&self) -> u64 {
        let readers = self.log().stats().readers;
        let held = readers.iter().filter(|stats| {
            let is_it = |(name, from): &(&str, _)| *name == stats.name && *from == ReadFrom::Cursor;
            READERS.iter().any(is_it)
        });
        held.map(|stats| stats.losses.pruned_records).sum()
    }

    fn reopen(&mut self, idx: usize) {
        self.close_reader(idx);
        let reader = self.open_reader(idx);
        self.readers.insert(idx, reader);
    }

    /// The reader gets the next record of the model, or the oldest one that is left.
    fn read(&mut self, idx: usize) {
        let entry = self.readers[idx].try_next().unwrap();
        let oldest = self.log().stats().oldest;
        let model = &mut self.models[idx];
        let next = self
            .written
            .iter()
            .position(|place| place.position >= model.position);
        let Some(entry) = entry else {
            let is_gone = |next: usize| self.written[next].position < oldest;
            assert!(
                next.is_none_or(is_gone),
                "a record is there and was not handed out"
            );
            return;
        };
        let next = next.expect("a record came from nowhere");
        let got = next
            + self.written[next..]
                .iter()
                .take_while(|p| p.end != entry.end)
                .count();
        let place = &self.written[got];
        assert_eq!(place.number, number_of(&entry.record));
        assert_eq!(place.position, entry.position);
        for skipped in &self.written[next..got] {
            assert!(
                skipped.position < oldest,
                "record {} was skipped",
                skipped.number
            );
            model.n_missed += u64::from(skipped.position >= model.furthest);
        }
        model.position = entry.end;
        model.furthest = model.furthest.max(entry.end);
    }

    /// Takes down what the log says its readers lost.
    fn take_losses(&mut self, stats: &LogStats) {
        for stats in &stats.readers {
            let idx = READERS.iter().position(|(name, _)| *name == stats.name);
            let idx = idx.unwrap();
            // A reader that was behind the other one may know of more than there is.
            assert!(self.lost_an_end || stats.losses.damaged_frames == 0);
            self.models[idx].n_pruned += stats.losses.pruned_records;
        }
    }

    /// Whatever happened, both readers come to the end, and what they missed was counted.
    fn finish(mut self) {
        for idx in 0..READERS.len() {
            for _ in 0..=self.written.len() {
                self.read(idx);
            }
        }
        self.close();
        for model in &self.models {
            if model.was_reopened {
                // What was handed out and not committed counts again.
                assert!(model.n_pruned >= model.n_missed);
            } else {
                assert_eq!(model.n_pruned, model.n_missed);
            }
        }
    }

    fn lose_end(&mut self, n_bytes: u64) {
        self.lost_an_end = true;
        let Some(last) = self.segments().into_iter().max() else {
            return;
        };
        let file = std::fs::OpenOptions::new().write(true).open(&last).unwrap();
        let length = file.metadata().unwrap().len().saturating_sub(n_bytes);
        file.set_len(length).unwrap();
        let end = Position(base_of(&last) + length.saturating_sub(HEADER_LEN));
        self.written.retain(|place| place.end <= end);
    }

    fn segments(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(&self.folder).unwrap();
        let paths = files.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|ext| ext == "seg"))
            .collect()
    }
}

/// The position of a segment's first frame, which is its name.
fn base_of(segment: &Path) -> u64 {
    segment
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn the_log_behaves_as_its_model(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let mut checker = Checker::new(folder.path());
        for step in &steps {
            checker.run(step);
        }
        checker.finish();
    }
}
