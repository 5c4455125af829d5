//! What an Alertmanager has to be told, and when again. Pure: the time is passed in.
//!
//! Alertmanager takes an alert for over when its end has passed, so it is told again and again of
//! what fires, each time with an end some intervals away; and of what is over for a while, in case
//! it was restarted. This is Prometheus' way (`rules/alerting.go`, `cmd/prometheus`).

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proto::finding::{FindingId, FindingState, Severity};
use proto::{Finding, Labels, UnixMillis};
use tokio::time::Instant;

use super::AlertRules;
use super::labels::labels_of;
use super::message::Alert;

/// An alert that is not told again ends so many intervals later, as in Prometheus: three rounds may
/// fail.
const INTERVALS_TO_END: u32 = 4;
/// How long it is told that a trouble is over (Prometheus' `resolvedRetention`).
const RESOLVED_FOR: Duration = Duration::from_secs(15 * 60);
/// Alerts in a request at most.
pub(super) const BATCH: usize = 64;
/// Troubles that are remembered, some kilobytes each. More than that nobody reads.
const MAX_TROUBLES: usize = 10_000;

/// The time, by the calendar and by a clock that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) wall: UnixMillis,
    pub(super) steady: Instant,
}

/// What has to be told.
#[derive(Debug)]
pub(super) struct Book {
    rules: AlertRules,
    min_severity: Severity,
    troubles: HashMap<FindingId, Entry>,
    /// Alerts whose labels have changed: under the old ones they are over.
    former: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    finding: Arc<Finding>,
    /// As they are sent.
    labels: Labels,
    /// When it was over; `None` while it fires.
    over: Option<UnixMillis>,
    /// A silence covers it, and nobody was told.
    is_held: bool,
    /// When to tell of it, or to look whether a silence is over.
    due: Instant,
    /// When it was first told as it is now.
    told: Option<Instant>,
}

/// Why an alert is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Silenced,
    Relabelled,
    TooMany,
}

impl Dropped {
    /// Its name in metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Silenced => "silenced",
            Self::Relabelled => "relabelled",
            Self::TooMany => "too_many",
        }
    }
}

/// An alert that is told now, and which entry it is of.
#[derive(Clone, Debug)]
pub(super) struct Due {
    key: (FindingId, Labels),
    over: Option<UnixMillis>,
    pub(super) alert: Alert,
}

impl Book {
    pub(super) fn new(rules: AlertRules, min_severity: Severity) -> Self {
        Self {
            rules,
            min_severity,
            troubles: HashMap::new(),
            former: Vec::new(),
        }
    }

    /// Whether a trouble is known to have fired.
    pub(super) fn knows(&self, id: FindingId) -> bool {
        self.troubles.contains_key(&id)
    }

    /// Takes note of a trouble that is there at the start. If it began before the silence that
    /// covers it now, it was told.
    pub(super) fn remember(&mut self, finding: &Arc<Finding>, now: Now) {
        self.apply(Arc::clone(finding), now);
        let began_in_silence = self.is_silenced(finding, finding.time);
        if let Some(entry) = self.troubles.get_mut(&finding.id) {
            entry.is_held &= began_in_silence;
        }
    }

    /// Takes note of a finding, which is not older than those before it. That a trouble is over
    /// concerns nobody unless it has fired: whoever knows so of one that the book does not know
    /// passes it all the same. Returns why nobody will be told of it.
    pub(super) fn apply(&mut self, finding: Arc<Finding>, now: Now) -> Option<Dropped> {
        let known = self.troubles.get(&finding.id);
        let is_known = known.is_some_and(|known| {
            let known = &known.finding;
            known.time > finding.time
                || (known.time == finding.time && known.state == finding.state)
        });
        if is_known {
            return None;
        }
        match finding.state {
            FindingState::Pending => None,
            FindingState::Firing => self.fires(finding, now),
            FindingState::Resolved => self.is_over(finding, now),
        }
    }

