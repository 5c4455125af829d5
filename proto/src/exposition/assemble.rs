//! Puts a page together that is not the same as the one before.

use std::collections::HashMap;

use super::columns::{Columns, Reading};
use super::family::FamilyTable;
use super::issues::IssueReason;
use super::known::{Counts, HashIsKey, Known, Outcome, Slot};
use super::places::{Origin, Places};
use super::resolve::{RawSeries, Resolver, exceeds};
use super::{PageError, ScrapeFacts};
use crate::UnixMillis;
use crate::metrics::absent;

/// Identity of a piece of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) hash: u64,
    pub(super) length: usize,
}

/// A series of the page under way. Its index is its place on the page.
pub(super) struct Draft {
    pub(super) origin: Origin,
    pub(super) family_idx: u32,
}

/// Collects a page. What is known from the page before is not worked out again.
pub(super) struct Assembler<'a> {
    pub(super) resolver: &'a Resolver,
    pub(super) known: &'a Known,
    by_hash: HashMap<u64, Outcome, HashIsKey>,
    pub(super) families: FamilyTable,
    pub(super) slots: Vec<Slot>,
    pub(super) drafts: Vec<Draft>,
    pub(super) places: Places<'a>,
    /// Creation times: index into `slots`, identity of the series, time.
    pub(super) created: Vec<(usize, u64, UnixMillis)>,
    pub(super) columns: Columns,
    pub(super) counts: Counts,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(resolver: &'a Resolver, known: &'a Known, scrape: ScrapeFacts) -> Self {
        Self {
            resolver,
            known,
            by_hash: known.by_hash(),
            families: FamilyTable::default(),
            slots: Vec::with_capacity(known.slots.len()),
            drafts: Vec::with_capacity(known.layout.series.len()),
            places: Places::new(&known.layout),
            created: Vec::new(),
            columns: Columns::with_capacity(
                known.layout.series.len(),
                scrape,
                resolver.rules.timestamps,
            ),
            counts: Counts::default(),
        }
    }

    /// Remembers a run of metadata, which the caller has put into `families`.
    pub(super) fn meta(&mut self, key: Key) {
        self.push_slot(key, Outcome::Meta);
    }

    /// Takes one sample. `raw` reads its series, if it is not known.
    pub(super) fn sample<'t>(
        &mut self,
        key: Key,
        family_idx: u32,
        reading: Reading,
        raw: impl FnOnce() -> Result<RawSeries<'t>, PageError>,
    ) -> Result<(), PageError> {
        self.counts.n_scraped += 1;
        let Some(origin) = self.identify(key, family_idx, raw)? else {
            self.push_slot(key, Outcome::Dropped);
            return Ok(());
        };
        self.counts.n_post_relabel += 1;
        let limit = self.resolver.rules.sample_limit;
        if exceeds(self.counts.n_post_relabel, limit) {
            return Err(PageError::SampleLimit { limit });
        }
        let outcome = self.place(Draft { origin, family_idx }, reading);
        self.push_slot(key, outcome);
        Ok(())
    }

    /// Takes the creation time of `series`.
    pub(super) fn created(
        &mut self,
        key: Key,
        family_idx: u32,
        series: &RawSeries<'_>,
        time: UnixMillis,
    ) -> Result<(), PageError> {
        let kind = self
            .families
            .get(family_idx)
            .map(|family| family.kind)
            .unwrap_or_default();
        if let Some(labels) = self.resolver.resolve(series, kind)? {
            self.created.push((self.slots.len(), labels.hash64(), time));
        }
        self.push_slot(key, Outcome::CreatedOfNone);
        Ok(())
    }

    fn push_slot(&mut self, key: Key, outcome: Outcome) {
        self.slots.push(Slot {
            hash: key.hash,
            length: key.length,
            outcome,
        });
    }

    /// What the last good page knew of a line, unless its family has become another kind since:
    /// then the values of `le` and `quantile` may read otherwise.
    fn recall(&self, hash: u64, family_idx: u32) -> Option<Outcome> {
        let outcome = *self.by_hash.get(&hash)?;
        if let Outcome::Series(idx) = outcome {
            let layout = &self.known.layout;
            let before = layout
                .series
                .get(idx as usize)
                .and_then(|each| layout.family(each))?;
            let now = self.families.get(family_idx)?;
            return (before.kind == now.kind).then_some(outcome);
        }
        Some(outcome)
    }

    /// The series of a line, from memory or worked out; `None` if relabelling drops it.
    fn identify<'t>(
        &mut self,
        key: Key,
        family_idx: u32,
        raw: impl FnOnce() -> Result<RawSeries<'t>, PageError>,
    ) -> Result<Option<Origin>, PageError> {
        match self.recall(key.hash, family_idx) {
            Some(Outcome::Dropped) => return Ok(None),
            Some(Outcome::Series(idx)) => return Ok(Some(Origin::Known(idx))),
            _ => {}
        }
        let family = self.families.get(family_idx);
        let kind = family.map(|family| family.kind).unwrap_or_default();
        let Some(labels) = self.resolver.resolve(&raw()?, kind)? else {
            return Ok(None);
        };
        let origin = self.places.origin(labels);
        self.counts.n_added += usize::from(!self.places.is_taken(&origin));
        Ok(Some(origin))
    }

    fn place(&mut self, draft: Draft, reading: Reading) -> Outcome {
        if self.places.is_taken(&draft.origin) {
            let known = &self.known.layout.series;
            let example = || match &draft.origin {
                Origin::New(_, labels) => labels.to_string(),
                Origin::Known(idx) => {
                    let series = known.get(*idx as usize);
                    series
                        .map(|series| series.labels.to_string())
                        .unwrap_or_default()
                }
            };
            self.columns
                .issues
                .add(IssueReason::DuplicateSeries, example);
            return Outcome::Duplicate;
        }
        let idx = self.drafts.len() as u32;
        self.places.take(&draft.origin, idx);
        self.drafts.push(draft);
        self.columns.values.push(absent());
        self.columns.put_reading(idx, reading);
        Outcome::Series(idx)
    }
}
