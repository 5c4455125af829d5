//! Whatever happens in whatever order, the bucket loses no row and doubles none for long.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::pass::Look;
use super::scene::*;
use crate::archive::file_name::FileName;
use crate::archive::files::{self, TablePath};
use crate::archive::table::Table;

#[derive(Clone, Debug)]
enum Step {
    /// A flush writes a file of so many rows.
    Flush { who: usize, day: usize, n_rows: u64 },
    /// All current files of a day become one.
    Compact { who: usize, day: usize },
    /// Local retention: what is in the bucket goes here.
    Expire { who: usize, day: usize },
    /// The mirror looks, and the request after so many has a fault.
    Mirror {
        who: usize,
        fault: Option<(usize, Fault)>,
    },
    /// A crash, or a restart.
    Restart { who: usize },
}

const DATES: [&str; 2] = ["2026-11-23", "2026-11-24"];
const TABLE: Table = Table::MetricPoints;

fn any_step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::Refused),
        Just(Fault::AnswerLost),
        Just(Fault::CutShort)
    ];
    let (who, day) = (0..2usize, 0..DATES.len());
    prop_oneof![
        4 => (who.clone(), day.clone(), 1..5u64).prop_map(|(who, day, n_rows)| Step::Flush { who, day, n_rows }),
        2 => (who.clone(), day.clone()).prop_map(|(who, day)| Step::Compact { who, day }),
        1 => (who.clone(), day).prop_map(|(who, day)| Step::Expire { who, day }),
        4 => (who.clone(), prop::option::of((0..6usize, fault))).prop_map(|(who, fault)| Step::Mirror { who, fault }),
        1 => who.prop_map(|who| Step::Restart { who }),
    ]
}

struct World {
    scenes: [Scene; 2],
    bucket: MemoryBucket,
    /// The position that each writer has reached, and all rows it ever wrote.
    position: [u64; 2],
    written: [BTreeSet<u64>; 2],
}

impl World {
    fn new() -> Self {
        Self {
            scenes: [Scene::new(1), Scene::new(2)],
            bucket: MemoryBucket::default(),
            position: [0; 2],
            written: Default::default(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Flush { who, day, n_rows } => self.flush(who, day, n_rows),
            Step::Compact { who, day } => self.compact(who, day),
            Step::Expire { who, day } => {
                for file in self.local(who, day) {
                    if !self.scenes[who].is_awaited(&file) {
                        self.scenes[who].remove(&file);
                    }
                }
            }
            Step::Mirror { who, fault } => {
                if let Some((after, fault)) = fault {
                    self.bucket.fail_after(after, fault);
                }
                let _ = self.scenes[who].pass(&self.bucket, Look::Changes);
                self.bucket.heal();
            }
            Step::Restart { who } => self.scenes[who].restart(),
        }
    }

    fn flush(&mut self, who: usize, day: usize, n_rows: u64) {
        let from = self.position[who];
        let to = from + n_rows;
        let rows: Vec<u64> = (from + 1..=to).map(|row| row * 2 + who as u64).collect();
        let scene = &self.scenes[who];
        scene.write(&scene.file(TABLE, DATES[day], from, to), &rows);
        self.position[who] = to;
        self.written[who].extend(rows);
    }

    fn compact(&mut self, who: usize, day: usize) {
        let files = self.local(who, day);
        if files.len() < 2 {
            return;
        }
        let scene = &self.scenes[who];
        let read = |file: &TablePath| rows(&std::fs::read(file.path(scene.folder.path())).unwrap());
        let all: Vec<u64> = files.iter().flat_map(read).collect();
        let from = files.iter().map(|file| file.name.from.0).min().unwrap();
        let to = files.iter().map(|file| file.name.to.0).max().unwrap();
        scene.write(&scene.file(TABLE, DATES[day], from, to), &all);
        files.iter().for_each(|file| scene.remove(file));
    }

    fn local(&self, who: usize, day: usize) -> Vec<TablePath> {
        let day = super::scene::day(DATES[day]);
        files::files(self.scenes[who].folder.path(), TABLE, day).unwrap()
    }

    /// Rows of the current files of the bucket, of those that are whole.
    fn remote_rows(&self) -> Vec<u64> {
        let objects = self.bucket.objects.lock().unwrap();
        let mut found = Vec::new();
        for date in DATES {
            let folder = format!("{}/date={date}/", TABLE.name());
            let names = objects
                .keys()
                .filter_map(|key| FileName::parse(key.strip_prefix(&folder)?));
            for name in files::current(names.collect()) {
                found.extend(rows(&objects[&format!("{folder}{name}")]));
            }
        }
        found.sort_unstable();
        found
    }

    /// Rows that are neither here nor there in any file.
    fn lost(&self) -> Vec<u64> {
        let mut there = BTreeSet::new();
        for bytes in self.bucket.objects.lock().unwrap().values() {
            if bytes.ends_with(b"PAR1") {
                there.extend(rows(bytes));
            }
        }
        for (who, day) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for file in self.local(who, day) {
                let path = file.path(self.scenes[who].folder.path());
                there.extend(rows(&std::fs::read(path).unwrap()));
            }
        }
        let written = self.written.iter().flatten();
        written
            .filter(|row| !there.contains(row))
            .copied()
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_bucket_ends_with_every_row_once(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            prop_assert_eq!(world.lost(), Vec::<u64>::new(), "after {:?}", step);
        }
        for scene in &mut world.scenes {
            scene.restart();
            scene.pass(&world.bucket, Look::Everything).unwrap();
        }
        let mut written: Vec<u64> = world.written.iter().flatten().copied().collect();
        written.sort_unstable();
        prop_assert_eq!(world.remote_rows(), written);
        let n_current = world.bucket.keys().len();
        world.scenes.iter_mut().for_each(|scene| scene.pass(&world.bucket, Look::Everything).unwrap());
        prop_assert_eq!(world.bucket.keys().len(), n_current, "nothing is left to do");
    }
}
