//! One look at the archive's folder and the bucket, and what follows from it.

use std::fs::File;
use std::io;
use std::path::Path;

use tracing::warn;

use super::metrics::{DAMAGED, EXPIRED, FAILED, MirrorMetrics, OK, SUPERSEDED};
use super::options::RemoteRetention;
use super::pace::{Pace, Paced};
use super::pending::{Pending, Seen};
use super::plan::{self, Sized};
use super::stop::{Stop, Wish};
use super::store::Store;
use super::uploaded::Uploaded;
use crate::archive::check;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files::{self, TablePath};
use crate::archive::keeper::referrers;
use crate::archive::table::Table;

/// After so many failures in a row a pass ends: the bucket is away, not a file bad.
const MAX_FAILURES: usize = 3;

/// How far a pass looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Partitions of the archive's folder that have changed.
    Changes,
    /// All partitions of the folder, and days of the bucket that are too old.
    Thorough,
    /// Every day of the bucket too: a crash may have left what was superseded.
    Everything,
}

/// What a pass needs.
pub(super) struct Pass<'a> {
    pub(super) root: &'a Path,
    pub(super) writer: WriterId,
    pub(super) store: &'a dyn Store,
    pub(super) retention: RemoteRetention,
    pub(super) today: Day,
    pub(super) metrics: &'a MirrorMetrics,
    pub(super) uploaded: &'a Uploaded,
    pub(super) stop: &'a Stop,
    pub(super) pace: &'a mut Pace,
    pub(super) seen: &'a mut Seen,
    /// Whether the bucket's own days were gone through, if they were to be.
    pub(super) swept: bool,
}

/// What became of an upload.
enum Sent {
    Whole,
    /// The file was compacted meanwhile: the next look finds what it became.
    Gone,
    Damaged,
}

/// What went wrong so far.
#[derive(Default)]
struct Failures {
    first: Option<ArchiveError>,
    in_a_row: usize,
}

impl Failures {
    /// Takes note of how something ended; whether it makes sense to go on.
    fn note(&mut self, result: Result<(), ArchiveError>) -> bool {
        match result {
            Ok(()) => self.in_a_row = 0,
            Err(error) => {
                self.in_a_row += 1;
                self.first.get_or_insert(error);
            }
        }
        self.in_a_row < MAX_FAILURES
    }
}

