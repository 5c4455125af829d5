//! Archives that the real writer wrote, rolled up and compared with what the raw rows say.

mod histograms;
mod points;
mod profiles;

use std::path::Path;

use parquet::basic::ZstdLevel;
use proto::UnixMillis;

use super::RollUp;
use super::plan::{self, Stretch};
use crate::archive::files;
use crate::archive::recall::source::{Files as _, LocalFiles};

/// What is stale, by day.
fn stale(root: &Path, now: UnixMillis) -> Vec<Stretch> {
    let written = LocalFiles::new(root).written().unwrap().unwrap();
    plan::stale(root, written, now).unwrap()
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
            should_stop: &|| false,
        };
        for staged in job.run(stretch).unwrap() {
            assert_ne!(staged.written.n_rows, 0);
            files::make_folder(root, &staged.file.folder(root)).unwrap();
            std::fs::rename(&staged.path, staged.file.path(root)).unwrap();
        }
    }
    stale.len()
}
