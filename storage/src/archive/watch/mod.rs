//! What becomes of targets: which there are, what they run, when they restart or fail.
//!
//! [`Watch`] looks at every record on its way into the buffers and adds rows of the tables
//! `targets` and `events` to a [`News`]. A scrape that shows nothing new costs two look-ups and a
//! few comparisons: which series of a page tell something is worked out once a layout.
//!
//! It does not know files; what it has to know of the time before a start is
//! [read back](readback) from the newest ones.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod facts;
mod layout_facts;
mod news;
mod readback;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::event::kind;
use proto::metrics::{Layout, LayoutId, MetricBatch};
use proto::target::TargetId;
use proto::{Event, ProfileRecord, Record, UnixMillis, UnixNanos};

use self::layout_facts::LayoutFacts;
use self::state::TargetState;
use super::day::Day;

pub(super) use self::facts::Facts;
pub(super) use self::news::{News, TargetRow};
pub(super) use self::readback::read_back;

/// Targets that are remembered. Past that those not seen for a day are forgotten, and if these are
/// not enough all: each then has a row more, as if it were new.
const MAX_TARGETS: usize = 50_000;
/// Layouts whose telling series are remembered. Past that all are worked out again.
const MAX_LAYOUTS: usize = 2 * MAX_TARGETS;

const MILLIS_A_DAY: i64 = 86_400_000;

/// Everything known of the targets of the last days.
#[derive(Debug, Default)]
pub(super) struct Watch {
    targets: HashMap<TargetId, TargetState>,
    layouts: HashMap<LayoutId, (TargetId, LayoutFacts)>,
    /// Time of the newest record, as far as it is known.
    last: Option<UnixMillis>,
}

/// Tells what happens to targets as records come, without keeping it. Targets whose series have ended
/// are forgotten, as many at once as make that cheap.
#[derive(Debug, Default)]
pub struct TargetEvents {
    watch: Watch,
    /// Targets whose series have ended.
    ended: HashSet<TargetId>,
}

/// So many targets that have ended, and half of all, are kept until they are forgotten.
const MAX_ENDED: usize = 64;

impl TargetEvents {
    /// What a record shows that those before did not: nothing, for nearly all of them.
    pub fn observe(&mut self, record: &Record) -> Vec<Event> {
        let mut news = News::default();
        self.watch.observe(record, &mut news);
        if let Record::Metrics(batch) = record {
            if batch.is_end() {
                self.ended.insert(batch.layout.target.id());
            } else if !self.ended.is_empty() {
                self.ended.remove(&batch.layout.target.id());
            }
            if self.ended.len() > MAX_ENDED.max(self.watch.targets.len() / 2) {
                self.watch.forget(&std::mem::take(&mut self.ended));
            }
        }
        news.into_events()
    }
}

impl Watch {
    /// Takes note of a record; what is new goes to `news`.
    pub(super) fn observe(&mut self, record: &Record, news: &mut News) {
        match record {
            Record::Metrics(batch) => self.observe_scrape(batch, news),
            Record::Profile(profile) => self.observe_profile(profile, news),
            Record::Event(event) => self.observe_event(event, news),
            Record::Traces(_) | Record::Finding(_) => {}
        }
    }

    fn observe_scrape(&mut self, batch: &MetricBatch, news: &mut News) {
        if Day::of(batch.time).is_none() {
            return;
        }
        if !self.layouts.contains_key(&batch.layout.id) {
            self.learn(&batch.layout);
        }
        let Some((id, facts)) = self.layouts.get(&batch.layout.id) else {
            return;
        };
        let state = match self.targets.get_mut(id) {
            Some(state) => state,
            None => meet(&mut self.targets, *id, batch.time),
        };
        state.scraped(&batch.layout.target, batch.time, facts.told_by(batch), news);
        self.last = self.last.max(Some(batch.time));
    }

    fn observe_profile(&mut self, profile: &ProfileRecord, news: &mut News) {
        let time = UnixMillis::from(UnixNanos(profile.profile.time_nanos));
        if Day::of(time).is_none() {
            return;
        }
        let id = profile.target.id();
        let state = match self.targets.get_mut(&id) {
            Some(state) => state,
            None => meet(&mut self.targets, id, time),
        };
        state.seen(&profile.target, time, news);
        self.last = self.last.max(Some(time));
    }

    /// An event from leadsman itself. Its start ends a gap, if there was anything before.
    fn observe_event(&mut self, event: &Arc<Event>, news: &mut News) {
        if event.kind == kind::START
            && let Some(last) = self.last.filter(|last| *last < event.time)
        {
            let away = news::lasted(last, event.time);
            let message = format!("nothing was recorded for {away}: leadsman was away");
            news.event(Event {
                until: Some(event.time),
                ..Event::of_leadsman(last, kind::GAP, message)
            });
        }
        self.last = self.last.max(Some(event.time));
        news.event((**event).clone());
    }

    fn forget(&mut self, gone: &HashSet<TargetId>) {
        self.targets.retain(|target, _| !gone.contains(target));
        self.layouts.retain(|_, (target, _)| !gone.contains(target));
    }

    fn learn(&mut self, layout: &Layout) {
        if self.layouts.len() >= MAX_LAYOUTS {
            self.layouts.clear();
        }
        let facts = LayoutFacts::of(layout);
        self.layouts.insert(layout.id, (layout.target.id(), facts));
    }
}

/// A target that is not known yet.
fn meet(
    targets: &mut HashMap<TargetId, TargetState>,
    id: TargetId,
    time: UnixMillis,
) -> &mut TargetState {
    if targets.len() >= MAX_TARGETS {
        let yesterday = UnixMillis(time.0.saturating_sub(MILLIS_A_DAY));
        targets.retain(|_, state| state.was_seen_since(yesterday));
        if targets.len() >= MAX_TARGETS {
            targets.clear();
        }
    }
    targets.entry(id).or_default()
}
