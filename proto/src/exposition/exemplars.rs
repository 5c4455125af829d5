//! Which exemplars the scrape before had. A target exposes one until it has another; it is passed
//! on once, as Prometheus' storage keeps it once.

use std::collections::HashSet;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::known::HashIsKey;
use crate::metrics::{Exemplar, Layout, MetricBatch};

/// Hashes of the exemplars of the last page.
#[derive(Debug, Default)]
pub(super) struct KnownExemplars {
    hashes: HashSet<u64, HashIsKey>,
}

impl KnownExemplars {
    /// Leaves out of `batch` what the batch before had.
    pub(super) fn keep_new(&mut self, batch: &mut MetricBatch) {
        let layout = Arc::clone(&batch.layout);
        let mut hashes = HashSet::default();
        batch.exemplars.retain(|exemplar| {
            let hash = hash(&layout, exemplar);
            hashes.insert(hash);
            !self.hashes.contains(&hash)
        });
        self.hashes = hashes;
    }
}

fn hash(layout: &Layout, exemplar: &Exemplar) -> u64 {
    let mut hasher = Xxh3::new();
    if let Some(series) = layout.series.get(exemplar.series_idx as usize) {
        hasher.update(&series.id.0.to_le_bytes());
    }
    hasher.update(&exemplar.value.to_bits().to_le_bytes());
    if let Some(time) = exemplar.time {
        hasher.update(&time.0.to_le_bytes());
    }
    hasher.update(exemplar.labels.as_packed());
    hasher.digest()
}
