//! What happened to targets lately that may explain a trouble: restarts, new versions.

use std::collections::HashMap;

use proto::event::kind;
use proto::target::TargetId;
use proto::{Event, Record, Target, UnixMillis};
use storage::archive::TargetEvents;

/// What may explain a trouble.
const KINDS: [&str; 3] = [kind::RESTART, kind::VERSION_CHANGE, kind::GO_VERSION_CHANGE];
/// For how long it is remembered. Milliseconds.
const REMEMBERED: i64 = 86_400_000;
/// Events of a target that are remembered at most.
const MAX_EVENTS: usize = 16;
/// So long before a trouble an event may have caused it. Milliseconds.
const BEFORE: i64 = 3_600_000;
/// So long after the beginning, too: a page shows it with a delay. Milliseconds.
const AFTER: i64 = 300_000;

/// What happened to targets lately.
#[derive(Debug, Default)]
pub(super) struct Happened {
    watch: TargetEvents,
    events: HashMap<TargetId, Vec<Event>>,
}

impl Happened {
    pub(super) fn observe(&mut self, record: &Record) {
        for event in self.watch.observe(record) {
            let target = event
                .target
                .as_ref()
                .filter(|_| KINDS.contains(&event.kind.as_str()));
            if let Some(target) = target {
                let of_target = self.events.entry(target.id()).or_default();
                if of_target.len() >= MAX_EVENTS {
                    of_target.remove(0);
                }
                of_target.push(event);
            }
        }
    }

    /// Forgets what is old.
    pub(super) fn forget(&mut self, now: UnixMillis) {
        self.events.retain(|_, events| {
            events.retain(|event| now.0.saturating_sub(event.time.0) < REMEMBERED);
            !events.is_empty()
        });
    }

    /// A sentence about each event near the beginning of a trouble.
    pub(super) fn near(&self, target: &Target, since: UnixMillis) -> String {
        let near = since.0.saturating_sub(BEFORE)..=since.0.saturating_add(AFTER);
        let events = self.events.get(&target.id()).into_iter().flatten();
        let near = events.filter(|event| near.contains(&event.time.0));
        let sentences = near.map(|event| {
            let time = jiff::Timestamp::from_millisecond(event.time.0).unwrap_or_default();
            format!(" Near its beginning, at {time:.0}: {}.", event.message)
        });
        sentences.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::Labels;

    use super::*;

    fn happened(kind: &str, time: i64) -> (Happened, Arc<Target>) {
        let target = Arc::new(Target {
            labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:1")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        });
        let event = Event::of_target(&target, UnixMillis(time), kind, "etcd runs 3.5 now");
        let mut happened = Happened::default();
        happened.observe(&Record::Event(Arc::new(event)));
        (happened, target)
    }

    #[test]
    fn what_happened_shortly_before_is_told() {
        let (happened, target) = happened(kind::VERSION_CHANGE, 10 * BEFORE);
        let sentence = happened.near(&target, UnixMillis(11 * BEFORE - 1));
        assert_eq!(
            sentence,
            " Near its beginning, at 1970-01-01T10:00:00Z: etcd runs 3.5 now."
        );
        assert_eq!(happened.near(&target, UnixMillis(11 * BEFORE + 1)), "");
        assert_ne!(happened.near(&target, UnixMillis(10 * BEFORE - AFTER)), "");
        assert_eq!(
            happened.near(&target, UnixMillis(10 * BEFORE - AFTER - 1)),
            ""
        );
    }

    #[test]
    fn what_explains_nothing_or_is_old_is_forgotten() {
        assert!(happened(kind::UP, 0).0.events.is_empty());
        let (mut old, _) = happened(kind::RESTART, 0);
        old.forget(UnixMillis(REMEMBERED - 1));
        assert_eq!(old.events.len(), 1);
        old.forget(UnixMillis(REMEMBERED));
        assert!(old.events.is_empty());
    }
}
