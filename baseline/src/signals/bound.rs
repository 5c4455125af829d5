//! The series of one layout that a program asks for, and what is remembered of them.

use std::collections::HashMap;
use std::sync::Arc;

use proto::UnixMillis;
use proto::metrics::{Layout, MetricBatch, Series, SeriesId, is_absent, is_stale};

use super::program::Program;
use super::window::Window;

/// Selectors bound to the series of a layout.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) layout: Arc<Layout>,
    /// For each selector of the program, its series as indices into the layout.
    latest: Vec<Vec<u32>>,
    /// For each selector of the program that has a window, its series as indices into `counters`.
    followed: Vec<Vec<usize>>,
    counters: Vec<Counter>,
    /// Counters that are not in the layout and may come back.
    away: HashMap<SeriesId, Window>,
}

/// How long a counter that is gone is remembered. Milliseconds.
const LONGEST_AWAY: i64 = 10 * 60_000;

#[derive(Debug)]
struct Counter {
    id: SeriesId,
    series_idx: u32,
    /// Milliseconds.
    longest: i64,
    /// Not before the first value.
    window: Option<Window>,
}

impl Bound {
    /// Binds a program to the layout of a batch; what is known of counters that were there
    /// before goes on.
    pub(super) fn new(program: &Program, batch: &MetricBatch, before: Option<Self>) -> Self {
        let layout = &batch.layout;
        let mut bound = Self {
            layout: Arc::clone(layout),
            latest: vec![Vec::new(); program.selectors.len()],
            followed: vec![Vec::new(); program.selectors.len()],
            counters: Vec::new(),
            away: before.map(Self::into_windows).unwrap_or_default(),
        };
        let families = layout.families.iter();
        let is_asked: Vec<bool> = families.map(|f| program.asks_for_family(&f.name)).collect();
        for (series_idx, series) in (0_u32..).zip(&layout.series) {
            if is_asked.get(series.family_idx as usize) == Some(&true) {
                bound.bind(program, series_idx, series);
            }
        }
        let earliest = batch.time.0.saturating_sub(LONGEST_AWAY);
        bound.away.retain(|_, window| window.last_time() > earliest);
        bound
    }

    fn bind(&mut self, program: &Program, series_idx: u32, series: &Series) {
        let mut counter = Counter {
            id: series.id,
            series_idx,
            longest: 0,
            window: None,
        };
        let counter_idx = self.counters.len();
        for (idx, tracked) in program.selectors_of(series.labels.metric_name()) {
            if !tracked.selector.matches(&series.labels) {
                continue;
            }
            self.latest[idx].push(series_idx);
            if tracked.longest > 0 {
                self.followed[idx].push(counter_idx);
                counter.longest = counter.longest.max(tracked.longest);
            }
        }
        if counter.longest > 0 {
            counter.window = self.away.remove(&series.id);
            self.counters.push(counter);
        }
    }

    fn into_windows(mut self) -> HashMap<SeriesId, Window> {
        let counters = self.counters.into_iter();
        let windows = counters.filter_map(|counter| Some((counter.id, counter.window?)));
        self.away.extend(windows);
        self.away
    }

    /// Takes the values of a scrape. `before` is the time of the good scrape before it, if a
    /// counter that was not on that page must have begun since.
    pub(super) fn observe(&mut self, batch: &MetricBatch, before: Option<UnixMillis>) {
        let time = batch.time.0;
        for counter in &mut self.counters {
            let value = batch.values.get(counter.series_idx as usize).copied();
            let Some(value) = value.filter(|v| !is_stale(*v) && !is_absent(*v)) else {
                continue;
            };
            match (&mut counter.window, before) {
                (Some(window), _) => window.observe(value, time, counter.longest),
                (None, Some(before)) if before.0 < time => {
                    counter.window = Some(Window::born(value, before.0, time));
                }
                (None, _) => counter.window = Some(Window::new(value, time)),
            }
        }
    }

    /// An evaluation at `time` begins.
    pub(super) fn close(&mut self, time: UnixMillis) {
        for counter in &mut self.counters {
            if let Some(window) = &mut counter.window {
                window.close(time.0, counter.longest);
            }
        }
    }

    /// Series of a selector, as indices into the layout.
    pub(super) fn latest(&self, selector_idx: usize) -> impl Iterator<Item = u32> {
        self.latest.get(selector_idx).into_iter().flatten().copied()
    }

    /// Counters of a selector with their indices into the layout.
    pub(super) fn windows(&self, selector_idx: usize) -> impl Iterator<Item = (u32, &Window)> {
        let idxs = self.followed.get(selector_idx).into_iter().flatten();
        let counters = idxs.filter_map(|&idx| self.counters.get(idx));
        counters.filter_map(|c| Some((c.series_idx, c.window.as_ref()?)))
    }

    /// Whether the layout has nothing that the program asks for.
    pub(super) fn is_empty(&self) -> bool {
        self.latest.iter().all(Vec::is_empty)
    }
}
