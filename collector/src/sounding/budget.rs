//! How much profiling a target has to bear: a policy over times passed in, without a clock.

use std::time::Duration;

/// The span over which the duty cycle holds: shorter bursts than this are averaged out.
const DUTY_WINDOW: Duration = Duration::from_secs(60);

/// The duty cycle of one target: what was spent drains away at `share` seconds a second.
#[derive(Clone, Debug, Default)]
pub struct DutyCycle {
    level_seconds: f64,
    updated: Duration,
}

impl DutyCycle {
    /// Books a profile of `length` at `now`, or says how long to wait for it. `share` is the
    /// largest part of the time, 0…1. A profile that is longer than the window's whole share is
    /// let through when nothing else is booked: it then comes more rarely, not never. A share of
    /// zero refuses everything, for ever.
    ///
    /// # Errors
    /// The share is used up.
    pub fn book(&mut self, now: Duration, length: Duration, share: f64) -> Result<(), Exceeded> {
        let elapsed = now.saturating_sub(self.updated).as_secs_f64();
        self.level_seconds = (self.level_seconds - elapsed * share).max(0.0);
        self.updated = self.updated.max(now);
        let most = share * DUTY_WINDOW.as_secs_f64();
        let over = (self.level_seconds + length.as_secs_f64() - most).min(self.level_seconds);
        // A little slack for rounding: the profile that fits exactly is the usual one.
        if share > 0.0 && over <= 1e-6 {
            self.level_seconds += length.as_secs_f64();
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64(over / share).unwrap_or(Duration::MAX);
        Err(Exceeded { wait })
    }

    /// Takes back what was booked and not spent: a target that does not offer a profile says so
    /// at once.
    pub fn refund(&mut self, unspent: Duration) {
        self.level_seconds = (self.level_seconds - unspent.as_secs_f64()).max(0.0);
    }
}

/// A profile was refused because the target's duty cycle is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("duty cycle used up")]
pub struct Exceeded {
    /// It would be let through after this time.
    pub wait: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn ten_seconds_a_minute_fit_a_fifth_of_the_time() {
        let mut duty = DutyCycle::default();
        for minute in 0..60 {
            assert_eq!(duty.book(secs(minute * 60), secs(10), 0.2), Ok(()));
        }
    }

    #[test]
    fn a_second_profile_waits_until_the_first_has_drained() {
        let mut duty = DutyCycle::default();
        duty.book(secs(0), secs(10), 0.2).unwrap();
        let Err(Exceeded { wait }) = duty.book(secs(0), secs(10), 0.2) else {
            panic!("refused")
        };
        assert_eq!(wait, secs(40));
        duty.book(wait, secs(10), 0.2).unwrap();
    }

    #[test]
    fn a_long_profile_comes_more_rarely_but_comes() {
        let mut duty = DutyCycle::default();
        duty.book(secs(0), secs(30), 0.2).unwrap();
        assert!(duty.book(secs(60), secs(30), 0.2).is_err());
        duty.book(secs(150), secs(30), 0.2).unwrap();
    }

    #[test]
    fn a_refund_makes_room() {
        let mut duty = DutyCycle::default();
        duty.book(secs(0), secs(10), 0.2).unwrap();
        duty.refund(secs(10));
        duty.book(secs(0), secs(10), 0.2).unwrap();
    }

    #[test]
    fn a_zero_share_refuses_everything() {
        let refused = DutyCycle::default().book(secs(1_000_000), secs(1), 0.0);
        assert_eq!(
            refused,
            Err(Exceeded {
                wait: Duration::MAX
            })
        );
    }

    proptest! {
        #[test]
        fn the_share_holds_in_the_long_run(
            share in 0.01f64..1.0,
            asks in prop::collection::vec((0u64..120, 1u64..40), 1..200),
        ) {
            let mut duty = DutyCycle::default();
            let (mut now, mut spent, mut longest) = (0, 0, 0);
            for (gap, length) in asks {
                now += gap;
                if duty.book(secs(now), secs(length), share).is_ok() {
                    spent += length;
                    longest = longest.max(length);
                }
            }
            let burst = (share * DUTY_WINDOW.as_secs_f64()).max(longest as f64);
            prop_assert!(spent as f64 <= share * now as f64 + burst + 1e-3);
        }
    }
}
