//! Months of plausible data: recorded pages and profiles of etcd and containerd, replayed with
//! seasons, noise, restarts, an upgrade, slow disks and a leak.
//!
//! Everything follows from a seed. What is made goes the way that soundings go: pages are decoded
//! into layouts, samples are batches over them, and the archive's writer makes the files. This
//! module does not know tables, and it does not judge whether real targets look like this.

mod captures;
mod error;
mod histogram;
mod life;
mod models;
mod page;
mod program;
mod random;
mod season;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use baseline::signals::{Evaluator, Outcome, Program as Signals};
use proto::{Record, UnixMillis};
use storage::Position;
use storage::archive::Archive;

use captures::{Moment, SimCaptures};
pub use error::SimulateError;
use life::Stretch;
pub use program::Program;
use random::Random;
use season::season;
use target::SimTarget;

const MILLIS_A_DAY: i64 = 86_400_000;
/// What a sample and a sample of a profile take in a log, about. Bytes.
const LOGGED_SAMPLE: u64 = 2;
/// Series that a scrape has about itself: all that a failed one has.
const N_REPORTS: usize = 5;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// First moment.
    pub from: UnixMillis,
    /// The moment after the last one.
    pub until: UnixMillis,
    /// Time between two scrapes of a target; at least a second.
    pub step: Duration,
    /// Time between two profiles of each kind of a target; none are made without.
    pub profile_interval: Option<Duration>,
    /// Files are written so often.
    pub flush_interval: Duration,
    /// Number of targets: the programs in turn.
    pub n_targets: usize,
    /// What the targets are.
    pub programs: Vec<Program>,
    /// What is computed of each scrape.
    pub signals: Arc<Signals>,
    /// Where all chance comes from.
    pub seed: u64,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Series of all targets; those of a second version come on top.
    pub n_series: usize,
    /// Samples.
    pub n_samples: u64,
    /// Profiles.
    pub n_profiles: u64,
    /// Files.
    pub n_files: usize,
    /// Size of the files. Bytes.
    pub n_bytes: u64,
}

/// A simulation under way.
struct Run<'a> {
    archive: &'a mut Archive,
    position: Position,
    targets: Vec<(SimTarget, Vec<SimCaptures>, Random)>,
    /// One for each target.
    signals: Vec<Evaluator>,
    summary: Summary,
}

impl Simulation {
    /// Writes everything into an archive; tells of the time reached now and then.
    ///
    /// # Errors
    /// When a recorded page is none, or the archive cannot be written.
    pub fn write(
        &self,
        archive: &mut Archive,
        mut reached: impl FnMut(UnixMillis, &Summary),
    ) -> Result<Summary, SimulateError> {
        let mut run = self.start(archive);
        let step = millis(self.step).max(1000);
        let profile_step = self
            .profile_interval
            .map(|interval| millis(interval).max(1000));
        let flush_step = millis(self.flush_interval).max(1000);
        let (mut scrape, mut profile) = (self.from.0, self.from.0);
        let mut flush = next_flush(self.from.0, flush_step);
        loop {
            let now = if profile_step.is_some() {
                scrape.min(profile)
            } else {
                scrape
            };
            if now >= self.until.0 {
                break;
            }
            if now >= flush {
                run.flush()?;
                flush = next_flush(now, flush_step);
                reached(UnixMillis(now), &run.summary);
            }
            if now == scrape {
                run.scrape_all(now, step)?;
                scrape += step;
            }
            if let Some(step) = profile_step.filter(|_| now == profile) {
                run.profile_all(now, step)?;
                profile += step;
            }
        }
        run.flush()?;
        run.summary.n_series = run
            .targets
            .iter()
            .map(|(target, ..)| target.n_series())
            .sum();
        reached(self.until, &run.summary);
        Ok(run.summary)
    }

    fn start<'a>(&self, archive: &'a mut Archive) -> Run<'a> {
        let whole = Stretch {
            from: self.from,
            until: self.until,
        };
        let programs = self
            .programs
            .iter()
            .cycle()
            .take(self.n_targets)
            .enumerate();
        let targets = programs.map(|(idx, program)| {
            let target = SimTarget::new(program, idx, whole, self.seed);
            let captures = program.profiles.iter().map(SimCaptures::new).collect();
            (
                target,
                captures,
                Random::new(self.seed ^ 0x70_726f_6669_6c65, idx as u64),
            )
        });
        let signals = || Evaluator::new(Arc::clone(&self.signals));
        Run {
            signals: std::iter::repeat_with(signals)
                .take(self.n_targets)
                .collect(),
            position: archive.resume_position(),
            archive,
            targets: targets.collect(),
            summary: Summary::default(),
        }
    }
}

impl Run<'_> {
    /// Scrapes every target once, spread over the step.
    fn scrape_all(&mut self, now: i64, step: i64) -> Result<(), SimulateError> {
        let n_targets = self.targets.len() as i64;
        for idx in 0..self.targets.len() {
            let time = UnixMillis(now + step * idx as i64 / n_targets);
            let target = &mut self.targets[idx].0;
            let batch = target.scrape(time)?;
            let (n_samples, outcome) = match target.life.is_up(time) {
                true => (batch.values.len(), Outcome::Good),
                false => (N_REPORTS, Outcome::Failed),
            };
            let signals = self.signals[idx].observe(&batch, outcome).batch;
            self.summary.n_samples += n_samples as u64;
            self.append(Record::Metrics(Arc::new(batch)), n_samples)?;
            if let Some(signals) = signals {
                let n_samples = signals.values.len();
                self.append(Record::Metrics(Arc::new(signals)), n_samples)?;
            }
        }
        Ok(())
    }

    /// Takes every kind of profile of every target that is up.
    fn profile_all(&mut self, now: i64, step: i64) -> Result<(), SimulateError> {
        let n_targets = self.targets.len() as i64;
        for idx in 0..self.targets.len() {
            let time = UnixMillis(now + step * idx as i64 / n_targets);
            let (target, kinds, random) = &mut self.targets[idx];
            if !target.life.is_up(time) {
                continue;
            }
            let load = season(time) * target.scale() * (1.0 + 0.06 * random.noise());
            let moment = Moment {
                time,
                load,
                life: &target.life,
            };
            let records: Vec<_> = kinds
                .iter_mut()
                .map(|kind| kind.take(&target.target, moment, random))
                .collect();
            for record in records {
                let n_samples = record.profile.n_samples();
                self.summary.n_profiles += 1;
                self.append(Record::Profile(Arc::new(record)), n_samples)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, record: Record, n_samples: usize) -> Result<(), SimulateError> {
        self.position.0 += 64 + LOGGED_SAMPLE * n_samples as u64;
        self.archive.write(self.position, &record);
        if self.archive.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SimulateError> {
        let report = self.archive.flush()?;
        self.summary.n_files += report.n_files();
        self.summary.n_bytes += report.n_bytes();
        Ok(())
    }
}

/// The next time on the grid, or the end of the day: a file has rows of one day.
fn next_flush(now: i64, step: i64) -> i64 {
    let midnight = (now.div_euclid(MILLIS_A_DAY) + 1) * MILLIS_A_DAY;
    ((now.div_euclid(step) + 1) * step).min(midnight)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
