//! How fast the keeper works, and when it stops.
//!
//! Work that takes long calls [`Pace::pause`] every some thousand rows.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::space::Space;
use crate::archive::error::ArchiveError;

/// CPU time of work after which it rests.
const SLICE: Duration = Duration::from_millis(10);
/// Longest rest at once: a share near zero is not a standstill.
const MAX_REST: Duration = Duration::from_secs(10);
/// Time between two looks at the disk.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Asks a keeper to stop; clones ask the same one.
#[derive(Clone, Debug, Default)]
pub(in crate::archive) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// The keeper stops at the end of the slice of work it is in.
    pub(in crate::archive) fn stop(&self) {
        let (stopped, changed) = &*self.0;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits, or until it is asked to stop.
    ///
    /// # Errors
    /// It was asked to stop.
    pub(super) fn rest(&self, duration: Duration) -> Result<(), ArchiveError> {
        let (stopped, changed) = &*self.0;
        let stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = changed
            .wait_timeout_while(stopped, duration, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if *stopped {
            return Err(ArchiveError::Stopped);
        }
        Ok(())
    }
}

/// Keeps the CPU time of a thread below a share of a core.
#[derive(Debug)]
pub(in crate::archive) struct Pace {
    stop: Stop,
    /// Rest for each second of work.
    rest: f64,
    rested_at: Duration,
    watch: Option<Watch>,
}

impl Pace {
    /// `max_duty_cycle` of a core at most: 0.1 is 100 ms of each second. 1 never rests.
    pub(in crate::archive) fn new(stop: Stop, max_duty_cycle: f64) -> Self {
        Self {
            stop,
            rest: 1.0 / max_duty_cycle.clamp(0.001, 1.0) - 1.0,
            rested_at: cpu_time(),
            watch: None,
        }
    }

    /// Also gives up what is under way when the disk has less free space than `min_free` bytes.
    pub(super) fn watching(self, folder: &Path, min_free: u64) -> Self {
        let watch = Watch {
            folder: folder.to_owned(),
            min_free,
            looked: Instant::now(),
        };
        Self {
            watch: Some(watch),
            ..self
        }
    }

    /// Rests if enough was done since the last rest.
    ///
    /// # Errors
    /// What is under way is to be given up: [`ArchiveError::Stopped`], or the disk is filling up.
    pub(in crate::archive) fn pause(&mut self) -> Result<(), ArchiveError> {
        let worked = cpu_time().saturating_sub(self.rested_at);
        if worked < SLICE {
            return self.stop.rest(Duration::ZERO);
        }
        let rest = worked.mul_f64(self.rest).min(MAX_REST);
        let rested = self.stop.rest(rest);
        self.rested_at = cpu_time();
        rested?;
        self.watch.as_mut().map_or(Ok(()), Watch::look)
    }
}

/// An eye on the disk.
#[derive(Debug)]
struct Watch {
    folder: PathBuf,
    min_free: u64,
    looked: Instant,
}

impl Watch {
    fn look(&mut self) -> Result<(), ArchiveError> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.looked = Instant::now();
        if Space::of(&self.folder)?.missing(self.min_free) > 0 {
            let full = io::Error::from(io::ErrorKind::StorageFull);
            return Err(ArchiveError::io("go on beside", &self.folder)(full));
        }
        Ok(())
    }
}

/// CPU time of this thread so far.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_no_more_than_its_share() {
        let mut pace = Pace::new(Stop::default(), 0.2);
        let (start, worked) = (Instant::now(), cpu_time());
        while start.elapsed() < Duration::from_millis(600) {
            std::hint::black_box((0..1000).sum::<u64>());
            pace.pause().unwrap();
        }
        let share = (cpu_time() - worked).as_secs_f64() / start.elapsed().as_secs_f64();
        assert!(share < 0.25, "{share}");
    }

    #[test]
    fn a_rest_ends_when_it_is_asked_to_stop() {
        let stop = Stop::default();
        let asks = stop.clone();
        let start = Instant::now();
        let thread = std::thread::spawn(move || stop.rest(Duration::from_secs(60)));
        asks.stop();
        assert!(matches!(thread.join().unwrap(), Err(ArchiveError::Stopped)));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
