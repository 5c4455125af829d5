//! The log against a model of it: a list of records, and a place in it for each reader.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::{number_of, numbered, options};
use crate::Position;
use crate::log::{Log, LogOptions, LogStats, ReadFrom, Reader};

const READERS: [&str; 2] = ["first", "second"];

#[derive(Clone, Debug)]
enum Step {
    Append {
        n_records: u8,
        length: u16,
    },
    Read {
        reader: usize,
        n_records: u8,
    },
    /// Commits what was read.
    Commit {
        reader: usize,
    },
    ReopenReader {
        reader: usize,
    },
    Restart,
    /// The end of the last segment is lost while the log is closed.
    LoseEnd {
        n_bytes: u16,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reader = 0..READERS.len();
    let step = prop_oneof![
        4 => (1u8..20, 0u16..1500)
            .prop_map(|(n_records, length)| Step::Append { n_records, length }),
        4 => (reader.clone(), 1u8..40)
            .prop_map(|(reader, n_records)| Step::Read { reader, n_records }),
        3 => reader.clone().prop_map(|reader| Step::Commit { reader }),
        1 => reader.prop_map(|reader| Step::ReopenReader { reader }),
        1 => Just(Step::Restart),
        1 => (0u16..3000).prop_map(|n_bytes| Step::LoseEnd { n_bytes }),
    ];
    prop::collection::vec(step, 1..40)
}

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
    log: Option<Log>,
    readers: Vec<Reader>,
    written: Vec<Place>,
    models: [ReaderModel; 2],
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
            disk_budget_bytes: 48 << 10,
            memory_tail_bytes: 6 << 10,
            ..options(&self.folder)
        };
        let log = Log::open(options, Position(0)).unwrap();
        self.readers = READERS
            .iter()
            .map(|name| log.reader(name, ReadFrom::Cursor).unwrap())
            .collect();
        self.log = Some(log);
        for model in &mut self.models {
            model.was_reopened |= model.position != model.committed;
            model.position = model.committed;
        }
    }

    fn close(&mut self) {
        self.readers.clear();
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
            }
        }
    }

    fn append(&mut self, n_records: u64, length: usize) {
        let log = self.log.as_ref().unwrap();
        let numbers = self.n_appended..self.n_appended + n_records;
        let positions = self.runtime.block_on(async {
            let mut receipts = Vec::new();
            for number in numbers.clone() {
                receipts.push(
                    log.appender()
                        .append(numbered(number, length))
                        .await
                        .unwrap(),
                );
            }
            let mut positions = Vec::new();
            for receipt in receipts {
                positions.push(receipt.durable().await.unwrap());
            }
            positions
        });
        let before = self.written.last().map_or(Position(0), |place| place.end);
        assert!(positions[0] >= before, "positions only grow");
        let ends = positions.iter().skip(1).copied().chain([log.stats().end]);
        let places = numbers.zip(&positions).zip(ends);
        self.written
            .extend(places.map(|((number, position), end)| Place {
                number,
                position: *position,
                end,
            }));
        self.n_appended += n_records;
    }

    fn reopen(&mut self, idx: usize) {
        let reader = self.readers.remove(idx);
        drop(reader);
        let reader = self.log().reader(READERS[idx], ReadFrom::Cursor).unwrap();
        self.readers.insert(idx, reader);
        let model = &mut self.models[idx];
        model.was_reopened |= model.position != model.committed;
        model.position = model.committed;
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
            let idx = READERS.iter().position(|name| *name == stats.name).unwrap();
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
        let files = std::fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let segments = files.filter(|path| path.extension().is_some_and(|ext| ext == "seg"));
        let Some(last) = segments.max() else { return };
        let base: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&last).unwrap();
        let length = file.metadata().unwrap().len().saturating_sub(n_bytes);
        file.set_len(length).unwrap();
        let end = Position(base + length.saturating_sub(48));
        self.written.retain(|place| place.end <= end);
    }
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
