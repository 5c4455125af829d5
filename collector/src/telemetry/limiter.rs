//! Keeps a log line that could come a thousand times a second to one in a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys remembered at once. Beyond it the oldest is forgotten, and its next line is written.
const MAX_KEYS: usize = 1024;

/// Lets one event of a key through in each interval, and counts the rest.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use collector::telemetry::LogLimiter;
/// let limiter = LogLimiter::new(Duration::from_secs(60));
/// if let Some(n_suppressed) = limiter.admit("etcd/10.0.0.1:2379", Instant::now()) {
///     tracing::warn!(n_suppressed, "scrape failed");
/// }
/// ```
#[derive(Debug)]
pub struct LogLimiter<K> {
    interval: Duration,
    keys: Mutex<HashMap<K, Seen>>,
}

#[derive(Debug)]
struct Seen {
    /// When an event was last let through.
    admitted: Instant,
    n_suppressed: u64,
}

impl<K: Hash + Eq + Clone> LogLimiter<K> {
    /// A limiter of one event of each key in `interval`.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            keys: Mutex::new(HashMap::new()),
        }
    }

    /// Whether an event of `key` may be written at `now`; if so, how many were not since the
    /// last one that was.
    pub fn admit(&self, key: K, now: Instant) -> Option<u64> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = keys.get_mut(&key) {
            if now.saturating_duration_since(seen.admitted) < self.interval {
                seen.n_suppressed += 1;
                return None;
            }
            seen.admitted = now;
            return Some(std::mem::take(&mut seen.n_suppressed));
        }
        if keys.len() >= MAX_KEYS {
            forget_oldest(&mut keys);
        }
        keys.insert(
            key,
            Seen {
                admitted: now,
                n_suppressed: 0,
            },
        );
        Some(0)
    }
}

fn forget_oldest<K: Hash + Eq + Clone>(keys: &mut HashMap<K, Seen>) {
    let oldest = keys
        .iter()
        .min_by_key(|(_, seen)| seen.admitted)
        .map(|(key, _)| key.clone());
    if let Some(key) = oldest {
        keys.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_event_of_a_key_passes_in_an_interval_and_tells_of_the_others() {
        let limiter = LogLimiter::new(10 * SECOND);
        let start = Instant::now();
        assert_eq!(limiter.admit("a", start), Some(0));
        assert_eq!(limiter.admit("b", start), Some(0));
        assert_eq!(limiter.admit("a", start + SECOND), None);
        assert_eq!(limiter.admit("a", start + 9 * SECOND), None);
        assert_eq!(limiter.admit("a", start + 10 * SECOND), Some(2));
        assert_eq!(limiter.admit("a", start + 11 * SECOND), None);
        assert_eq!(limiter.admit("b", start + 20 * SECOND), Some(0));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let limiter = LogLimiter::new(SECOND);
        let start = Instant::now();
        for idx in 0..=MAX_KEYS {
            let now = start + Duration::from_micros(idx as u64);
            assert_eq!(limiter.admit(idx, now), Some(0));
        }
        assert_eq!(limiter.keys.lock().unwrap().len(), MAX_KEYS);
        assert_eq!(
            limiter.admit(0, start + SECOND / 2),
            Some(0),
            "the oldest was forgotten"
        );
    }
}
