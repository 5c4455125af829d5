//! What happens to a target: restarts, an upgrade, incidents, a leak. Decided before the first
//! sample, by the seed and the stretch of time alone.

use proto::UnixMillis;

use super::random::Random;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A restart about so often.
const RESTART_EVERY: i64 = 12 * DAY;
/// Longest that a restart takes.
const LONGEST_DOWN: i64 = 3 * MINUTE;
/// Longest incident.
const LONGEST_INCIDENT: i64 = 5 * HOUR;
/// How much slower the disk is in an incident.
const SLOW_DISK: f64 = 12.0;
/// Where in the whole time things happen, as fractions of it.
const LEAK_AT: f64 = 0.5;
const UPGRADE_AT: f64 = 0.6;
const INCIDENTS_AT: [f64; 2] = [0.3, 0.9];
/// Of so many targets one has the incidents and the leak.
const UNLUCKY_OF: usize = 4;

/// From one time to another; the end is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: UnixMillis,
    pub(super) until: UnixMillis,
}

impl Stretch {
    pub(super) fn contains(self, time: UnixMillis) -> bool {
        self.from <= time && time < self.until
    }

    fn at(self, fraction: f64) -> i64 {
        self.from.0 + ((self.until.0 - self.from.0) as f64 * fraction) as i64
    }
}

/// The life of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// When it is down, in order. It begins anew at the end of each.
    pub(super) down: Vec<Stretch>,
    /// From here on it runs the newer version.
    pub(super) upgraded: UnixMillis,
    /// When its disk is slow.
    pub(super) incidents: Vec<Stretch>,
    /// When a function of it keeps what it should let go.
    pub(super) leak: Option<Stretch>,
}

impl Life {
    /// Plans the life of the target `idx` of a simulation.
    pub(super) fn plan(whole: Stretch, idx: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, 2 * idx as u64 + 1);
        let length = whole.until.0 - whole.from.0;
        // One after the other, as an upgrade is rolled out.
        let upgraded =
            UnixMillis(whole.at(UPGRADE_AT) + (length / 1000).min(10 * MINUTE) * idx as i64);
        let mut starts = vec![upgraded.0];
        let n_restarts = (length / RESTART_EVERY).max(1);
        for restart_idx in 0..n_restarts {
            let fraction = (restart_idx as f64 + random.uniform()) / n_restarts as f64;
            starts.push(whole.at(fraction));
        }
        starts.sort_unstable();
        let lasts = (length / 200).clamp(1, LONGEST_DOWN);
        let down = starts.into_iter().map(|start| Stretch {
            from: UnixMillis(start),
            until: UnixMillis(start + (lasts as f64 * (0.3 + 0.7 * random.uniform())) as i64),
        });
        let down = down.collect();
        let is_unlucky = idx % UNLUCKY_OF < 2;
        let incident = |fraction| {
            let from = whole.at(fraction);
            let until = from + (length / 20).min(LONGEST_INCIDENT);
            Stretch {
                from: UnixMillis(from),
                until: UnixMillis(until),
            }
        };
        Self {
            down,
            upgraded,
            incidents: INCIDENTS_AT
                .into_iter()
                .filter(|_| is_unlucky)
                .map(incident)
                .collect(),
            leak: is_unlucky.then_some(Stretch {
                from: UnixMillis(whole.at(LEAK_AT)),
                until: upgraded,
            }),
        }
    }

    /// Whether it answers.
    pub(super) fn is_up(&self, time: UnixMillis) -> bool {
        !self.down.iter().any(|down| down.contains(time))
    }

    /// When the process that runs at a time, or the next one, began; `None` before the first restart.
    pub(super) fn started(&self, time: UnixMillis) -> Option<UnixMillis> {
        let ends = self
            .down
            .iter()
            .filter(|down| down.from <= time)
            .map(|down| down.until);
        ends.max()
    }

    /// How much slower than usual the disk is.
    pub(super) fn disk_factor(&self, time: UnixMillis) -> f64 {
        let is_slow = self
            .incidents
            .iter()
            .any(|incident| incident.contains(time));
        if is_slow { SLOW_DISK } else { 1.0 }
    }

    /// How much of a whole leak has gathered since the process began, 0…1.
    pub(super) fn leaked(&self, time: UnixMillis) -> f64 {
        let Some(leak) = self.leak.filter(|leak| leak.contains(time)) else {
            return 0.0;
        };
        let since = self
            .started(time)
            .map_or(leak.from, |started| started.max(leak.from));
        let whole = (leak.until.0 - leak.from.0).max(1);
        (time.0 - since.0).max(0) as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(n: i64) -> Stretch {
        Stretch {
            from: UnixMillis(0),
            until: UnixMillis(n * DAY),
        }
    }

    #[test]
    fn every_life_has_an_upgrade_and_restarts_and_is_decided_by_the_seed() {
        for n_days in [1, 30, 365] {
            let life = Life::plan(days(n_days), 0, 1);
            assert_eq!(life, Life::plan(days(n_days), 0, 1));
            assert_ne!(life, Life::plan(days(n_days), 0, 2));
            assert!(life.down.len() >= 2, "{life:?}");
            assert!(life.down.iter().any(|down| down.from == life.upgraded));
            assert!(
                life.down
                    .iter()
                    .all(|down| down.until.0 - down.from.0 <= LONGEST_DOWN)
            );
        }
    }

    #[test]
    fn a_leak_grows_until_the_process_begins_anew() {
        let mut life = Life::plan(days(100), 0, 1);
        let restart = Stretch {
            from: UnixMillis(55 * DAY),
            until: UnixMillis(55 * DAY + MINUTE),
        };
        life.down = vec![restart];
        let leaked = |day: f64| life.leaked(UnixMillis((day * DAY as f64) as i64));
        assert_eq!(leaked(49.0), 0.0);
        assert!(leaked(52.0) > 0.19 && leaked(54.9) > leaked(52.0));
        assert!(leaked(55.1) < 0.02 && leaked(59.0) > 0.3);
        assert_eq!(leaked(60.1), 0.0, "the upgrade mended it");
        assert!(!life.is_up(restart.from) && life.is_up(restart.until));
    }
}
