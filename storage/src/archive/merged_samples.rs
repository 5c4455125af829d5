//! Samples of a capture with equal stacks and labels, summed up.

use std::collections::HashMap;

/// Samples of one capture, each pair of stack and labels once.
pub(super) struct MergedSamples {
    n_types: usize,
    places: HashMap<(u64, u32), usize>,
    keys: Vec<(u64, u32)>,
    /// Row by row, `n_types` a sample.
    values: Vec<i64>,
}

impl MergedSamples {
    pub(super) fn new(n_types: usize) -> Self {
        Self {
            n_types,
            places: HashMap::new(),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a sample with a value for each type.
    pub(super) fn add(&mut self, stack_id: u64, labels: u32, values: &[i64]) {
        let key = (stack_id, labels);
        let place = *self.places.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.values.extend(std::iter::repeat_n(0, self.n_types));
            self.keys.len() - 1
        });
        let sums = self
            .values
            .iter_mut()
            .skip(place * self.n_types)
            .take(self.n_types);
        for (sum, value) in sums.zip(values) {
            *sum = sum.saturating_add(*value);
        }
    }

    /// Stack, labels and values of each sample, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32, &[i64])> {
        let values = self.values.chunks_exact(self.n_types.max(1));
        self.keys
            .iter()
            .zip(values)
            .map(|((stack_id, labels), values)| (*stack_id, *labels, values))
    }
}
