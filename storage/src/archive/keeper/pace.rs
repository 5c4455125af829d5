//! How fast the keeper works, and when it stops.
//!
//! Work that takes long calls [`Pace::pause`] every some thousand rows.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::archive::error::ArchiveError;

/// CPU time of work after which it rests.
const SLICE: Duration = Duration::from_millis(10);
/// Longest rest at once: a share near zero is not a standstill.
const MAX_REST: Duration = Duration::from_secs(10);

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
}

impl Pace {
    /// `max_duty_cycle` of a core at most: 0.1 is 100 ms of each second. 1 never rests.
    pub(in crate::archive) fn new(stop: Stop, max_duty_cycle: f64) -> Self {
        Self {
            stop,
            rest: 1.0 / max_duty_cycle.clamp(0.001, 1.0) - 1.0,
            rested_at: cpu_time(),
        }
    }

    /// Rests if enough was done since the last rest.
    ///
    /// # Errors
    /// [`ArchiveError::Stopped`]: what is under way is to be given up.
    pub(in crate::archive) fn pause(&mut self) -> Result<(), ArchiveError> {
        let worked = cpu_time().saturating_sub(self.rested_at);
        if worked < SLICE {
            return self.stop.rest(Duration::ZERO);
        }
        let rest = worked.mul_f64(self.rest).min(MAX_REST);
        let rested = self.stop.rest(rest);
        self.rested_at = cpu_time();
        rested
    }
}

/// CPU time of this thread so far.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

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
