//! When a sounding is due: pure arithmetic over the time since a fixed start.
//!
//! Ticks of a schedule lie on a grid: `phase + k × interval`, where the phase is a hash of what is
//! sounded. So soundings of many targets are spread over the interval, a schedule that is put up
//! again after a reload goes on at the same instants, and a tick that was missed (the machine
//! slept, the loop was held up) is counted and left out, never made up for in a bunch.
//!
//! This module reads no clock: times are durations since whatever start the caller chose.

use std::time::Duration;

/// The first tick of a new schedule comes within this time, however long the interval is, so that
/// a new target is seen soon.
pub const FIRST_TICK_WITHIN: Duration = Duration::from_secs(4);

/// Whether a schedule is new or goes on from one that was put up before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The first tick comes early, within [`FIRST_TICK_WITHIN`].
    Fresh,
    /// Only ticks on the grid.
    Resumed,
}

/// Ticks of one sounding.
#[derive(Clone, Debug)]
pub struct Schedule {
    interval: Duration,
    phase: Duration,
    next: Duration,
    /// Least time from the coming tick to the one after it.
    gap: Duration,
}

/// What [`Schedule::tick`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When this tick was due.
    pub due: Duration,
    /// Ticks of the grid that passed unused since it was due.
    pub n_missed: u64,
}

impl Schedule {
    /// A schedule whose place in the interval comes from `hash`. A zero interval counts as 1 ms.
    pub fn new(interval: Duration, hash: u64, start: Start, now: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        let phase = share_of(interval, hash);
        let mut schedule = Self {
            interval,
            phase,
            next: Duration::ZERO,
            gap: interval / 2,
        };
        match start {
            Start::Fresh => {
                schedule.next = now + share_of(interval.min(FIRST_TICK_WITHIN), hash);
                // An early profile and the next one must fit into the same duty cycle.
                schedule.gap = interval * 3 / 4;
            }
            Start::Resumed => schedule.next = schedule.grid_after(now),
        }
        schedule
    }

    /// When the next tick is due.
    pub fn next(&self) -> Duration {
        self.next
    }

    /// Takes the tick that is due at `now` and moves on to the first one of the grid that leaves
    /// at least half an interval after it, or three quarters after an early first one. `None` if
    /// it is not due yet.
    pub fn tick(&mut self, now: Duration) -> Option<Tick> {
        let due = self.next;
        if now < due {
            return None;
        }
        let n_missed = (now - due).as_nanos() / self.interval.as_nanos();
        let gap = std::mem::replace(&mut self.gap, self.interval / 2);
        self.next = self.grid_after(now + gap);
        Some(Tick {
            due,
            n_missed: u64::try_from(n_missed).unwrap_or(u64::MAX),
        })
    }

    /// First instant of the grid that is later than `now`.
    fn grid_after(&self, now: Duration) -> Duration {
        let Some(since_phase) = now.checked_sub(self.phase) else {
            return self.phase;
        };
        let n_passed = since_phase.as_nanos() / self.interval.as_nanos() + 1;
        let nanos = n_passed.saturating_mul(self.interval.as_nanos());
        self.phase + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The part of `span` that `hash` stands for: 0 is its start, `u64::MAX` just before its end.
fn share_of(span: Duration, hash: u64) -> Duration {
    let nanos = (span.as_nanos() * u128::from(hash)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_fresh_schedule_starts_early_and_then_keeps_to_its_grid() {
        let hash = u64::MAX / 2 + 1; // the middle of the interval
        let mut schedule = Schedule::new(secs(60), hash, Start::Fresh, secs(100));
        assert_eq!(schedule.next(), secs(102));
        assert_eq!(schedule.tick(secs(101)), None);
        assert_eq!(
            schedule.tick(secs(102)),
            Some(Tick {
                due: secs(102),
                n_missed: 0
            })
        );
        assert_eq!(schedule.next(), secs(150));
        schedule.tick(secs(150));
        assert_eq!(schedule.next(), secs(210));
    }

    #[test]
    fn the_second_tick_never_follows_closely_on_an_early_first_one() {
        let mut schedule = Schedule::new(secs(60), 0, Start::Fresh, secs(55));
        schedule.tick(secs(55));
        assert_eq!(
            schedule.next(),
            secs(120),
            "60 is on the grid but only 5 s later"
        );
    }

    #[test]
    fn missed_ticks_are_counted_and_not_bunched() {
        let mut schedule = Schedule::new(secs(10), 0, Start::Resumed, secs(1));
        assert_eq!(schedule.next(), secs(10));
        assert_eq!(
            schedule.tick(secs(3_607)),
            Some(Tick {
                due: secs(10),
                n_missed: 359
            })
        );
        assert_eq!(schedule.next(), secs(3_620));
    }

    #[test]
    fn a_resumed_schedule_goes_on_at_the_same_instants() {
        let hash = 0x1234_5678_9abc_def0;
        let mut before = Schedule::new(secs(15), hash, Start::Fresh, secs(0));
        before.tick(before.next());
        let after = Schedule::new(secs(15), hash, Start::Resumed, before.next() - secs(1));
        assert_eq!(after.next(), before.next());
    }

    proptest! {
        #[test]
        fn ticks_go_forward_by_at_least_half_an_interval(
            interval_ms in 1u64..600_000, hash: u64, start_ms in 0u64..10_000_000,
            delays_ms in prop::collection::vec(0u64..2_000_000, 1..20),
        ) {
            let interval = Duration::from_millis(interval_ms);
            let mut schedule =
                Schedule::new(interval, hash, Start::Fresh, Duration::from_millis(start_ms));
            prop_assert!(schedule.next() < Duration::from_millis(start_ms) + FIRST_TICK_WITHIN);
            for delay_ms in delays_ms {
                let now = schedule.next() + Duration::from_millis(delay_ms);
                prop_assert!(schedule.tick(now).is_some());
                prop_assert!(schedule.next() > now + interval / 2);
                prop_assert!(schedule.next() - now <= interval * 7 / 4);
            }
        }
    }
}
