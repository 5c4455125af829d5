//! The way to a profile: quiet hours, the target's duty cycle, the places for running at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::budget::DutyCycle;
use super::clock::Clock;
use crate::config::ProfilingBudget;

/// The gate of all targets.
#[derive(Debug)]
pub(super) struct Gate {
    rules: ArcSwap<Rules>,
}

#[derive(Debug)]
struct Rules {
    budget: ProfilingBudget,
    /// Places of profiles for which the target measures for a while.
    measured: Arc<Semaphore>,
    /// Places of snapshots: they take milliseconds and must not queue behind the others.
    snapshots: Arc<Semaphore>,
}

/// What one target has spent, and the lock that keeps its profiles apart.
#[derive(Debug, Default)]
pub(super) struct TargetGate {
    one_at_once: Arc<AsyncMutex<()>>,
    duty: Mutex<DutyCycle>,
}

/// Leave to take one profile, held while it is taken.
#[derive(Debug)]
pub(super) struct Leave {
    _place: OwnedSemaphorePermit,
    _target: OwnedMutexGuard<()>,
}

/// Why a profile is not taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoLeave {
    #[error("quiet hours")]
    QuietHours,
    #[error("over the profiling budget of this target (max_duty_cycle); next in {} s", wait.as_secs())]
    DutyCycle { wait: Duration },
    #[error("other profiles took all places (max_concurrent) for {} s", waited.as_secs())]
    Busy { waited: Duration },
}

impl NoLeave {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::QuietHours => "quiet_hours",
            Self::DutyCycle { .. } => "duty_cycle",
            Self::Busy { .. } => "busy",
        }
    }
}

impl Gate {
    pub(super) fn new(budget: ProfilingBudget) -> Self {
        Self {
            rules: ArcSwap::from_pointee(Rules::new(budget)),
        }
    }

    /// Puts up another budget; profiles under way still have their places of the old one.
    pub(super) fn set_budget(&self, budget: ProfilingBudget) {
        if self.rules.load().budget != budget {
            self.rules.store(Arc::new(Rules::new(budget)));
        }
    }

    /// Waits, at most for `patience`, until a profile of `measured` length (zero: a snapshot) may
    /// start.
    pub(super) async fn enter(
        &self,
        target: &TargetGate,
        measured: Duration,
        patience: Duration,
        clock: Clock,
    ) -> Result<Leave, NoLeave> {
        let rules = self.rules.load_full();
        if rules.is_quiet(Timestamp::now()) {
            return Err(NoLeave::QuietHours);
        }
        let places = if measured.is_zero() {
            &rules.snapshots
        } else {
            &rules.measured
        };
        let leave = tokio::time::timeout(patience, take_place(places, &target.one_at_once))
            .await
            .unwrap_or(None)
            .ok_or(NoLeave::Busy { waited: patience })?;
        let mut duty = target.duty.lock().unwrap_or_else(PoisonError::into_inner);
        if !measured.is_zero() {
            duty.book(clock.now(), measured, rules.budget.max_duty_cycle)
                .map_err(|exceeded| NoLeave::DutyCycle {
                    wait: exceeded.wait,
                })?;
        }
        Ok(leave)
    }
}

impl TargetGate {
    /// Gives back measuring time that was booked and not spent.
    pub(super) fn refund(&self, unspent: Duration) {
        self.duty
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .refund(unspent);
    }
}

impl Rules {
    fn new(budget: ProfilingBudget) -> Self {
        let places = || Arc::new(Semaphore::new(budget.max_concurrent.clamp(1, 1024)));
        Self {
            measured: places(),
            snapshots: places(),
            budget,
        }
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        let time = now.to_zoned(self.budget.time_zone.clone()).time();
        self.budget
            .quiet_hours
            .iter()
            .any(|hours| hours.contains(time))
    }
}

