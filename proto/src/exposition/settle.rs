//! From an assembled page to its layout: the old one if it still fits, otherwise a new one.

use std::collections::HashMap;
use std::sync::Arc;

use super::assemble::{Assembler, Draft};
use super::columns::Columns;
use super::known::{Known, Outcome};
use super::places::Origin;
use super::report::{self, N_REPORTS};
use crate::metrics::{Family, Layout, Series, absent, stale_marker};

/// A page, settled: what to remember of it, and its columns, which lack the reports' values.
pub(super) struct Settled {
    pub(super) known: Known,
    pub(super) columns: Columns,
}

impl Assembler<'_> {
    /// Settles the page. `was_live` holds the series of the last good page's layout that get a
    /// stale marker if they are gone.
    pub(super) fn settle(mut self, was_live: &[u32]) -> Settled {
        self.settle_created();
        let vanished = was_live
            .iter()
            .copied()
            .filter(|idx| self.places.is_free(*idx));
        let vanished: Vec<u32> = vanished.collect();
        let layout = match self.known_places() {
            Some(places) => self.keep_layout(&places, &vanished),
            None => self.build_layout(&vanished),
        };
        // What grew is kept for as long as the target's page stays as it is.
        self.slots.shrink_to_fit();
        let known = Known {
            layout,
            slots: self.slots,
            counts: self.counts,
        };
        Settled {
            known,
            columns: self.columns,
        }
    }

    /// Gives the creation times to their series, now that all series are there.
    fn settle_created(&mut self) {
        for (slot_idx, id, time) in std::mem::take(&mut self.created) {
            let Some(series_idx) = self.places.of_id(id) else {
                continue;
            };
            if let Some(slot) = self.slots.get_mut(slot_idx) {
                slot.outcome = Outcome::Created(series_idx);
            }
            self.columns.put_created(series_idx, time);
        }
    }

    /// Where each series is in the known layout, if that can stay: it has them all with the same
    /// metadata, and at least half of it is in use.
    fn known_places(&self) -> Option<Vec<u32>> {
        let layout = &self.known.layout;
        let n_known = layout.series.len().saturating_sub(N_REPORTS);
        if self.drafts.len() * 2 < n_known {
            return None;
        }
        let mut compared = None;
        let place = |draft: &Draft| {
            let Origin::Known(idx) = draft.origin else {
                return None;
            };
            let series = layout.series.get(idx as usize)?;
            let pair = (draft.family_idx, series.family_idx);
            if compared != Some(pair) {
                let is_same = self.families.get(draft.family_idx) == layout.family(series);
                compared = is_same.then_some(pair);
            }
            compared.map(|_| idx)
        };
        self.drafts.iter().map(place).collect()
    }

    fn keep_layout(&mut self, places: &[u32], vanished: &[u32]) -> Arc<Layout> {
        let layout = Arc::clone(&self.known.layout);
        self.columns.scatter(places, layout.series.len());
        for slot in &mut self.slots {
            if let Outcome::Series(idx) | Outcome::Created(idx) = &mut slot.outcome {
                *idx = places.get(*idx as usize).copied().unwrap_or(*idx);
            }
        }
        for idx in vanished {
            self.columns.put(*idx, stale_marker());
        }
        layout
    }

    /// Series of the page in its order, then those that get their stale marker, then the reports.
    fn build_layout(&mut self, vanished: &[u32]) -> Arc<Layout> {
        let before = &self.known.layout;
        let mut families = std::mem::take(&mut self.families).into_vec();
        let drafts = std::mem::take(&mut self.drafts);
        let mut series = Vec::with_capacity(drafts.len() + vanished.len() + N_REPORTS);
        series.extend(
            drafts
                .into_iter()
                .filter_map(|draft| draft.into_series(before)),
        );
        let mut moved = MovedFamilies::default();
        for idx in vanished {
            let Some(gone) = before.series.get(*idx as usize) else {
                continue;
            };
            let family_idx = moved.place(before, gone, &mut families);
            series.push(Series {
                family_idx,
                ..gone.clone()
            });
            self.columns.values.push(stale_marker());
        }
        series.extend(report::series(&self.resolver.target, families.len()));
        families.extend(report::families());
        self.columns.values.resize(series.len(), absent());
        series.shrink_to_fit();
        Arc::new(Layout::new(
            Arc::clone(&self.resolver.target),
            families,
            series,
        ))
    }
}

impl Draft {
    fn into_series(self, before: &Layout) -> Option<Series> {
        let family_idx = self.family_idx;
        match self.origin {
            Origin::New(id, labels) => Some(Series {
                id,
                labels,
                family_idx,
            }),
            Origin::Known(idx) => Some(Series {
                family_idx,
                ..before.series.get(idx as usize)?.clone()
            }),
        }
    }
}

/// Families of vanished series, carried over from the layout before.
#[derive(Default)]
struct MovedFamilies {
    places: HashMap<u32, u32>,
}

impl MovedFamilies {
    fn place(&mut self, before: &Layout, series: &Series, families: &mut Vec<Family>) -> u32 {
        *self.places.entry(series.family_idx).or_insert_with(|| {
            let family = before.family(series).cloned().unwrap_or_default();
            match families
                .iter()
                .position(|candidate| candidate.name == family.name)
            {
                Some(idx) => idx as u32,
                None => {
                    families.push(family);
                    (families.len() - 1) as u32
                }
            }
        })
    }
}
