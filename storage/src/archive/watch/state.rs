//! One target, from record to record: what is new about it.

use std::sync::Arc;

use proto::event::kind;
use proto::{Event, Target, UnixMillis};

use super::MILLIS_A_DAY;
use super::facts::{Facts, Health, START_PRECISION_MS, Told, is_same_start};
use super::news::{News, TargetRow, lasted, time_text};
use crate::archive::day::Day;

/// What is known of a target.
#[derive(Debug, Default)]
pub(super) struct TargetState {
    /// Day of its newest row in `targets`; `None` if it has none.
    pub(super) day: Option<Day>,
    /// When its newest record was taken.
    pub(super) seen: Option<UnixMillis>,
    /// As it was in that row.
    pub(super) scheme: String,
    pub(super) address: String,
    pub(super) facts: Facts,
    pub(super) life: Life,
    /// The last scrape that worked, and the processor time the process had used by then.
    worked: Option<(UnixMillis, Option<f64>)>,
}

/// Whether it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Life {
    /// Never seen, or seen for the last time.
    #[default]
    Gone,
    /// Seen, and nothing is known against it.
    There,
    /// Scrapes have failed since then.
    Down(UnixMillis),
}

impl TargetState {
    pub(super) fn was_seen_since(&self, time: UnixMillis) -> bool {
        self.seen.is_some_and(|seen| seen >= time)
    }

    /// A record of the target was taken at `time`. Tells whether it got a row.
    pub(super) fn seen(&mut self, target: &Arc<Target>, time: UnixMillis, news: &mut News) -> Row {
        if self.life == Life::Gone {
            self.life = Life::There;
            let message = format!("{} is sounded from now on", name(target));
            news.event(Event::of_target(target, time, kind::TARGET_NEW, message));
        }
        let is_moved = self.scheme != target.scheme || self.address != target.address;
        self.seen = self.seen.max(Some(time));
        if self.is_another_day(time) || is_moved {
            self.put_row(target, time, news);
            Row::Put
        } else {
            Row::None
        }
    }

    /// A scrape of the target was tried at `time`.
    pub(super) fn scraped(
        &mut self,
        target: &Arc<Target>,
        time: UnixMillis,
        told: Told<'_>,
        news: &mut News,
    ) {
        if told.health == Health::Gone {
            if self.life != Life::Gone {
                let message = format!("{} is sounded no more", name(target));
                news.event(Event::of_target(target, time, kind::TARGET_GONE, message));
            }
            self.life = Life::Gone;
            return;
        }
        let row = self.seen(target, time, news);
        match (told.health, self.life) {
            (Health::Down, Life::There) => {
                self.life = Life::Down(time);
                let message = format!("scrapes of {} fail", name(target));
                news.event(Event::of_target(target, time, kind::DOWN, message));
            }
            (Health::Up, Life::Down(since)) => {
                self.life = Life::There;
                let for_how_long = lasted(since, time);
                let message = format!("{} is back after {for_how_long}", name(target));
                let event = Event::of_target(target, time, kind::UP, message);
                news.event(event.changed(time_text(since), time_text(time)));
            }
            _ => {}
        }
        if told.health != Health::Down {
            let change = self.compare(target, time, told, news);
            self.note(change, row, target, time, news);
            self.worked = Some((time, told.cpu_seconds));
        }
    }