impl Pass<'_> {
    /// Brings the bucket up to date, the oldest day first.
    ///
    /// # Errors
    /// The first of the failures; what could be done was done.
    pub(super) fn run(&mut self, look: Look) -> Result<(), ArchiveError> {
        if look >= Look::Thorough {
            self.seen.forget();
        }
        let mut failures = Failures::default();
        self.bring_up_all(&mut failures)?;
        if look >= Look::Thorough {
            failures.in_a_row = 0;
            // What refers to rows goes before those rows.
            self.swept = Table::ALL.into_iter().rev().all(|table| {
                self.stop.wish() == Wish::Run && failures.note(self.sweep(table, look))
            });
        }
        failures.first.map_or(Ok(()), Err)
    }

    fn bring_up_all(&mut self, failures: &mut Failures) -> Result<(), ArchiveError> {
        let pending = self.seen.pending(self.root, self.writer)?;
        self.uploaded
            .keep(|table, day| self.seen.is_here(table, day));
        self.measure(&pending);
        // Partitions that could not be brought up: what refers to them waits for them.
        let mut held: Vec<(Table, Day)> = Vec::new();
        let mut last = None;
        for partition in &pending {
            if self.stop.wish() == Wish::Quit {
                break;
            }
            let (table, day) = (partition.table, partition.day);
            if last.replace(day) != Some(day) {
                self.seen.begin(day);
            }
            let refers_to =
                |(other, date): &(Table, Day)| *date == day && referrers(*other).contains(&table);
            if held.iter().any(refers_to) {
                held.push((table, day));
                continue;
            }
            let done = self.partition(partition);
            if done.is_err() {
                self.seen.failed(day);
                held.push((table, day));
            }
            if !failures.note(done) {
                break;
            }
        }
        Ok(())
    }

    /// Notes how much is not in the bucket.
    fn measure(&self, pending: &[Pending]) {
        let (mut n_files, mut n_bytes) = (0, 0);
        for partition in pending {
            let awaited = self
                .uploaded
                .awaited(partition.table, partition.day, &partition.local);
            n_files += awaited.len() as i64;
            n_bytes += awaited.iter().map(|file| file.bytes).sum::<u64>();
        }
        self.metrics.backlog_files.set(n_files);
        self.metrics.backlog_bytes.set(n_bytes.cast_signed());
    }

    /// Brings up what the bucket lacks of a partition, then removes what that supersedes.
    fn partition(&mut self, partition: &Pending) -> Result<(), ArchiveError> {
        let (table, day, local) = (partition.table, partition.day, &partition.local);
        if self.retention.is_over(table, day, self.today) {
            let names = local.iter().map(|file| file.name).collect();
            self.uploaded.note(table, day, names);
        } else {
            self.bring_up(table, day, local)?;
        }
        self.seen.done(partition);
        Ok(())
    }

    fn bring_up(&mut self, table: Table, day: Day, local: &[Sized]) -> Result<(), ArchiveError> {
        let mut remote = self.remote(table, day)?;
        let mut whole = plan::whole(local, &remote);
        let (mut sent, mut damaged) = (Vec::new(), Vec::new());
        for file in plan::lacking(local, &whole) {
            let name = file.name;
            match self.upload(&TablePath { table, day, name }, file.bytes)? {
                Sent::Whole => sent.push(file),
                Sent::Gone => {}
                Sent::Damaged => damaged.push(name),
            }
        }
        if !sent.is_empty() {
            remote = self.remote(table, day)?;
            whole = plan::whole(local, &remote);
        }
        // Only what a listing shows in its full length counts, and may stand for others.
        // What is damaged never goes up: retention need not wait for it.
        damaged.extend(&whole);
        self.uploaded.note(table, day, damaged);
        if let Some(file) = plan::lacking(&sent, &whole).first() {
            let path = self.store.describe(&key(table, day, file.name));
            return Err(ArchiveError::damaged(
                &path,
                "not as long as what was uploaded",
            ));
        }
        self.delete(table, day, &plan::superseded(&remote, &whole), SUPERSEDED)
    }

    /// Uploads a file, if it is there and whole.
    fn upload(&mut self, file: &TablePath, bytes: u64) -> Result<Sent, ArchiveError> {
        let path = file.path(self.root);
        let source = match File::open(&path) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sent::Gone),
            Err(error) => return Err(ArchiveError::io("open", &path)(error)),
        };
        let count = |outcome| self.metrics.uploads.with_label_values(&[outcome]).inc();
        if !check::is_whole(&path).unwrap_or(false) {
            count(DAMAGED);
            warn!(path = %path.display(), "damaged archive file is not uploaded: move it away");
            return Ok(Sent::Damaged);
        }
        let mut source = Paced {
            inner: source,
            pace: self.pace,
            stop: self.stop,
        };
        let key = key(file.table, file.day, file.name);
        let sent = self.store.upload(&key, &mut source, bytes);
        count(if sent.is_ok() { OK } else { FAILED });
        sent?;
        self.metrics.bytes.inc_by(bytes);
        self.metrics.backlog_files.dec();
        self.metrics.backlog_bytes.sub(bytes.cast_signed());
        Ok(Sent::Whole)
    }

    /// Looks at days of the bucket of which the folder has nothing.
    fn sweep(&mut self, table: Table, look: Look) -> Result<(), ArchiveError> {
        let here = files::days(self.root, table)?;
        for day in days(self.store, table)? {
            if self.retention.is_over(table, day, self.today) {
                let remote = self.remote(table, day)?;
                let names: Vec<FileName> = remote.iter().map(|file| file.name).collect();
                self.delete(table, day, &names, EXPIRED)?;
            } else if look == Look::Everything && !here.contains(&day) {
                let remote = self.remote(table, day)?;
                let superseded = plan::superseded(&remote, &plan::whole(&[], &remote));
                self.delete(table, day, &superseded, SUPERSEDED)?;
            }
        }
        Ok(())
    }

    fn delete(
        &self,
        table: Table,
        day: Day,
        names: &[FileName],
        reason: &str,
    ) -> Result<(), ArchiveError> {
        for &name in names {
            self.store.delete(&key(table, day, name))?;
            self.metrics.deleted.with_label_values(&[reason]).inc();
        }
        Ok(())
    }

    fn remote(&self, table: Table, day: Day) -> Result<Vec<Sized>, ArchiveError> {
        remote(self.store, self.writer, table, day)
    }
}

/// A writer's files of a partition of a bucket, those that are superseded too.
pub(super) fn remote(
    store: &dyn Store,
    writer: WriterId,
    table: Table,
    day: Day,
) -> Result<Vec<Sized>, ArchiveError> {
    let objects = store.objects(&folder(table, day), &format!("{writer}-"))?;
    let sized = objects.into_iter().filter_map(|object| {
        let name = FileName::parse(&object.name)?;
        (name.writer == writer).then_some(Sized {
            name,
            bytes: object.bytes,
        })
    });
    Ok(sized.collect())
}

/// Days of a table in a bucket, in order.
pub(super) fn days(store: &dyn Store, table: Table) -> Result<Vec<Day>, ArchiveError> {
    Ok(files::days_of(&store.folders(table.name())?))
}

/// The folder of a partition in a bucket.
pub(super) fn folder(table: Table, day: Day) -> String {
    format!("{}/{}", table.name(), day.folder())
}

/// The key of a file in a bucket.
pub(super) fn key(table: Table, day: Day, name: FileName) -> String {
    format!("{}/{name}", folder(table, day))
}
