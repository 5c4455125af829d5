//! Days that are not kept any longer go.
//!
//! With an object store a day that is too old waits until all of it is there. What bounds that is the
//! disk: days that go for their size or for free space wait for nothing, and it is told.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use proto::UnixMillis;
use tracing::{info, warn};

use super::keeping::{Keeper, now};
use super::listing::Listing;
use super::policy::RetentionPolicy;
use super::replace::drop_day;
use super::retention::{DropReason, Removal, removals};
use super::rollups;
use super::space::Space;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::table::Table;

/// Time between two warnings that nothing is left to drop.
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// Whether [`Keeper::prune`] changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PruneMode {
    /// It only tells what would go.
    DryRun,
    /// What is to go goes.
    Apply,
}

/// A day of a table that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The table's name.
    pub table: &'static str,
    /// The day in UTC, as `YYYY-MM-DD`.
    pub day: String,
    /// Why.
    pub reason: DropReason,
    /// Size of its files.
    pub n_bytes: u64,
    /// Whether the object store lacks some of it, or does not say that it has it.
    pub is_awaited: bool,
}

/// What was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// In the order in which it went.
    pub dropped: Vec<Dropped>,
    /// Size of the archive before. Bytes.
    pub n_bytes: u64,
    /// Free space that is still missing, with nothing left to drop. Bytes.
    pub missing_bytes: u64,
}

/// Since when days are too old, by the time that this process runs.
#[derive(Debug, Default)]
pub(super) struct Ripening {
    since: HashMap<(Table, Day), Instant>,
    pub(super) warned: Option<Instant>,
}

impl Ripening {
    /// Notes what is too old now; what is not any more begins again.
    fn note(&mut self, old: &[Removal], now: Instant) {
        let since = std::mem::take(&mut self.since);
        let keys = old
            .iter()
            .filter(|removal| removal.reason == DropReason::Age);
        self.since = keys
            .map(|removal| (removal.table, removal.day))
            .map(|key| (key, since.get(&key).copied().unwrap_or(now)))
            .collect();
    }

    fn is_ripe(&self, table: Table, day: Day, grace: Duration, now: Instant) -> bool {
        let since = self.since.get(&(table, day));
        since.is_some_and(|since| now.duration_since(*since) >= grace)
    }
}

impl Keeper {
    /// Drops what a policy does not keep, at once. The day it is now stays.
    ///
    /// # Errors
    /// When the file system refuses; what was dropped until then stays dropped.
    pub fn prune(
        &mut self,
        policy: &RetentionPolicy,
        mode: PruneMode,
    ) -> Result<PruneReport, ArchiveError> {
        self.prune_at(policy, mode, now())
    }

    pub(super) fn prune_at(
        &mut self,
        policy: &RetentionPolicy,
        mode: PruneMode,
        now: UnixMillis,
    ) -> Result<PruneReport, ArchiveError> {
        let listing = self.list()?;
        let missing = self.space()?.missing(policy.min_free_bytes);
        let old = removals(&listing, policy, now, 0, |_, _| true);
        let waiting = self.waiting(&listing, &old, now)?;
        let may_go = |table, day| !waiting.contains(&(table, day));
        let removals = removals(&listing, policy, now, missing, may_go);
        let mut dropped = Vec::new();
        for removal in &removals {
            let is_awaited = self.is_lost(&listing, removal);
            dropped.push(told(removal, is_awaited));
            if mode == PruneMode::Apply {
                self.drop_day(removal, is_awaited)?;
            }
        }
        let freed: u64 = removals.iter().map(|removal| removal.n_bytes).sum();
        Ok(PruneReport {
            dropped,
            n_bytes: listing.n_bytes(),
            missing_bytes: missing.saturating_sub(freed),
        })
    }

