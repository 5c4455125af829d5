//! Findings that are not in a file yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::Finding;

use super::day::Day;

/// Rows of `findings` by their day.
#[derive(Debug, Default)]
pub(super) struct FindingBuffer {
    days: BTreeMap<Day, Vec<Arc<Finding>>>,
    n_bytes: usize,
    n_outside: usize,
}

impl FindingBuffer {
    /// Adds a finding. One whose time has no day is counted and left out.
    pub(super) fn push(&mut self, finding: &Arc<Finding>) {
        let Some(day) = Day::of(finding.time) else {
            self.n_outside += 1;
            return;
        };
        self.n_bytes += finding.n_bytes();
        let rows = self.days.entry(day).or_default();
        rows.push(Arc::clone(finding));
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Findings left out because their time has no day.
    pub(super) fn n_outside(&self) -> usize {
        self.n_outside
    }

    /// Rows of each day, in the table's order.
    pub(super) fn days(&self) -> impl Iterator<Item = (Day, Vec<&Finding>)> {
        self.days.iter().map(|(day, findings)| {
            let mut rows: Vec<&Finding> = findings.iter().map(|finding| &**finding).collect();
            rows.sort_by_key(|finding| finding.time);
            (*day, rows)
        })
    }
}
