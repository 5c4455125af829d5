//! The ids that entries of a table are given in a message.

use std::collections::HashMap;

use super::error::PprofError;

/// The ids a message gives its entries → their index. Writers count from 1, so that most ids are
/// an index into a vector; strange ones (addresses, hashes) go to a map.
#[derive(Default)]
pub(super) struct IdMap {
    table: &'static str,
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
}

/// No entry. A table has fewer: the decoder takes fewer bytes than `u32::MAX`.
const VACANT: u32 = u32::MAX;

impl IdMap {
    pub(super) fn new(table: &'static str, n_entries: usize) -> Self {
        Self {
            table,
            dense: vec![VACANT; n_entries + 1],
            sparse: HashMap::new(),
        }
    }

    pub(super) fn insert(&mut self, id: u64, idx: usize) -> Result<(), PprofError> {
        let bad = PprofError::BadId {
            table: self.table,
            id,
        };
        if id == 0 {
            return Err(bad);
        }
        let slot = usize::try_from(id)
            .ok()
            .and_then(|id| self.dense.get_mut(id));
        let before = match slot {
            Some(slot) => std::mem::replace(slot, idx as u32),
            None => self.sparse.insert(id, idx as u32).unwrap_or(VACANT),
        };
        if before == VACANT { Ok(()) } else { Err(bad) }
    }

    #[inline]
    pub(super) fn get(&self, id: u64) -> Result<u32, PprofError> {
        match usize::try_from(id).ok().and_then(|id| self.dense.get(id)) {
            Some(&idx) if idx != VACANT => Ok(idx),
            _ => self
                .sparse
                .get(&id)
                .copied()
                .ok_or_else(|| self.dangling(id)),
        }
    }

    #[cold]
    fn dangling(&self, id: u64) -> PprofError {
        PprofError::Dangling {
            table: self.table,
            reference: id,
        }
    }
}
