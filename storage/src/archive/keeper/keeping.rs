//! The keeper: looks, decides, does one job, looks again.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parquet::basic::ZstdLevel;
use proto::UnixMillis;
use tracing::{debug, warn};

use super::KeeperOptions;
use super::compact::{self, Bench};
use super::job::{self, Job, Plan};
use super::listing::{Lister, Listing, millis};
use super::metrics::{DONE, FAILED, KeeperMetrics};
use super::pace::{Pace, Stop, cpu_time};
use super::plan::{Rules, Run};
use super::prune::Ripening;
use super::rollups::{self, Attempts};
use super::space::Space;
use crate::ErrorChain;
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::folder::ArchiveFolder;
use crate::archive::remote::Uploaded;
use crate::archive::staging::Staging;
use crate::archive::table_file::Written;

/// Keeps an archive in order. It shares the folder with the [`Archive`](crate::archive::Archive) it
/// comes from, or has it alone.
#[derive(Debug)]
pub struct Keeper {
    pub(super) folder: Arc<ArchiveFolder>,
    pub(super) options: KeeperOptions,
    pub(super) metrics: KeeperMetrics,
    pub(super) stop: Stop,
    level: ZstdLevel,
    lister: Lister,
    /// Files that cannot be read; they stay as they are.
    pub(super) damaged: HashSet<TablePath>,
    rolled_up: Attempts,
    pub(super) ripening: Ripening,
    /// What old days wait for.
    pub(super) uploaded: Uploaded,
    /// Instead of what the disk says.
    pub(super) space: Option<Space>,
}

/// Files that have become one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// The table's name.
    pub table: &'static str,
    /// The day in UTC, as `YYYY-MM-DD`.
    pub day: String,
    /// Files before.
    pub n_files: usize,
    /// Size of the files before. Bytes.
    pub bytes_before: u64,
    /// Size of the one file after. Bytes.
    pub bytes_after: u64,
    /// Rows in it.
    pub n_rows: usize,
}

/// What a compaction of everything did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactionReport {
    /// Each merge, in order. What is merged in several steps is here several times.
    pub merged: Vec<Compacted>,
    /// Files that could not be read, and were left as they are.
    pub damaged: Vec<std::path::PathBuf>,
    /// Size of the archive before and after. Bytes.
    pub bytes: (u64, u64),
    /// Number of files before and after.
    pub n_files: (usize, usize),
}

impl Keeper {
    /// Takes the archive in a folder that nobody else has open, and finishes a flush that was
    /// interrupted.
    ///
    /// # Errors
    /// When a leadsman is running on it ([`ArchiveError::Locked`]), or the file system refuses.
    pub fn open(path: &Path, options: KeeperOptions) -> Result<Self, ArchiveError> {
        let folder = ArchiveFolder::open(path)?;
        Staging::open(path)?;
        Self::new(Arc::new(folder), options)
    }

    pub(in crate::archive) fn new(
        folder: Arc<ArchiveFolder>,
        options: KeeperOptions,
    ) -> Result<Self, ArchiveError> {
        let level = ZstdLevel::try_new(options.compaction.compression_level).map_err(
            ArchiveError::parquet("choose a compression level for", folder.root()),
        )?;
        Ok(Self {
            folder,
            options,
            metrics: KeeperMetrics::new().map_err(ArchiveError::Metrics)?,
            stop: Stop::default(),
            level,
            lister: Lister::default(),
            damaged: HashSet::new(),
            rolled_up: Attempts::new(),
            ripening: Ripening::default(),
            uploaded: Uploaded::default(),
            space: None,
        })
    }

    /// The keeper's own metrics, for a registry.
    pub fn metrics(&self) -> KeeperMetrics {
        self.metrics.clone()
    }

    /// Keeps days that are too old until they are in the object store, as far as the disk allows.
    pub fn wait_for(&mut self, uploaded: Uploaded) {
        self.uploaded = uploaded;
    }

    /// Merges all that can be merged, today's files too, without rest. Tells of each merge.
    ///
    /// # Errors
    /// When the file system refuses; what was merged until then stays merged.
    pub fn compact_all(
        &mut self,
        mut progress: impl FnMut(&Compacted),
    ) -> Result<CompactionReport, ArchiveError> {
        let rules = Rules {
            now: None,
            ..self.rules(UnixMillis(0))
        };
        let mut pace = Pace::new(self.stop.clone(), 1.0);
        let before = self.list()?;
        let mut merged = Vec::new();
        while let Some(job) = job::plan(&self.list()?, rules, &self.damaged).next {
            if let Some(compacted) = self.perform(&mut pace, &job)? {
                progress(&compacted);
                merged.push(compacted);
            }
        }
        let after = self.list()?;
        let root = self.folder.root();
        Ok(CompactionReport {
            merged,
            damaged: self.damaged.iter().map(|file| file.path(root)).collect(),
            bytes: (before.n_bytes(), after.n_bytes()),
            n_files: (before.n_files(), after.n_files()),
        })
    }