    /// What the target says of itself, against what it said before.
    fn compare(
        &mut self,
        target: &Arc<Target>,
        time: UnixMillis,
        told: Told<'_>,
        news: &mut News,
    ) -> Change {
        let (mut change, mut happened) = (Change::Nothing, time);
        match (self.facts.started, told.started) {
            (None, Some(_)) => change = Change::Learned,
            (Some(before), Some(started)) if !is_same_start(before, started) => {
                change = Change::Changed;
                if self.is_restart(started, told.cpu_seconds) {
                    happened = self.restarted(target, [before, started], time, news);
                }
            }
            _ => {}
        }
        if change != Change::Nothing {
            self.facts.started = told.started;
        }
        let Facts {
            version,
            go_version,
            ..
        } = &mut self.facts;
        for (known, told, kind, what) in [
            (version, told.version, kind::VERSION_CHANGE, "version"),
            (go_version, told.go_version, kind::GO_VERSION_CHANGE, "Go"),
        ] {
            let Some(after) = told.filter(|told| known.as_deref() != Some(told)) else {
                continue;
            };
            let Some(before) = known.replace(after.to_owned()) else {
                change = change.max(Change::Learned);
                continue;
            };
            change = Change::Changed;
            let message = format!("{}: {what} {before} became {after}", name(target));
            let event = Event::of_target(target, happened, kind, message);
            news.event(event.changed(Some(before), Some(after.to_owned())));
        }
        change
    }

    /// Puts what a target says of itself into its row of this scrape, or into that of its day if
    /// it just said nothing before; else into a new one.
    fn note(
        &mut self,
        change: Change,
        row: Row,
        target: &Arc<Target>,
        time: UnixMillis,
        news: &mut News,
    ) {
        if change == Change::Nothing {
            return;
        }
        let completes = change == Change::Learned || row == Row::Put;
        let day = self.day.filter(|_| completes);
        if !day.is_some_and(|day| news.complete(target.id(), day, &self.facts)) {
            self.put_row(target, time, news);
        }
    }

    /// Whether a start that is another one means another process. `process_start_time_seconds` is
    /// worked out from the boot time, which moves when the clock is set: such a start lies before
    /// the last scrape that worked, and the process has not lost any of its processor time.
    fn is_restart(&self, started: UnixMillis, cpu_seconds: Option<f64>) -> bool {
        let Some((worked, Some(before))) = self.worked else {
            return true;
        };
        started.0 >= worked.0.saturating_sub(START_PRECISION_MS)
            || cpu_seconds.is_none_or(|now| now < before)
    }

    /// Reports a restart; tells when it was.
    fn restarted(
        &self,
        target: &Arc<Target>,
        [before, started]: [UnixMillis; 2],
        time: UnixMillis,
        news: &mut News,
    ) -> UnixMillis {
        // By the target's clock, unless that is another one than ours.
        let since = self.worked.map_or(before, |(worked, _)| worked);
        let is_plausible =
            (since.0.saturating_sub(START_PRECISION_MS)..=time.0).contains(&started.0);
        let happened = if is_plausible { started } else { time };
        let message = format!("{} was restarted", name(target));
        let event = Event::of_target(target, happened, kind::RESTART, message);
        news.event(event.changed(time_text(before), time_text(started)));
        happened
    }

    fn put_row(&mut self, target: &Arc<Target>, time: UnixMillis, news: &mut News) {
        self.day = Day::of(time).or(self.day);
        self.scheme.clone_from(&target.scheme);
        self.address.clone_from(&target.address);
        news.target(TargetRow {
            target: Arc::clone(target),
            time,
            facts: self.facts.clone(),
        });
    }

    /// Whether `time` is on a day without a row. A profile begins before it is taken, and clocks
    /// are set back: the day before has its row.
    fn is_another_day(&self, time: UnixMillis) -> bool {
        if self.day.is_some_and(|last| last.contains(time)) {
            return false;
        }
        match (self.day, Day::of(time)) {
            (Some(last), Some(day)) => {
                let tomorrow = Day::of(UnixMillis(time.0.saturating_add(MILLIS_A_DAY)));
                day > last || tomorrow.is_some_and(|tomorrow| tomorrow < last)
            }
            (None, _) => true,
            (_, None) => false,
        }
    }
}

/// Whether a record gave its target a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Put,
    None,
}

/// How much is new in what a target says of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Nothing,
    /// What was not known is known.
    Learned,
    Changed,
}

fn name(target: &Target) -> String {
    let (job, instance) = (target.job(), target.instance());
    format!("{job} {instance}")
}
