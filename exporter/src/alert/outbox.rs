//! What a webhook is told: each change of state once. Pure: the time is passed in.

use std::collections::HashMap;
use std::sync::Arc;

use proto::finding::{FindingId, FindingState, Severity};
use proto::{Finding, UnixMillis};

use super::AlertRules;
use super::book::Dropped;
use super::labels::labels_of;
use super::message::Alert;

/// Troubles that are held back at most, some kilobytes each.
const MAX_HELD: usize = 10_000;

/// What is held back, and what is not.
#[derive(Debug)]
pub(super) struct Outbox {
    rules: AlertRules,
    min_severity: Severity,
    /// Troubles that fire and that nobody was told of, because a silence covers them.
    held: HashMap<FindingId, Arc<Finding>>,
    /// Troubles that the receiver was told of, and when these began to fire: the past need not be
    /// asked. Of more than [`MAX_HELD`] it is.
    told: HashMap<FindingId, UnixMillis>,
}

/// What to do with a finding.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// Tell of it now.
    Send(Alert),
    /// It concerns nobody, or not yet.
    Nothing,
    /// Nobody will be told of it.
    Drop(Dropped),
}

impl Outbox {
    pub(super) fn new(rules: AlertRules, min_severity: Severity) -> Self {
        Self {
            rules,
            min_severity,
            held: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// Of a trouble that is there at the start: if it began within a silence, nobody was told.
    pub(super) fn remember(&mut self, finding: Arc<Finding>) {
        if finding.state != FindingState::Firing || finding.severity < self.min_severity {
            return;
        }
        if !self.is_silenced(&finding, finding.time) {
            self.note_told(&finding);
        } else if self.held.len() < MAX_HELD {
            self.held.insert(finding.id, finding);
        }
    }

    /// Whether silences have to be looked at.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether it is known without asking the past that a trouble has fired.
    pub(super) fn knows(&self, resolved: &Finding) -> bool {
        let told = self.told.get(&resolved.id);
        self.held.contains_key(&resolved.id) || told.is_some_and(|told| *told <= resolved.time)
    }

    /// What to do with the next finding. One that tells that a trouble is over has fired before.
    pub(super) fn judge(&mut self, finding: &Arc<Finding>, now: UnixMillis) -> Verdict {
        if finding.severity < self.min_severity {
            return Verdict::Nothing;
        }
        match finding.state {
            FindingState::Pending => Verdict::Nothing,
            FindingState::Firing
                if !self.told.contains_key(&finding.id) && self.is_silenced(finding, now) =>
            {
                if self.held.len() >= MAX_HELD {
                    return Verdict::Drop(Dropped::TooMany);
                }
                self.held.insert(finding.id, Arc::clone(finding));
                Verdict::Nothing
            }
            FindingState::Firing => {
                self.held.remove(&finding.id);
                self.note_told(finding);
                Verdict::Send(alert(finding))
            }
            FindingState::Resolved if self.held.remove(&finding.id).is_some() => {
                Verdict::Drop(Dropped::Silenced)
            }
            FindingState::Resolved => {
                self.told.remove(&finding.id);
                Verdict::Send(alert(finding))
            }
        }
    }

    /// What was held back by silences that are over, the oldest first.
    pub(super) fn released(&mut self, now: UnixMillis) -> Vec<Alert> {
        let silences = Arc::clone(&self.rules.silences);
        let is_over =
            |finding: &Arc<Finding>| silences.covering(&labels_of(finding), now).is_none();
        let released = self.held.extract_if(|_, finding| is_over(finding));
        let mut released: Vec<_> = released.map(|(_, finding)| finding).collect();
        released.sort_by_key(|finding| (finding.time, finding.id));
        for finding in &released {
            self.note_told(finding);
        }
        released.iter().map(alert).collect()
    }

    fn note_told(&mut self, finding: &Finding) {
        if self.told.len() < MAX_HELD {
            self.told.entry(finding.id).or_insert(finding.time);
        }
    }

    fn is_silenced(&self, finding: &Finding, time: UnixMillis) -> bool {
        let labels = labels_of(finding);
        self.rules.silences.covering(&labels, time).is_some()
    }
}

fn alert(finding: &Arc<Finding>) -> Alert {
    let is_over = finding.state == FindingState::Resolved;
    Alert {
        labels: labels_of(finding),
        ends_at: is_over.then_some(finding.time),
        finding: Arc::clone(finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::testing::{NOW, finding};
    use crate::alert::{Silence, Silences};

    /// Silent until a minute after [`NOW`].
    fn outbox() -> Outbox {
        let silence = Silence {
            until: Some(UnixMillis(NOW.0 + 60_000)),
            ..Silence::default()
        };
        let rules = AlertRules {
            silences: Arc::new(Silences(vec![silence])),
            ..AlertRules::default()
        };
        Outbox::new(rules, Severity::Info)
    }

    fn judge(outbox: &mut Outbox, state: FindingState, millis: i64) -> Verdict {
        let now = UnixMillis(NOW.0 + millis);
        outbox.judge(&finding("a:1", state, millis), now)
    }

    #[test]
    fn each_change_is_told_but_not_what_is_pending() {
        let mut outbox = outbox();
        let mut check = |state, is_sent| {
            let verdict = judge(&mut outbox, state, 60_000);
            assert_eq!(matches!(verdict, Verdict::Send(_)), is_sent, "{state}");
        };
        check(FindingState::Pending, false);
        check(FindingState::Firing, true);
        check(FindingState::Resolved, true);
    }

    #[test]
    fn what_is_silenced_is_told_when_the_silence_is_over() {
        let mut outbox = outbox();
        assert!(matches!(
            judge(&mut outbox, FindingState::Firing, 0),
            Verdict::Nothing
        ));
        assert!(outbox.released(UnixMillis(NOW.0 + 59_999)).is_empty());
        let released = outbox.released(UnixMillis(NOW.0 + 60_000));
        assert_eq!(released.len(), 1);
        assert!(outbox.released(UnixMillis(NOW.0 + 60_000)).is_empty());
        let over = judge(&mut outbox, FindingState::Resolved, 70_000);
        assert!(matches!(over, Verdict::Send(_)));
    }

    #[test]
    fn what_is_over_within_the_silence_is_dropped() {
        let mut outbox = outbox();
        judge(&mut outbox, FindingState::Firing, 0);
        let over = judge(&mut outbox, FindingState::Resolved, 10_000);
        assert!(matches!(over, Verdict::Drop(Dropped::Silenced)));
        assert!(outbox.released(UnixMillis(NOW.0 + 60_000)).is_empty());
    }

    #[test]
    fn what_was_told_before_a_silence_is_told_to_its_end() {
        let mut outbox = outbox();
        let fires = judge(&mut outbox, FindingState::Firing, 60_000);
        assert!(matches!(fires, Verdict::Send(_)));
        for state in [FindingState::Firing, FindingState::Resolved] {
            let in_silence = judge(&mut outbox, state, 10_000);
            assert!(matches!(in_silence, Verdict::Send(_)), "{state}");
        }
        let again = judge(&mut outbox, FindingState::Firing, 20_000);
        assert!(matches!(again, Verdict::Nothing));
    }

    #[test]
    fn after_a_start_what_began_in_a_silence_is_still_held_back() {
        let mut outbox = outbox();
        outbox.remember(finding("a:1", FindingState::Firing, 0));
        outbox.remember(finding("b:1", FindingState::Firing, 60_000));
        outbox.remember(finding("c:1", FindingState::Pending, 0));
        let released = outbox.released(UnixMillis(NOW.0 + 60_000));
        let instances = released.iter().map(|alert| alert.finding.target.instance());
        assert_eq!(instances.collect::<Vec<_>>(), ["a:1"]);
    }
}
