//! How long to wait before a request is sent again. Pure: the random number is passed in.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Longest wait a receiver may ask for. One that says more is believed this much at a time.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// The waits of a receiver's retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RetryPolicy {
    /// Before the first retry.
    pub(crate) first: Duration,
    /// No wait is longer, unless the receiver asks for it.
    pub(crate) longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
        }
    }
}

/// The retries of one request: waits that double, each shortened by a random part.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RetryPolicy,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            next: policy.first,
        }
    }

    /// The wait before the next retry. Without a word of the receiver it is between half and all
    /// of the current step; `random` is in 0..1. Where the receiver asked for a wait, it is that
    /// and up to a tenth more, and later steps grow from there ("OTLP/gRPC Throttling").
    pub(crate) fn wait(&mut self, asked: Option<Duration>, random: f64) -> Duration {
        let asked = asked.map(|asked| asked.min(LONGEST_ASKED));
        let step = asked.map_or(self.next, |asked| asked.max(self.next));
        self.next = step.saturating_mul(2).min(self.policy.longest.max(step));
        match asked {
            Some(asked) => asked.mul_f64(1.0 + random / 10.0),
            None => step.mul_f64(0.5 + random / 2.0),
        }
    }
}

/// Random numbers for jitter: splitmix64, seeded by the system. Not for secrets.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Default for Jitter {
    fn default() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }
}

impl Jitter {
    /// A number in 0..1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> Backoff {
        Backoff::new(RetryPolicy {
            first: SECOND,
            longest: 8 * SECOND,
        })
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = backoff();
        let waits: Vec<_> = (0..6).map(|_| backoff.wait(None, 1.0)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 8, 8].map(Duration::from_secs));
    }

    #[test]
    fn jitter_takes_away_half_at_most() {
        assert_eq!(backoff().wait(None, 0.0), SECOND / 2);
    }

    #[test]
    fn what_the_receiver_asks_for_is_waited_in_full() {
        let mut backoff = backoff();
        assert_eq!(backoff.wait(Some(20 * SECOND), 0.0), 20 * SECOND);
        assert_eq!(backoff.wait(None, 1.0), 20 * SECOND);
        assert_eq!(backoff.wait(Some(SECOND), 0.0), SECOND);
    }

    #[test]
    fn an_absurd_wait_is_cut() {
        assert_eq!(backoff().wait(Some(Duration::MAX), 0.0), LONGEST_ASKED);
    }

    #[test]
    fn random_numbers_are_in_range_and_differ() {
        let mut jitter = Jitter(7);
        let numbers: Vec<f64> = (0..1000).map(|_| jitter.next()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