    fn fires(&mut self, finding: Arc<Finding>, now: Now) -> Option<Dropped> {
        let known = self.troubles.remove(&finding.id);
        let told = known.filter(|known| known.over.is_none() && !known.is_held);
        let entry = self.entry(&finding, None, now);
        if let Some(told) = told.clone()
            && !entry
                .as_ref()
                .is_ok_and(|entry| entry.labels == told.labels)
            && self.former.len() < MAX_TROUBLES
        {
            self.former.push(Entry {
                over: Some(finding.time),
                due: now.steady,
                told: None,
                ..told
            });
        }
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(dropped) => return dropped,
        };
        if self.troubles.len() >= MAX_TROUBLES {
            return Some(Dropped::TooMany);
        }
        entry.is_held = told.is_none() && self.is_silenced(&finding, now.wall);
        self.troubles.insert(finding.id, entry);
        None
    }

    fn is_over(&mut self, finding: Arc<Finding>, now: Now) -> Option<Dropped> {
        match self.troubles.remove(&finding.id) {
            Some(known) if known.is_held => return Some(Dropped::Silenced),
            Some(known) if known.over.is_some() => {
                self.troubles.insert(finding.id, known);
                return None;
            }
            Some(known) => {
                // Under the labels under which it was told.
                let entry = Entry {
                    over: Some(finding.time),
                    due: now.steady,
                    told: None,
                    finding: Arc::clone(&finding),
                    ..known
                };
                self.troubles.insert(finding.id, entry);
            }
            None => match self.entry(&finding, Some(finding.time), now) {
                Ok(entry) => {
                    self.troubles.insert(finding.id, entry);
                }
                Err(dropped) => return dropped,
            },
        }
        None
    }

    fn entry(
        &self,
        finding: &Arc<Finding>,
        over: Option<UnixMillis>,
        now: Now,
    ) -> Result<Entry, Option<Dropped>> {
        if finding.severity < self.min_severity {
            return Err(None);
        }
        let labels = (self.rules.relabel)(labels_of(finding));
        let labels = labels.filter(|labels| !labels.is_empty());
        Ok(Entry {
            finding: Arc::clone(finding),
            labels: labels.ok_or(Some(Dropped::Relabelled))?,
            over,
            is_held: false,
            due: now.steady,
            told: None,
        })
    }

    fn is_silenced(&self, finding: &Finding, time: UnixMillis) -> bool {
        let labels = labels_of(finding);
        self.rules.silences.covering(&labels, time).is_some()
    }

    /// What is to be told now, the longest due first, no more than fits into a request.
    pub(super) fn due(&mut self, now: Now) -> Vec<Due> {
        self.look_at_silences(now);
        let mut due: Vec<&Entry> = self
            .entries()
            .filter(|entry| !entry.is_held && entry.due <= now.steady)
            .collect();
        due.sort_by_key(|entry| (entry.due, entry.finding.id));
        due.truncate(BATCH);
        let ends_at = self.rules.resend_interval * INTERVALS_TO_END;
        let ends_at = UnixMillis(now.wall.0.saturating_add(millis(ends_at)));
        let due = due.into_iter().map(|entry| Due {
            key: entry.key(),
            over: entry.over,
            alert: Alert {
                finding: Arc::clone(&entry.finding),
                labels: entry.labels.clone(),
                ends_at: entry.over.or(Some(ends_at)),
            },
        });
        due.collect()
    }

    /// What is held back by a silence that is over is due.
    fn look_at_silences(&mut self, now: Now) {
        let silences = Arc::clone(&self.rules.silences);
        let again = now.steady + self.rules.resend_interval;
        for entry in self.troubles.values_mut() {
            if entry.is_held && entry.due <= now.steady {
                let labels = labels_of(&entry.finding);
                entry.is_held = silences.covering(&labels, now.wall).is_some();
                entry.due = if entry.is_held { again } else { now.steady };
            }
        }
    }

    /// They were told, or refused for good. What has been over for long enough is forgotten.
    pub(super) fn told(&mut self, due: &[Due], now: Now) {
        let again = now.steady + self.rules.resend_interval;
        for Due { key, over, .. } in due {
            let known = self.troubles.get_mut(&key.0).into_iter();
            let mut entries = known.chain(&mut self.former);
            // Meanwhile it may have changed: then the change is due.
            if let Some(entry) = entries.find(|entry| entry.over == *over && entry.key() == *key) {
                entry.due = again;
                entry.told.get_or_insert(now.steady);
            }
        }
        let is_kept = |entry: &Entry| {
            let first = entry.told.filter(|_| entry.over.is_some());
            first.is_none_or(|first| now.steady - first < RESOLVED_FOR)
        };
        self.troubles.retain(|_, entry| is_kept(entry));
        self.former.retain(is_kept);
    }

    /// When something has to be done next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.entries().map(|entry| entry.due).min()
    }

    /// Changes that nobody was told of yet.
    pub(super) fn n_untold(&self) -> usize {
        let untold = |entry: &&Entry| entry.told.is_none() && !entry.is_held;
        self.entries().filter(untold).count()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.troubles.values().chain(&self.former)
    }
}

impl Entry {
    fn key(&self) -> (FindingId, Labels) {
        (self.finding.id, self.labels.clone())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
