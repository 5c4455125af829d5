//! Each thing once, named by a small number.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Items in the order in which they came, each once. `T` should be cheap to clone.
#[derive(Debug)]
pub(super) struct Interner<T> {
    ids: HashMap<T, u32>,
    items: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            ids: HashMap::new(),
            items: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The number of `item`, and whether it is new.
    pub(super) fn intern<Q>(&mut self, item: &Q) -> (u32, Novelty)
    where
        T: Borrow<Q> + for<'q> From<&'q Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(id) = self.ids.get(item) {
            return (*id, Novelty::Known);
        }
        let id = self.items.len() as u32;
        let item = T::from(item);
        self.items.push(item.clone());
        self.ids.insert(item, id);
        (id, Novelty::New)
    }

    /// The item of a number that this interner gave.
    pub(super) fn get(&self, id: u32) -> &T {
        &self.items[id as usize]
    }
}

/// Whether an item was interned before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    /// It was not.
    New,
    /// It was.
    Known,
}
