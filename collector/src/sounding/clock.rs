//! The clocks of soundings: a steady one for schedules, the wall's for timestamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::{UnixMillis, UnixNanos};
use tokio::time::Instant;

/// The steady clock: time since leadsman began to sound. It does not jump when the wall clock is
/// set, so neither do schedules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn starting_now() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    pub(super) fn now(self) -> Duration {
        self.start.elapsed()
    }

    pub(super) async fn sleep_until(self, time: Duration) {
        // Far beyond any schedule; a duty cycle of zero asks for "never".
        const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);
        tokio::time::sleep_until(self.start + time.min(FAR)).await;
    }
}

/// The wall clock.
pub(crate) fn now() -> UnixMillis {
    UnixMillis::from(wall_nanos())
}

/// The wall clock.
pub(super) fn wall_nanos() -> UnixNanos {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixNanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// Timestamps of a series of scrapes. A scrape a few milliseconds off the beat gets the beat's
/// time: steady steps between timestamps take no bits in the archive. The idea and the rule are
/// Prometheus' (scrape/scrape.go, `ScrapeTimestampTolerance`), with a wider tolerance as busy
/// nodes need: 1 % of the interval, at most [`MAX_TOLERANCE`].
#[derive(Clone, Debug)]
pub(crate) struct Beat {
    interval: i64,
    last: Option<i64>,
}

const MAX_TOLERANCE: Duration = Duration::from_millis(10);

impl Beat {
    /// Timestamps an `interval` apart.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval: i64::try_from(interval.as_millis())
                .unwrap_or(i64::MAX)
                .max(1),
            last: None,
        }
    }

    /// The timestamp of a scrape that starts at `now` by the wall clock. When that clock is set,
    /// a new beat starts.
    pub(crate) fn timestamp(&mut self, now: UnixMillis) -> UnixMillis {
        let tolerance = (self.interval / 100).min(MAX_TOLERANCE.as_millis() as i64);
        let beat = self.last.map(|last| {
            let n_steps =
                (now.0.saturating_sub(last) + self.interval / 2).div_euclid(self.interval);
            last.saturating_add(n_steps.saturating_mul(self.interval))
        });
        let time = beat
            .filter(|beat| beat.abs_diff(now.0) <= tolerance as u64)
            .unwrap_or(now.0);
        self.last = Some(time);
        UnixMillis(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_jitter_leaves_the_timestamps_on_the_beat() {
        let mut beat = Beat::new(Duration::from_secs(15));
        let mut time = |now| beat.timestamp(UnixMillis(now)).0;
        assert_eq!(time(1_000_007), 1_000_007);
        assert_eq!(time(1_015_011), 1_015_007);
        assert_eq!(time(1_029_998), 1_030_007);
        assert_eq!(time(1_075_007), 1_075_007, "after missed scrapes too");
        assert_eq!(time(1_090_100), 1_090_100, "too late: a new beat");
        assert_eq!(time(1_105_099), 1_105_100);
    }

    #[test]
    fn a_clock_that_is_set_back_starts_a_new_beat() {
        let mut beat = Beat::new(Duration::from_secs(15));
        beat.timestamp(UnixMillis(1_700_000_000_000));
        assert_eq!(
            beat.timestamp(UnixMillis(1_600_000_000_123)).0,
            1_600_000_000_123
        );
    }

    #[test]
    fn a_short_interval_has_a_narrow_tolerance() {
        let mut beat = Beat::new(Duration::from_millis(100));
        beat.timestamp(UnixMillis(1_000));
        assert_eq!(beat.timestamp(UnixMillis(1_101)).0, 1_100);
        assert_eq!(beat.timestamp(UnixMillis(1_202)).0, 1_202);
    }
}
