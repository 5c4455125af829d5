//! The operations of one service.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::metrics::{Layout, MetricBatch, stale_marker};
use proto::otlp::calls::Call;
use proto::{Labels, Target, UnixMillis};

use super::Beyond;
use super::operation::Operation;
use super::page::{self, COUNT_AT, N_SERIES};

#[derive(Debug)]
pub(super) struct Service {
    target: Arc<Target>,
    /// By name; of each there are as many as it has kinds and statuses.
    named: BTreeMap<String, Vec<Operation>>,
    n_named: usize,
    /// What is beyond the limit, by kind and status.
    beyond: Vec<Operation>,
    /// While no operation came or went.
    layout: Option<Arc<Layout>>,
}

impl Service {
    pub(super) fn new(name: &str, external: &Labels) -> Self {
        Self {
            target: Arc::new(page::target(name, external)),
            named: BTreeMap::new(),
            n_named: 0,
            beyond: Vec::new(),
            layout: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.n_operations() == 0
    }

    pub(super) fn n_operations(&self) -> usize {
        self.n_named + self.beyond.len()
    }

    /// Counts a call; beyond `limit` named operations without its name.
    pub(super) fn count(&mut self, call: &Call<'_>, limit: usize) -> Option<Beyond> {
        let of_name = self.named.get_mut(call.name);
        let known = of_name.and_then(|all| all.iter_mut().find(|one| one.is_of(call)));
        if let Some(operation) = known {
            operation.count(call);
            return None;
        }
        if self.n_named >= limit {
            self.count_beyond(call);
            return Some(Beyond::Operations);
        }
        let of_name = self.named.entry(call.name.to_owned()).or_default();
        count_among(of_name, call);
        self.n_named += 1;
        None
    }

    /// Counts a call without its name.
    pub(super) fn count_beyond(&mut self, call: &Call<'_>) {
        count_among(&mut self.beyond, call);
    }

    /// The samples at `time`. What ended is gone behind it.
    pub(super) fn beat(&mut self, time: UnixMillis) -> MetricBatch {
        if self.operations().any(|(_, operation)| operation.is_new()) {
            self.layout = None;
        }
        let layout = self.layout();
        let mut batch = MetricBatch::new(layout, time, Vec::new());
        let mut is_over = false;
        let named = self.named.values_mut().flatten();
        for operation in named.chain(&mut self.beyond) {
            let ends = operation.tell(time);
            put(&mut batch, operation, ends);
            is_over |= ends;
        }
        if is_over {
            self.forget(time);
        }
        batch
    }

    /// Lets go of what was told for the last time at `time`.
    fn forget(&mut self, time: UnixMillis) {
        self.layout = None;
        for operations in self.named.values_mut() {
            operations.retain_mut(|operation| !operation.tell(time));
        }
        self.named.retain(|_, operations| !operations.is_empty());
        self.n_named = self.named.values().map(Vec::len).sum();
        self.beyond.retain_mut(|operation| !operation.tell(time));
    }

    fn layout(&mut self) -> Arc<Layout> {
        if let Some(layout) = &self.layout {
            return Arc::clone(layout);
        }
        let layout = Arc::new(page::layout(&self.target, self.operations()));
        self.layout = Some(Arc::clone(&layout));
        layout
    }

    /// All operations in the order of the page.
    fn operations(&self) -> impl Iterator<Item = (Option<&str>, &Operation)> {
        let named = self.named.iter().flat_map(|(name, operations)| {
            let named = operations.iter();
            named.map(|operation| (Some(name.as_str()), operation))
        });
        named.chain(self.beyond.iter().map(|operation| (None, operation)))
    }
}

fn count_among(operations: &mut Vec<Operation>, call: &Call<'_>) {
    if let Some(operation) = operations.iter_mut().find(|one| one.is_of(call)) {
        operation.count(call);
        return;
    }
    let mut operation = Operation::new(call.kind, call.status);
    operation.count(call);
    operations.push(operation);
}

/// Puts the samples of an operation behind the others.
fn put(batch: &mut MetricBatch, operation: &Operation, ends: bool) {
    let first = batch.values.len();
    if ends {
        let stale = std::iter::repeat_n(stale_marker(), N_SERIES);
        batch.values.extend(stale);
        return;
    }
    batch.values.extend(operation.samples(batch.time));
    if let Some(born) = operation.born() {
        let counters = [first, first + COUNT_AT];
        let created = counters.map(|idx| (u32::try_from(idx).unwrap_or(u32::MAX), born));
        batch.created.extend(created);
    }
}
