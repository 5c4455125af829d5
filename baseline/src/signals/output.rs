//! Signals as samples: one layout a target, as for a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::metrics::{
    Family, Layout, MetricBatch, MetricKind, Series, SeriesId, absent, stale_marker,
};
use proto::{Labels, LabelsBuilder, Target, UnixMillis};

use super::eval::Element;
use super::program::{Definition, Program};

/// Most series of one signal of one target: what an expression that keeps labels can make.
const MAX_SERIES: usize = 100;

/// The signals of one target over time. Series stay once they were there, so that the layout is
/// shared by most batches.
#[derive(Debug)]
pub(super) struct Output {
    target: Arc<Target>,
    /// By signal (an index into the program) and identity.
    series: BTreeMap<(usize, SeriesId), Known>,
    /// Of `series`, while none came or went.
    layout: Option<Arc<Layout>>,
}

#[derive(Debug)]
struct Known {
    labels: Labels,
    value: f64,
    /// In the batch before it had a value.
    is_alive: bool,
}

impl Output {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            series: BTreeMap::new(),
            layout: None,
        }
    }

    /// The samples of one evaluation: `results` has the elements of each signal of `program`.
    /// What had a value before and has none is marked stale. `None` if there is nothing to say.
    /// The second is the number of values that were left out because a signal had too many.
    pub(super) fn batch<'a>(
        &mut self,
        program: &Program,
        time: UnixMillis,
        results: impl Iterator<Item = Vec<Element<'a>>>,
    ) -> (Option<MetricBatch>, usize) {
        self.forget_the_dead();
        let mut n_left_out = 0;
        for (signal_idx, elements) in results.enumerate() {
            let Some(signal) = program.signals.get(signal_idx) else {
                break;
            };
            let mut finite = elements.iter().filter(|element| element.value.is_finite());
            for element in finite.by_ref().take(MAX_SERIES) {
                self.set(signal_idx, &signal.definition, element);
            }
            n_left_out += finite.count();
        }
        let is_told = self.series.values().any(Known::is_told);
        let batch = is_told.then(|| {
            let values = self.series.values_mut().map(Known::tell).collect();
            MetricBatch::new(self.layout(program), time, values)
        });
        (batch, n_left_out)
    }

    fn set(&mut self, signal_idx: usize, definition: &Definition, element: &Element<'_>) {
        let mut labels = LabelsBuilder::from(&self.target.labels);
        labels.set("__name__", definition.metric.as_str());
        for (name, value) in &element.labels {
            labels.set(*name, *value);
        }
        let labels = labels.build();
        let id = SeriesId(labels.hash64());
        let layout = &mut self.layout;
        let known = self.series.entry((signal_idx, id)).or_insert_with(|| {
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

    fn layout(&mut self, program: &Program) -> Arc<Layout> {
        let (target, series) = (&self.target, &self.series);
        let make = || Arc::new(layout(program, Arc::clone(target), series));
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

fn layout(
    program: &Program,
    target: Arc<Target>,
    known: &BTreeMap<(usize, SeriesId), Known>,
) -> Layout {
    let mut families = Vec::new();
    let mut last_signal = None;
    let mut series = Vec::with_capacity(known.len());
    for ((signal_idx, id), known) in known {
        if last_signal.replace(*signal_idx) != Some(*signal_idx)
            && let Some(signal) = program.signals.get(*signal_idx)
        {
            families.push(family(&signal.definition));
        }
        series.push(Series {
            id: *id,
            labels: known.labels.clone(),
            family_idx: families.len().saturating_sub(1) as u32,
        });
    }
    Layout::new(target, families, series)
}

fn family(definition: &Definition) -> Family {
    Family {
        name: definition.metric.clone(),
        kind: MetricKind::Gauge,
        help: definition.help.clone(),
        unit: definition.unit.clone(),
    }
}
