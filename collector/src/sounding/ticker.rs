//! Runs one sounding at the ticks of its schedule, and when it is called for.
//!
//! The schedule goes on while a sounding is under way: a tick that comes due meanwhile is refused
//! and counted, never waited for.

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::schedule::Schedule;

/// Something that is done again and again.
pub(super) trait Sounding: Send {
    /// Does it once.
    fn sound(&mut self) -> impl Future<Output = ()> + Send;

    /// Ticks passed without it.
    fn missed(&self, reason: Missed, n_ticks: u64);
}

/// Why a tick passed without a sounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// The sounding before was still under way.
    Overlap,
    /// leadsman itself was not running (the machine was suspended or out of CPU).
    Late,
}

impl Missed {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Late => "late",
        }
    }
}

/// How a sounding is told to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    /// After what is under way.
    pub(super) finish: CancellationToken,
    /// At once.
    pub(super) abandon: CancellationToken,
}

/// Sounds until it is told to end, and gives the sounding back. A `call` is answered at once, unless a
/// sounding is under way, which then is the answer; ticks stay where they are.
pub(super) async fn run<S: Sounding>(
    mut sounding: S,
    mut schedule: Schedule,
    clock: Clock,
    call: &Notify,
    stop: Stop,
) -> S {
    loop {
        let is_called = tokio::select! {
            biased;
            () = stop.abandon.cancelled() => return sounding,
            () = stop.finish.cancelled() => return sounding,
            () = clock.sleep_until(schedule.next()) => false,
            () = call.notified() => true,
        };
        match schedule.tick(clock.now()) {
            Some(tick) if tick.n_missed > 0 => sounding.missed(Missed::Late, tick.n_missed),
            None if !is_called => continue,
            Some(_) | None => {}
        }
        let under_way = sound_once(&mut sounding, &mut schedule, clock);
        let Some(n_refused) = stop.abandon.run_until_cancelled(under_way).await else {
            return sounding;
        };
        if n_refused > 0 {
            sounding.missed(Missed::Overlap, n_refused);
        }
    }
}

/// Sounds once and returns the number of ticks that came due meanwhile.
async fn sound_once<S: Sounding>(sounding: &mut S, schedule: &mut Schedule, clock: Clock) -> u64 {
    let mut under_way = std::pin::pin!(sounding.sound());
    let mut n_refused = 0;
    loop {
        tokio::select! {
            biased;
            () = &mut under_way => return n_refused,
            () = clock.sleep_until(schedule.next()) => {
                n_refused += schedule.tick(clock.now()).map_or(0, |tick| 1 + tick.n_missed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::super::schedule::Start;
    use super::*;

    #[derive(Default)]
    struct Seen {
        starts: Vec<u64>,
        missed: Vec<(Missed, u64)>,
    }

    struct Slow {
        clock: Clock,
        takes: Vec<u64>,
        seen: Arc<Mutex<Seen>>,
    }

    impl Sounding for Slow {
        async fn sound(&mut self) {
            self.seen
                .lock()
                .unwrap()
                .starts
                .push(self.clock.now().as_secs());
            let seconds = self.takes.pop().unwrap_or(0);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }

        fn missed(&self, reason: Missed, n_ticks: u64) {
            self.seen.lock().unwrap().missed.push((reason, n_ticks));
        }
    }

    /// Sounds each 10 s of paused time for a minute; `takes` are the soundings' lengths, last
    /// one first.
    async fn run_for_a_minute(takes: Vec<u64>, calls: &[u64]) -> (Seen, u64) {
        let clock = Clock::starting_now();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let slow = Slow {
            clock,
            takes,
            seen: Arc::clone(&seen),
        };
        let schedule = Schedule::new(Duration::from_secs(10), 0, Start::Resumed, clock.now());
        let stop = Stop::default();
        let call = Arc::new(Notify::new());
        let (called, told) = (Arc::clone(&call), stop.clone());
        let running = tokio::spawn(async move { run(slow, schedule, clock, &called, told).await });
        for second in calls {
            clock.sleep_until(Duration::from_secs(*second)).await;
            call.notify_waiters();
        }
        clock.sleep_until(Duration::from_secs(61)).await;
        stop.finish.cancel();
        running.await.unwrap();
        (
            Arc::into_inner(seen).unwrap().into_inner().unwrap(),
            clock.now().as_secs(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn soundings_start_on_the_grid() {
        let (seen, _) = run_for_a_minute(vec![], &[]).await;
        assert_eq!(seen.starts, [10, 20, 30, 40, 50, 60]);
        assert_eq!(seen.missed, []);
    }

    #[tokio::test(start_paused = true)]
    async fn overlaps_are_refused_and_counted() {
        let (seen, _) = run_for_a_minute(vec![0, 25], &[]).await;
        assert_eq!(seen.starts, [10, 40, 50, 60]);
        assert_eq!(seen.missed, [(Missed::Overlap, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_answered_at_once_and_moves_no_tick() {
        let (seen, _) = run_for_a_minute(vec![], &[13, 37]).await;
        assert_eq!(seen.starts, [10, 13, 20, 30, 37, 40, 50, 60]);
        assert_eq!(seen.missed, []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_not_answered_twice() {
        let (seen, _) = run_for_a_minute(vec![5, 0], &[22]).await;
        assert_eq!(seen.starts, [10, 20, 30, 40, 50, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_at_a_stop_is_finished() {
        let (seen, end) = run_for_a_minute(vec![5, 0, 0, 0, 0, 0], &[]).await;
        assert_eq!(seen.starts.last(), Some(&60));
        assert_eq!(end, 65);
    }
}
