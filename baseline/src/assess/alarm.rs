//! The states of one trouble: quiet, pending, firing, and quiet again.

use proto::UnixMillis;

/// How long a condition has to be there, and how long it has to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// Until it fires. Milliseconds.
    pub(super) hold: i64,
    /// Until it is resolved. Milliseconds.
    pub(super) calm: i64,
}

/// What one condition of one series has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The condition does not hold.
    #[default]
    Quiet,
    /// It has held since then, not yet for long enough.
    Pending {
        /// When it began.
        since: UnixMillis,
    },
    /// It has held for long enough.
    Firing {
        /// When it began.
        since: UnixMillis,
        /// Since when it does not hold any more.
        quiet: Option<UnixMillis>,
    },
}

/// A change worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It begins to fire.
    Fires,
    /// It has been gone for long enough.
    Resolved {
        /// When it had begun.
        since: UnixMillis,
    },
}

impl Alarm {
    /// Goes on at `time`: whether the condition holds now.
    pub(super) fn step(
        &mut self,
        time: UnixMillis,
        is_bad: bool,
        patience: Patience,
    ) -> Option<Change> {
        let (next, change) = match (*self, is_bad) {
            (Self::Quiet | Self::Pending { .. }, false) => (Self::Quiet, None),
            (Self::Quiet, true) => Self::begun(time, time, patience),
            (Self::Pending { since }, true) => Self::begun(since, time, patience),
            (Self::Firing { since, .. }, true) => (Self::Firing { since, quiet: None }, None),
            (Self::Firing { since, quiet }, false) => {
                let quiet = quiet.unwrap_or(time).min(time);
                match time.0 - quiet.0 >= patience.calm {
                    true => (Self::Quiet, Some(Change::Resolved { since })),
                    false => {
                        let quiet = Some(quiet);
                        (Self::Firing { since, quiet }, None)
                    }
                }
            }
        };
        *self = next;
        change
    }

    /// A condition that has held since then, as far as the clock can be trusted.
    fn begun(since: UnixMillis, time: UnixMillis, patience: Patience) -> (Self, Option<Change>) {
        let since = since.min(time);
        match time.0 - since.0 >= patience.hold {
            true => (Self::Firing { since, quiet: None }, Some(Change::Fires)),
            false => (Self::Pending { since }, None),
        }
    }

    pub(super) fn is_firing(self) -> bool {
        matches!(self, Self::Firing { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: Patience = Patience { hold: 10, calm: 5 };

    /// Steps of one each; what was told, with its time.
    fn told(bad: &str) -> Vec<(i64, Change)> {
        let mut alarm = Alarm::default();
        let steps = (0_i64..).zip(bad.chars());
        steps
            .filter_map(|(time, c)| {
                let change = alarm.step(UnixMillis(time), c == 'x', PATIENCE);
                Some((time, change?))
            })
            .collect()
    }

    #[test]
    fn what_does_not_last_is_not_told() {
        assert_eq!(told("..xxxxxxxxxx..xxxxxxxxxx...."), []);
    }

    #[test]
    fn what_lasts_fires_once_and_is_resolved_when_it_has_been_gone_for_a_while() {
        let since = UnixMillis(1);
        assert_eq!(
            told(".xxxxxxxxxxxxxx...xx.xx......."),
            [(11, Change::Fires), (28, Change::Resolved { since })]
        );
    }

    #[test]
    fn without_a_hold_it_fires_at_once() {
        let mut alarm = Alarm::default();
        let patience = Patience { hold: 0, calm: 5 };
        assert_eq!(
            alarm.step(UnixMillis(7), true, patience),
            Some(Change::Fires)
        );
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_fire_and_leaves_nothing_firing_for_ever() {
        let mut alarm = Alarm::default();
        alarm.step(UnixMillis(1_000), true, PATIENCE);
        assert_eq!(alarm.step(UnixMillis(0), true, PATIENCE), None);
        assert_eq!(
            alarm.step(UnixMillis(10), true, PATIENCE),
            Some(Change::Fires)
        );
        alarm.step(UnixMillis(1_000), false, PATIENCE);
        assert_eq!(alarm.step(UnixMillis(20), false, PATIENCE), None);
        let resolved = alarm.step(UnixMillis(25), false, PATIENCE);
        assert!(matches!(resolved, Some(Change::Resolved { .. })));
    }

    proptest! {
        #[test]
        fn firing_and_resolved_take_turns(bad in "[x.]{0,200}") {
            for (idx, (_, change)) in told(&bad).iter().enumerate() {
                prop_assert_eq!(idx % 2 == 0, *change == Change::Fires);
            }
        }
    }
}
