//! The keeper at work on its own thread.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;
use tokio::sync::oneshot;
use tracing::{debug, warn};

use super::keeping::{Keeper, Step, now};
use super::pace::{LOOK_EVERY, Pace, Stop};
use crate::ErrorChain;
use crate::archive::error::ArchiveError;

/// Priority of the thread: whatever else is to be done comes first.
const NICE: i32 = 19;
/// Time before a failed job is tried again, and the longest it grows to.
const RETRY: Duration = Duration::from_secs(5);
const MAX_RETRY: Duration = Duration::from_secs(600);

/// A keeper at work. Dropping it asks it to stop.
#[derive(Debug)]
pub struct RunningKeeper {
    stop: KeeperStop,
    ended: oneshot::Receiver<()>,
}

/// Asks a running keeper to stop.
#[derive(Clone, Debug)]
pub struct KeeperStop(Stop);

impl KeeperStop {
    /// It stops at once, in the middle of a job if need be. That leaves nothing behind that counts.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl RunningKeeper {
    /// What asks it to stop.
    pub fn stopper(&self) -> KeeperStop {
        self.stop.clone()
    }

    /// Waits for its end, which comes only when it was asked for.
    ///
    /// # Errors
    /// The thread ended in a panic.
    pub async fn ended(mut self) -> Result<(), ArchiveError> {
        (&mut self.ended).await.map_err(|_| ArchiveError::Panicked)
    }
}

impl Drop for RunningKeeper {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

impl Keeper {
    /// Goes to work on a thread of its own, until it is asked to stop.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(self) -> io::Result<RunningKeeper> {
        let stop = KeeperStop(self.stop.clone());
        let (end, ended) = oneshot::channel();
        thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || {
                self.run();
                let _ = end.send(());
            })?;
        Ok(RunningKeeper { stop, ended })
    }

    fn run(mut self) {
        // On Linux a thread has a priority of its own.
        if let Err(error) = setpriority_process(None, NICE) {
            debug!(%error, "the keeper runs at the common priority");
        }
        let min_free = self.options.retention.min_free_bytes;
        let mut pace = Pace::new(self.stop.clone(), self.options.max_duty_cycle)
            .watching(self.folder.root(), min_free);
        let mut retry = RETRY;
        loop {
            let rest = match self.step(&mut pace, now()) {
                Ok(Step::Worked) => {
                    retry = RETRY;
                    Duration::ZERO
                }
                Ok(Step::Idle) => self.options.check_interval,
                Err(ArchiveError::Stopped) => return,
                Err(error) => {
                    warn!(error = %ErrorChain(&error), retry_seconds = retry.as_secs(), "the archive's keeper failed");
                    let rest = retry;
                    retry = (retry * 2).min(MAX_RETRY);
                    rest
                }
            };
            if self.rest(rest).is_err() {
                return;
            }
        }
    }

    /// Rests with an eye on the disk: days that have to go for want of space go at once.
    fn rest(&self, duration: Duration) -> Result<(), ArchiveError> {
        let min_free = self.options.retention.min_free_bytes;
        let is_known = self.metrics.missing_bytes.get() > 0;
        let until = Instant::now() + duration;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.stop.rest(left.min(LOOK_EVERY))?;
            let missing = self.space().map_or(0, |space| space.missing(min_free));
            if left.is_zero() || (missing > 0 && !is_known) {
                return Ok(());
            }
        }
    }
}
