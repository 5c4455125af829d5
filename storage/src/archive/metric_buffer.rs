//! Scrapes that are not in a file yet.
//!
//! A scrape stays as it came, a shared column of values over a shared layout: eight bytes a
//! sample, nothing to convert on the way in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Weak};

use proto::metrics::{Layout, LayoutId, MetricBatch};

use super::day::Day;
use super::metric_day::MetricDay;
use crate::layout_part::{FIRST_LAYOUT_DIVISOR, LayoutPart};

/// Samples of each series that are worth a flush. A file costs something for each series in it: a
/// place in the order, a wait for memory, an id, and all of it again when files are merged. With a
/// million series 16 MiB held less than one sample of each (`benches/archive.rs`).
const SAMPLES_A_SERIES: usize = 8;

/// Scrapes by the days on which they have samples.
#[derive(Debug, Default)]
pub(super) struct MetricBuffer {
    days: BTreeMap<Day, MetricDay>,
    layouts: HashMap<LayoutId, Arc<Layout>>,
    /// Those before the last flush. Most come back.
    former: HashMap<LayoutId, Weak<Layout>>,
    /// What has a layout among those.
    parts: HashSet<LayoutPart>,
    /// In the first layouts of those.
    n_series: usize,
    n_bytes: usize,
    n_outside: usize,
}

impl MetricBuffer {
    /// Empty, but for knowing the layouts there were.
    pub(super) fn next(&self) -> Self {
        let layouts = self.layouts.iter();
        Self {
            former: layouts
                .map(|(id, layout)| (*id, Arc::downgrade(layout)))
                .collect(),
            ..Self::default()
        }
    }

    /// Adds a scrape. Samples whose time has no day are counted and left out.
    pub(super) fn push(&mut self, batch: &Arc<MetricBatch>) {
        self.n_bytes += batch_bytes(batch);
        let batch = self.with_known_layout(batch);
        for day in self.days_of(&batch) {
            let of_day = self.days.entry(day).or_insert_with(|| MetricDay::new(day));
            of_day.push(Arc::clone(&batch));
        }
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// What it should hold before a flush: some samples of each series. Bytes.
    pub(super) fn worthwhile_bytes(&self) -> usize {
        SAMPLES_A_SERIES * size_of::<f64>() * self.n_series
    }

    /// Samples left out because their time has no day.
    pub(super) fn n_outside(&self) -> usize {
        self.n_outside
    }

    /// Makes ready for a flush.
    pub(super) fn turn(&mut self) {
        self.days.values_mut().for_each(MetricDay::turn);
    }

    /// The days with their scrapes.
    pub(super) fn days(&self) -> impl Iterator<Item = (Day, &MetricDay)> {
        self.days.iter().map(|(day, scrapes)| (*day, scrapes))
    }

    /// A scrape that was read from the log's files came with a layout of its own: of equal ones one
    /// is kept.
    fn with_known_layout(&mut self, batch: &Arc<MetricBatch>) -> Arc<MetricBatch> {
        let id = batch.layout.id;
        if !self.layouts.contains_key(&id) {
            self.count(&batch.layout);
            let former = self.former.get(&id).and_then(Weak::upgrade);
            let layout = former.unwrap_or_else(|| Arc::clone(&batch.layout));
            self.layouts.insert(id, layout);
        }
        match self.layouts.get(&id) {
            Some(layout) if !Arc::ptr_eq(layout, &batch.layout) => Arc::new(MetricBatch {
                layout: Arc::clone(layout),
                ..MetricBatch::clone(batch)
            }),
            _ => Arc::clone(batch),
        }
    }

    /// Counts a layout that is new here.
    fn count(&mut self, layout: &Layout) {
        let n_bytes = layout_bytes(layout);
        if self.parts.insert(LayoutPart::of(layout)) {
            self.n_series += layout.series.len();
            self.n_bytes += n_bytes / FIRST_LAYOUT_DIVISOR;
        } else {
            self.n_bytes += n_bytes;
        }
    }

    fn days_of(&mut self, batch: &MetricBatch) -> Vec<Day> {
        if batch.timestamps.is_empty() {
            let day = Day::of(batch.time);
            self.n_outside += if day.is_none() { batch.values.len() } else { 0 };
            return day.into_iter().collect();
        }
        let mut days: Vec<Day> = Vec::new();
        for time in &batch.timestamps {
            match Day::of(*time) {
                Some(day) if !days.contains(&day) => days.push(day),
                Some(_) => {}
                None => self.n_outside += 1,
            }
        }
        days
    }
}

fn batch_bytes(batch: &MetricBatch) -> usize {
    let histograms: usize = batch
        .histograms
        .iter()
        .map(|h| 200 + 8 * (h.positive_counts.len() + h.negative_counts.len()))
        .sum();
    let exemplars: usize = batch
        .exemplars
        .iter()
        .map(|e| 64 + e.labels.as_packed().len())
        .sum();
    200 + 8 * (batch.values.len() + batch.timestamps.len()) + histograms + exemplars
}

fn layout_bytes(layout: &Layout) -> usize {
    let series: usize = layout
        .series
        .iter()
        .map(|s| 40 + s.labels.as_packed().len())
        .sum();
    let families: usize = layout
        .families
        .iter()
        .map(|f| 80 + f.name.len() + f.help.len() + f.unit.len())
        .sum();
    series + families
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::{NOW, layout, target};

    /// A scrape with a layout of its own, and whether that is still held.
    fn scrape_of_its_own(of: &Layout) -> (Arc<MetricBatch>, Weak<Layout>) {
        let layout = Arc::new(of.clone());
        let held = Arc::downgrade(&layout);
        let batch = MetricBatch::new(layout, NOW, vec![1.0; of.series.len()]);
        (Arc::new(batch), held)
    }

    #[test]
    fn of_equal_layouts_one_is_held_also_after_a_flush() {
        let page = layout(&target("a:1"), &["get", "put"]);
        let mut buffer = MetricBuffer::default();
        buffer.push(&Arc::new(MetricBatch::new(
            Arc::clone(&page),
            NOW,
            vec![1.0, 2.0],
        )));
        for _ in 0..2 {
            let (batch, held) = scrape_of_its_own(&page);
            buffer.push(&batch);
            let n_batches = Arc::strong_count(&batch);
            drop(batch);
            assert_eq!((n_batches, held.strong_count()), (1, 0));
            buffer = buffer.next();
        }
        // Nobody else has it any longer.
        drop(page);
        buffer = buffer.next();
        let (batch, held) = scrape_of_its_own(&layout(&target("a:1"), &["get", "put"]));
        buffer.push(&batch);
        drop(batch);
        assert!(held.strong_count() > 0);
    }
}
