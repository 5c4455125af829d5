//! Samples that are worked out from others: one layout a target, as for a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::metrics::{Family, Layout, MetricBatch, Series, SeriesId, absent, stale_marker};
use proto::{Labels, LabelsBuilder, Target, UnixMillis};

/// Most series of one family of one target: what an expression that keeps labels can make.
const MAX_SERIES: usize = 100;

/// Label pairs sorted by name, without the metric's name and without those of the target.
pub(crate) type LabelPairs<'a> = Vec<(&'a str, &'a str)>;

/// One value with its labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element<'a> {
    pub(crate) labels: LabelPairs<'a>,
    pub(crate) value: f64,
}

/// What is derived for one target over time. Series stay once they were there, so that the layout
/// is shared by most batches.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    target: Arc<Target>,
    families: Arc<[Family]>,
    /// By family (an index into `families`) and identity.
    series: BTreeMap<(usize, SeriesId), Known>,
    /// Of `series`, while none came or went.
    layout: Option<Arc<Layout>>,
}

#[derive(Clone, Debug)]
struct Known {
    labels: Labels,
    value: f64,
    /// In the batch before it had a value.
    is_alive: bool,
}

impl Derived {
    /// Nothing yet. `families` are those that there can be.
    pub(crate) fn new(target: Arc<Target>, families: Arc<[Family]>) -> Self {
        Self {
            target,
            families,
            series: BTreeMap::new(),
            layout: None,
        }
    }

    /// The samples of one time: `results` has the elements of each family, in their order.
    /// What had a value before and has none is marked stale. `None` if there is nothing to say.
    /// The second is the number of values that were left out because a family had too many.
    pub(crate) fn batch<'a>(
        &mut self,
        time: UnixMillis,
        results: impl IntoIterator<Item = Vec<Element<'a>>>,
    ) -> (Option<MetricBatch>, usize) {
        self.forget_the_dead();
        let mut n_left_out = 0;
        let families = Arc::clone(&self.families);
        for (family_idx, (family, elements)) in families.iter().zip(results).enumerate() {
            let mut finite = elements.iter().filter(|element| element.value.is_finite());
            for element in finite.by_ref().take(MAX_SERIES) {
                self.set(family_idx, family, element);
            }
            n_left_out += finite.count();
        }
        let is_told = self.series.values().any(Known::is_told);
        let batch = is_told.then(|| {
            let values = self.series.values_mut().map(Known::tell).collect();
            MetricBatch::new(self.layout(), time, values)
        });
        (batch, n_left_out)
    }

    fn set(&mut self, family_idx: usize, family: &Family, element: &Element<'_>) {
        let mut labels = LabelsBuilder::from(&self.target.labels);
        labels.set("__name__", family.name.as_str());
        for (name, value) in &element.labels {
            labels.set(*name, *value);
        }
        let labels = labels.build();
        let id = SeriesId(labels.hash64());
        let layout = &mut self.layout;
        let known = self.series.entry((family_idx, id)).or_insert_with(|| {
            *layout = None;
            Known {
                labels,
                value: absent(),
                is_alive: false,
            }
        });
        known.value = element.value;
    }

    /// Lets go of series that are gone once they are more than those that are there.
    fn forget_the_dead(&mut self) {
        let n_alive = self.series.values().filter(|known| known.is_alive).count();
        if self.series.len() > 2 * n_alive + MAX_SERIES {
            self.series.retain(|_, known| known.is_alive);
            self.layout = None;
        }
    }

    fn layout(&mut self) -> Arc<Layout> {
        let (target, families, series) = (&self.target, &self.families, &self.series);
        let make = || Arc::new(layout(Arc::clone(target), families, series));
        Arc::clone(self.layout.get_or_insert_with(make))
    }
}

impl Known {
    /// Whether the next batch has something of it.
    fn is_told(&self) -> bool {
        self.is_alive || self.value.is_finite()
    }

    /// Its sample in a batch; the next one begins without a value.
    fn tell(&mut self) -> f64 {
        let value = std::mem::replace(&mut self.value, absent());
        let was_alive = std::mem::replace(&mut self.is_alive, value.is_finite());
        match was_alive && !self.is_alive {
            true => stale_marker(),
            false => value,
        }
    }
}

/// Only with the families that have series.
fn layout(
    target: Arc<Target>,
    all: &[Family],
    known: &BTreeMap<(usize, SeriesId), Known>,
) -> Layout {
    let mut families = Vec::new();
    let mut last = None;
    let mut series = Vec::with_capacity(known.len());
    for ((family_idx, id), known) in known {
        if last.replace(*family_idx) != Some(*family_idx) {
            families.extend(all.get(*family_idx).cloned());
        }
        series.push(Series {
            id: *id,
            labels: known.labels.clone(),
            family_idx: families.len().saturating_sub(1) as u32,
        });
    }
    Layout::new(target, families, series)
}
