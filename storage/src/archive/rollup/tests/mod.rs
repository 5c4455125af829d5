//! Archives that the real writer wrote, rolled up and compared with what the raw rows say.

mod histograms;
mod points;
mod profiles;

use std::path::Path;

use parquet::basic::ZstdLevel;
use proto::UnixMillis;

use super::RollUp;
use super::plan::{self, Names, Stretch};
use crate::archive::day::Day;
use crate::archive::file_name::FileName;
use crate::archive::files;
use crate::archive::table::Table;

/// The files of the one writer of a folder.
struct OnDisk<'a>(&'a Path);

impl Names for OnDisk<'_> {
    fn days(&self, table: Table) -> Vec<Day> {
        files::days(self.0, table).unwrap()
    }

    fn names(&self, table: Table, day: Day) -> Vec<FileName> {
        let files = files::files(self.0, table, day).unwrap();
        files.into_iter().map(|file| file.name).collect()
    }
}

/// What is stale, by day.
fn stale(root: &Path, now: UnixMillis) -> Vec<Stretch> {
    plan::stale(&OnDisk(root), now)
}

/// Rolls up everything that is stale, and puts the files in their tables as a keeper would.
fn roll_up(root: &Path, now: UnixMillis) -> usize {
    let stale = stale(root, now);
    for stretch in &stale {
        let work = tempfile::tempdir_in(root).unwrap();
        let job = RollUp {
            root,
            work: work.path(),
            level: ZstdLevel::default(),
            pause: &|| Ok(()),
        };
        for staged in job.run(stretch).unwrap() {
            assert_ne!(staged.written.n_rows, 0);
            files::make_folder(root, &staged.file.folder(root)).unwrap();
            std::fs::rename(&staged.path, staged.file.path(root)).unwrap();
        }
    }
    stale.len()
}