    /// Drops what has been too old for a while, and what the disk does not let stay. Tells how many
    /// days of tables went.
    pub(super) fn prune_ripe(
        &mut self,
        listing: &Listing,
        now: UnixMillis,
    ) -> Result<usize, ArchiveError> {
        let policy = &self.options.retention;
        let missing = self.space()?.missing(policy.min_free_bytes);
        let uptime = Instant::now();
        let old = removals(listing, policy, now, 0, |_, _| true);
        self.ripening.note(&old, uptime);
        let waiting = self.waiting(listing, &old, now)?;
        let may_go = |table, day| {
            let is_ripe = self.ripening.is_ripe(table, day, policy.grace, uptime);
            is_ripe && !waiting.contains(&(table, day))
        };
        let removals = removals(listing, policy, now, missing, may_go);
        let freed: u64 = removals.iter().map(|removal| removal.n_bytes).sum();
        self.tell_of_shortage(missing.saturating_sub(freed));
        for removal in &removals {
            self.drop_day(removal, self.is_lost(listing, removal))?;
        }
        Ok(removals.len())
    }

    /// What is to be rolled up first, and of what is too old what the object store has to have first.
    fn waiting(
        &self,
        listing: &Listing,
        old: &[Removal],
        now: UnixMillis,
    ) -> Result<HashSet<(Table, Day)>, ArchiveError> {
        let mut waiting = rollups::waiting(listing, &self.damaged, now);
        for removal in old {
            if removal.reason == DropReason::Age && self.is_awaited(listing, removal)? {
                waiting.insert((removal.table, removal.day));
            }
        }
        Ok(waiting)
    }

    /// Whether the disk takes what the object store has not got. It does not wait for an answer.
    fn is_lost(&self, listing: &Listing, removal: &Removal) -> bool {
        removal.reason != DropReason::Age && self.is_awaited(listing, removal).unwrap_or(true)
    }

    fn is_awaited(&self, listing: &Listing, removal: &Removal) -> Result<bool, ArchiveError> {
        let (table, day) = (removal.table, removal.day);
        let files = listing.days.get(&(table, day)).into_iter();
        let files = files.flat_map(|files| &files.entries);
        let files = files.map(|entry| (entry.name, entry.n_bytes));
        self.uploaded.is_awaited(table, day, files)
    }

    fn tell_of_shortage(&mut self, missing: u64) {
        self.metrics.missing_bytes.set(missing.cast_signed());
        let is_told = self.ripening.warned;
        if missing > 0 && is_told.is_none_or(|told| told.elapsed() > WARN_EVERY) {
            warn!(
                missing_bytes = missing,
                "the disk has too little free space, and the archive has no older day to drop"
            );
            self.ripening.warned = Some(Instant::now());
        }
    }

    fn drop_day(&self, removal: &Removal, is_awaited: bool) -> Result<(), ArchiveError> {
        let Removal {
            table,
            day,
            reason,
            n_bytes,
        } = *removal;
        drop_day(&self.folder, table, day)?;
        info!(table = table.name(), %day, bytes = n_bytes, reason = reason.name(), "dropped a day of the archive");
        if is_awaited {
            self.metrics.dropped_awaited_bytes.inc_by(n_bytes);
            warn!(
                table = table.name(), %day, bytes = n_bytes, reason = reason.name(),
                "the object store does not have all of a day that had to go: \
                 see leadsman_object_store_failed_passes_total, or give the archive more room"
            );
        }
        let labels = [table.name(), reason.name()];
        self.metrics
            .dropped_bytes
            .with_label_values(&labels)
            .inc_by(n_bytes);
        self.metrics
            .dropped_partitions
            .with_label_values(&labels)
            .inc();
        Ok(())
    }

    pub(super) fn space(&self) -> Result<Space, ArchiveError> {
        match self.space {
            Some(space) => Ok(space),
            None => Space::of(self.folder.root()),
        }
    }
}

fn told(removal: &Removal, is_awaited: bool) -> Dropped {
    Dropped {
        table: removal.table.name(),
        day: removal.day.to_string(),
        reason: removal.reason,
        n_bytes: removal.n_bytes,
        is_awaited,
    }
}
