//! Which days of which tables are to go. Pure: a listing, a policy and a time in, days out.
//!
//! The day that it is now stays, whatever the disk says: its rows are still being written, and
//! nothing older is left to drop then.

use std::collections::BTreeMap;

use proto::UnixMillis;

use super::listing::{DayFiles, Listing};
use super::policy::{RetentionPolicy, class, referrers};
use crate::archive::day::Day;
use crate::archive::table::Table;

/// Why a day goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Its rows are older than they are kept.
    Age,
    /// The tables are larger than they may be.
    Size,
    /// The disk has less free space than it must have.
    FreeSpace,
}

impl DropReason {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Age, Self::Size, Self::FreeSpace];

    /// What metrics and messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Size => "size",
            Self::FreeSpace => "free_space",
        }
    }
}

/// A day of a table that is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removal {
    pub(super) table: Table,
    pub(super) day: Day,
    pub(super) reason: DropReason,
    pub(super) n_bytes: u64,
}

/// What is to go, in the order in which it goes: what refers to rows before those rows. Days that
/// are too old go only where `may_go` says so. `missing_bytes` is the free space that the disk lacks.
pub(super) fn removals(
    listing: &Listing,
    policy: &RetentionPolicy,
    now: UnixMillis,
    missing_bytes: u64,
    may_go: impl Fn(Table, Day) -> bool,
) -> Vec<Removal> {
    let mut left = Left {
        days: listing.days.iter().collect(),
        n_bytes: listing.n_bytes(),
        removals: Vec::new(),
    };
    left.drop_old(policy, now, may_go);
    let too_large = policy
        .max_bytes
        .map_or(0, |max| left.n_bytes.saturating_sub(max));
    left.drop_bytes(now, too_large, DropReason::Size);
    let dropped: u64 = left.removals.iter().map(|removal| removal.n_bytes).sum();
    let missing = missing_bytes.saturating_sub(dropped);
    left.drop_bytes(now, missing, DropReason::FreeSpace);
    left.removals
}

/// What is left of the tables, and what went.
struct Left<'a> {
    days: BTreeMap<&'a (Table, Day), &'a DayFiles>,
    n_bytes: u64,
    removals: Vec<Removal>,
}

impl Left<'_> {
    fn drop_old(
        &mut self,
        policy: &RetentionPolicy,
        now: UnixMillis,
        may_go: impl Fn(Table, Day) -> bool,
    ) {
        let is_old = |table, day: Day| {
            let age = u64::try_from(now.0 - day.end().0).unwrap_or(0);
            u128::from(age) >= policy.age(table).as_millis()
        };
        for (table, day) in self.in_order() {
            if is_old(table, day) && may_go(table, day) && !self.is_referred_to(table, day) {
                self.remove(table, day, DropReason::Age);
            }
        }
    }

    /// Drops days until that many bytes are gone. Rows that no other ones refer to any more go with
    /// the last that did.
    fn drop_bytes(&mut self, now: UnixMillis, n_bytes: u64, reason: DropReason) {
        let enough = self.n_bytes.saturating_sub(n_bytes);
        for (table, day) in self.in_order() {
            if self.n_bytes <= enough {
                return;
            }
            // Neither today nor a day of a clock that was ahead.
            if day.end() <= now && !self.is_referred_to(table, day) {
                self.remove(table, day, reason);
            }
        }
    }

    /// All that is left, in the order in which it may go: the finest first, of these the oldest day,
    /// and of a day what refers to rows before those rows. Rows that are referred to come last of
    /// their resolution's day, and once more after what else may refer to them.
    fn in_order(&self) -> Vec<(Table, Day)> {
        let mut order = Vec::new();
        for &&(table, day) in self.days.keys() {
            let last = referrers(table).iter().map(|referrer| class(*referrer));
            let last = last.max().unwrap_or(class(table)).max(class(table));
            // A table that is referred to is before those that refer to it in `Table`'s order.
            let key = |class| (class, day, std::cmp::Reverse(table));
            order.push((key(class(table)), (table, day)));
            if last != class(table) {
                order.push((key(last), (table, day)));
            }
        }
        order.sort_unstable_by_key(|(key, _)| *key);
        order.into_iter().map(|(_, table_day)| table_day).collect()
    }

    fn is_referred_to(&self, table: Table, day: Day) -> bool {
        let mut referrers = referrers(table).iter();
        referrers.any(|referrer| self.days.contains_key(&(*referrer, day)))
    }

    fn remove(&mut self, table: Table, day: Day, reason: DropReason) {
        if let Some(files) = self.days.remove(&(table, day)) {
            let n_bytes = files.n_bytes();
            self.n_bytes -= n_bytes;
            self.removals.push(Removal {
                table,
                day,
                reason,
                n_bytes,
            });
        }
    }
}