/// Takes a place and the target's lock together, and waits for either only without the other: a
/// place that waits for its target would be lost to all other targets meanwhile.
async fn take_place(places: &Arc<Semaphore>, target: &Arc<AsyncMutex<()>>) -> Option<Leave> {
    loop {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        if let Ok(target) = Arc::clone(target).try_lock_owned() {
            return Some(Leave {
                _place: place,
                _target: target,
            });
        }
        drop(place);
        // The lock is handed from one that waits to the next: to let go of it and try again would
        // let those that wait chase it in a circle.
        let target = Arc::clone(target).lock_owned().await;
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Some(Leave {
                _place: place,
                _target: target,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::config::QuietHours;

    const CPU: Duration = Duration::from_secs(10);
    const SNAPSHOT: Duration = Duration::ZERO;
    const PATIENCE: Duration = Duration::from_secs(60);

    fn budget(max_concurrent: usize) -> ProfilingBudget {
        ProfilingBudget {
            max_duty_cycle: 0.2,
            max_concurrent,
            quiet_hours: Vec::new(),
            time_zone: TimeZone::UTC,
        }
    }

    fn gate(max_concurrent: usize) -> Gate {
        Gate::new(budget(max_concurrent))
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_has_one_profile_at_once_of_either_sort() {
        let (gate, clock) = (gate(2), Clock::starting_now());
        let target = TargetGate::default();
        let leave = gate.enter(&target, CPU, PATIENCE, clock).await.unwrap();
        let refused = gate
            .enter(&target, SNAPSHOT, PATIENCE, clock)
            .await
            .unwrap_err();
        assert_eq!(refused, NoLeave::Busy { waited: PATIENCE });
        drop(leave);
        gate.enter(&target, SNAPSHOT, PATIENCE, clock)
            .await
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_targets_are_measured_at_once_while_snapshots_pass() {
        let (gate, clock) = (gate(1), Clock::starting_now());
        let (first, second) = (TargetGate::default(), TargetGate::default());
        let _leave = gate.enter(&first, CPU, PATIENCE, clock).await.unwrap();
        let refused = gate.enter(&second, CPU, PATIENCE, clock).await.unwrap_err();
        assert_eq!(refused.reason(), "busy");
        gate.enter(&second, SNAPSHOT, PATIENCE, clock)
            .await
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_not_held_while_its_target_is_busy() {
        let (gate, clock) = (gate(2), Clock::starting_now());
        let (busy, idle) = (TargetGate::default(), TargetGate::default());
        let _leave = gate.enter(&busy, SNAPSHOT, PATIENCE, clock).await.unwrap();
        let waiting = gate.enter(&busy, SNAPSHOT, PATIENCE, clock);
        let passing = gate.enter(&idle, SNAPSHOT, PATIENCE, clock);
        let (waiting, passing) = tokio::join!(waiting, passing);
        assert!(waiting.is_err() && passing.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_gets_through_one_after_the_other() {
        let (gate, clock) = (gate(2), Clock::starting_now());
        let targets = [
            TargetGate::default(),
            TargetGate::default(),
            TargetGate::default(),
        ];
        let one = async |idx: usize| {
            let leave = gate
                .enter(&targets[idx % 3], SNAPSHOT, PATIENCE, clock)
                .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            leave.map(drop)
        };
        let all = futures_util::future::join_all((0..24).map(one)).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert!(clock.now() <= Duration::from_secs(24), "{:?}", clock.now());
    }

    #[tokio::test(start_paused = true)]
    async fn the_duty_cycle_is_the_targets_own() {
        let (gate, clock) = (gate(2), Clock::starting_now());
        let (first, second) = (TargetGate::default(), TargetGate::default());
        gate.enter(&first, CPU, PATIENCE, clock).await.unwrap();
        let refused = gate.enter(&first, CPU, PATIENCE, clock).await.unwrap_err();
        assert_eq!(refused.reason(), "duty_cycle");
        gate.enter(&second, CPU, PATIENCE, clock).await.unwrap();
    }

    #[test]
    fn quiet_hours_are_in_the_budgets_time_zone() {
        let quiet_hours = vec![QuietHours {
            from: time(22, 0, 0, 0),
            to: time(6, 0, 0, 0),
        }];
        let utc = ProfilingBudget {
            quiet_hours,
            ..budget(1)
        };
        let is_quiet = |budget: &ProfilingBudget, at: &str| {
            Rules::new(budget.clone()).is_quiet(at.parse().unwrap())
        };
        assert!(is_quiet(&utc, "2026-11-21T23:00:00Z"));
        assert!(!is_quiet(&utc, "2026-11-21T20:30:00Z"));
        let east = ProfilingBudget {
            time_zone: TimeZone::fixed(jiff::tz::offset(2)),
            ..utc
        };
        assert!(is_quiet(&east, "2026-11-21T20:30:00Z"));
    }
}