    /// Drops what is not kept, or does the next job, if there is one. `now` decides which days have
    /// ended.
    pub(super) fn step(&mut self, pace: &mut Pace, now: UnixMillis) -> Result<Step, ArchiveError> {
        let listing = self.list()?;
        if self.prune_ripe(&listing, now)? > 0 {
            return Ok(Step::Worked);
        }
        let room = self.space()?.room(self.options.retention.min_free_bytes);
        let settle = self.options.compaction.settle;
        let stale = rollups::next(&listing, &self.damaged, &self.rolled_up, now, settle);
        if let Some(stretch) = stale.filter(|_| room > 0) {
            self.rolled_up.insert((stretch.group, stretch.day), now);
            self.perform(pace, &Job::RollUp(stretch))?;
            return Ok(Step::Worked);
        }
        let rules = Rules {
            max_run_bytes: room,
            ..self.rules(now)
        };
        let Plan {
            next,
            backlog_bytes,
        } = job::plan(&listing, rules, &self.damaged);
        self.metrics.backlog_bytes.set(backlog_bytes.cast_signed());
        let Some(job) = next else {
            return Ok(Step::Idle);
        };
        self.perform(pace, &job)?;
        Ok(Step::Worked)
    }

    pub(super) fn list(&mut self) -> Result<Listing, ArchiveError> {
        self.lister.list(self.folder.root())
    }

    fn rules(&self, now: UnixMillis) -> Rules {
        Rules {
            max_file_bytes: self.options.compaction.max_file_bytes,
            max_run_bytes: u64::MAX,
            settle: self.options.compaction.settle,
            now: Some(now),
        }
    }

    /// Does a job. One that cannot be done because of damaged files is done with: they are
    /// remembered, and the next plan goes around them.
    pub(super) fn perform(
        &mut self,
        pace: &mut Pace,
        job: &Job,
    ) -> Result<Option<Compacted>, ArchiveError> {
        let start = cpu_time();
        let mut bench = Bench {
            folder: &self.folder,
            pace,
            level: self.level,
        };
        let done = catch_unwind(AssertUnwindSafe(|| match job {
            Job::Tidy(file, old) => compact::tidy(&mut bench, file, old).map(|()| None),
            Job::Compact(run) => {
                compact::compact(&mut bench, run).map(|written| Some((run, written)))
            }
            Job::RollUp(stretch) => rollups::roll_up(&mut bench, stretch).map(|written| {
                debug!(day = %stretch.day, group = ?stretch.group, rows = written.n_rows,
                    bytes = written.n_bytes, "rolled up a day");
                None
            }),
        }));
        let result = match done {
            Ok(Ok(compacted)) => Ok(compacted),
            Ok(Err(error @ (ArchiveError::Io { .. } | ArchiveError::Stopped))) => Err(error),
            Ok(Err(error)) => self.blame(pace, job, Some(error)),
            Err(_panic) => self.blame(pace, job, None),
        };
        self.observe(job, &result, start);
        Ok(result?.map(|(run, written)| {
            debug!(table = run.table.name(), day = %run.day, files = run.inputs.len(),
                bytes_before = run.n_bytes, bytes_after = written.n_bytes, "merged archive files");
            compacted(run, written)
        }))
    }

    /// Finds the damaged files that kept a job from being done.
    fn blame<'a>(
        &mut self,
        pace: &mut Pace,
        job: &'a Job,
        error: Option<ArchiveError>,
    ) -> Result<Option<(&'a Run, Written)>, ArchiveError> {
        let mut bench = Bench {
            folder: &self.folder,
            pace,
            level: self.level,
        };
        let damaged = match job {
            Job::Tidy(file, _) => compact::unreadable(&mut bench, std::iter::once(file.clone()))?,
            Job::Compact(run) => compact::unreadable(&mut bench, compact::sources(run))?,
            Job::RollUp(stretch) => {
                let sources = rollups::sources(self.folder.root(), stretch)?;
                compact::unreadable(&mut bench, sources.into_iter())?
            }
        };
        for file in &damaged {
            let path = file.path(self.folder.root());
            warn!(path = %path.display(), "damaged archive file: it is left as it is, and not merged");
        }
        let found_any = !damaged.is_empty();
        self.damaged.extend(damaged);
        self.metrics.damaged_files.set(self.damaged.len() as i64);
        match error {
            _ if found_any => Ok(None),
            Some(error) => Err(error),
            None => Err(ArchiveError::damaged(
                self.folder.root(),
                "a reader of its files failed, of none in particular",
            )),
        }
    }

    fn observe(
        &self,
        job: &Job,
        result: &Result<Option<(&Run, Written)>, ArchiveError>,
        start: std::time::Duration,
    ) {
        let worked = cpu_time().saturating_sub(start);
        self.metrics.cpu_seconds.inc_by(worked.as_secs_f64());
        if let Ok(Some((run, written))) = result {
            self.metrics.read_bytes.inc_by(run.n_bytes);
            self.metrics.written_bytes.inc_by(written.n_bytes);
            self.metrics.written_rows.inc_by(written.n_rows as u64);
        }
        let outcome = match result {
            Ok(Some(_)) => DONE,
            Ok(None) if !matches!(job, Job::Compact(_)) => DONE,
            Err(ArchiveError::Stopped) => return,
            Ok(None) | Err(_) => FAILED,
        };
        let labels = [job.kind(), outcome];
        self.metrics.jobs.with_label_values(&labels).inc();
        if let Err(error) = result {
            debug!(job = job.kind(), error = %ErrorChain(error), "a job of the keeper failed");
        }
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A job was done; there may be another one.
    Worked,
    /// There is nothing to do.
    Idle,
}

fn compacted(run: &Run, written: Written) -> Compacted {
    Compacted {
        table: run.table.name(),
        day: run.day.to_string(),
        n_files: run.inputs.len(),
        bytes_before: run.n_bytes,
        bytes_after: written.n_bytes,
        n_rows: written.n_rows,
    }
}

/// The time now, for the files of today.
pub(super) fn now() -> UnixMillis {
    millis(SystemTime::now())
}
