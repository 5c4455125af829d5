//! Which series are on the page so far, and where.

use std::collections::HashMap;

use super::known::HashIsKey;
use super::report::N_REPORTS;
use crate::Labels;
use crate::metrics::{Layout, SeriesId};

/// Where a series of the page comes from.
pub(super) enum Origin {
    /// Index into the layout of the last good page.
    Known(u32),
    /// It is not in that layout.
    New(SeriesId, Labels),
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Free,
    /// Index among the series of the page.
    At(u32),
    /// It is a report, which no page may overwrite.
    Reserved,
}

/// The places of the series of one page.
pub(super) struct Places<'a> {
    layout: &'a Layout,
    /// By index into the known layout.
    of_known: Vec<Place>,
    of_new: HashMap<u64, u32, HashIsKey>,
    /// The known layout's indices by identity; filled when the first new line turns up.
    known_by_id: HashMap<u64, u32, HashIsKey>,
}

impl<'a> Places<'a> {
    /// No series is on the page yet. `layout` is the last good page's.
    pub(super) fn new(layout: &'a Layout) -> Self {
        let mut of_known = vec![Place::Free; layout.series.len()];
        of_known
            .iter_mut()
            .rev()
            .take(N_REPORTS)
            .for_each(|place| *place = Place::Reserved);
        Self {
            layout,
            of_known,
            of_new: HashMap::default(),
            known_by_id: HashMap::default(),
        }
    }

    /// Looks for labels in the known layout.
    pub(super) fn origin(&mut self, labels: Labels) -> Origin {
        let id = SeriesId(labels.hash64());
        match self.known_idx(id.0) {
            Some(idx) => Origin::Known(idx),
            None => Origin::New(id, labels),
        }
    }

    /// Whether the series has its place already.
    pub(super) fn is_taken(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Known(idx) => self.place(*idx) != Place::Free,
            Origin::New(id, _) => self.of_new.contains_key(&id.0),
        }
    }

    /// Gives the series its place.
    pub(super) fn take(&mut self, origin: &Origin, idx: u32) {
        match origin {
            Origin::New(id, _) => drop(self.of_new.insert(id.0, idx)),
            Origin::Known(known_idx) => {
                if let Some(place) = self.of_known.get_mut(*known_idx as usize) {
                    *place = Place::At(idx);
                }
            }
        }
    }

    /// Where the series with this identity is on the page.
    pub(super) fn of_id(&mut self, id: u64) -> Option<u32> {
        match self.known_idx(id).map(|idx| self.place(idx)) {
            Some(Place::At(idx)) => Some(idx),
            Some(_) => None,
            None => self.of_new.get(&id).copied(),
        }
    }

    /// Whether a series of the known layout is not on the page.
    pub(super) fn is_free(&self, known_idx: u32) -> bool {
        self.place(known_idx) == Place::Free
    }

    fn place(&self, known_idx: u32) -> Place {
        self.of_known
            .get(known_idx as usize)
            .copied()
            .unwrap_or(Place::Reserved)
    }

    fn known_idx(&mut self, id: u64) -> Option<u32> {
        if self.known_by_id.is_empty() {
            let known = self.layout.series.iter().zip(0..);
            self.known_by_id = known.map(|(series, idx)| (series.id.0, idx)).collect();
        }
        self.known_by_id.get(&id).copied()
    }
}
