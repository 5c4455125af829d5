//! The decoder of one target's pages.

use std::sync::Arc;

use super::assemble::Assembler;
use super::columns::Columns;
use super::exemplars::KnownExemplars;
use super::issues::Issues;
use super::known::{Counts, Known, Outcome};
use super::report::{self, N_REPORTS};
use super::resolve::Resolver;
use super::rules::PageRules;
use super::text::{self, Dialect};
use super::{Format, PageError, protobuf};
use crate::metrics::{Layout, MetricBatch, absent, stale_marker};
use crate::{Target, UnixMillis};

/// What the scraper knows of a scrape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScrapeFacts {
    /// When it started.
    pub time: UnixMillis,
    /// How long it took, in seconds.
    pub duration_seconds: f64,
}

/// One page, decoded.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its samples, with `up` and the `scrape_*` series at the end.
    pub batch: MetricBatch,
    /// Samples on the page.
    pub n_scraped: usize,
    /// Samples after relabelling.
    pub n_post_relabel: usize,
    /// Series that the page before did not have.
    pub n_added: usize,
    /// Samples that were left out.
    pub issues: Issues,
}

/// Decodes the pages of one target, one after the other.
#[derive(Debug)]
pub struct PageDecoder {
    resolver: Resolver,
    known: Known,
    /// Which series of the known layout get a stale marker when they are gone.
    live: Live,
    /// Just the reports: what a target that stays down appends.
    report_layout: Arc<Layout>,
    /// What a refused page had, for the reports of the failure that follows.
    refused: Counts,
    has_reported: bool,
    exemplars: KnownExemplars,
}

/// Series that had a sample in the scrape before.
#[derive(Debug)]
enum Live {
    /// None: their stale markers are written.
    None,
    /// Those of the last page, without these, which have timestamps of their own.
    PageWithout(Vec<u32>),
}

impl PageDecoder {
    /// A decoder that has not seen a page.
    pub fn new(target: Arc<Target>, rules: PageRules) -> Self {
        let report_layout = Arc::new(report::layout(&target));
        let layout = Arc::clone(&report_layout);
        Self {
            resolver: Resolver { target, rules },
            known: Known {
                layout,
                slots: Vec::new(),
                counts: Counts::default(),
            },
            live: Live::None,
            report_layout,
            refused: Counts::default(),
            has_reported: false,
            exemplars: KnownExemplars::default(),
        }
    }

    /// Decodes a page.
    ///
    /// # Errors
    ///
    /// A page with one bad line, or over a limit, is refused whole. The caller then calls
    /// [`PageDecoder::fail`].
    pub fn decode(
        &mut self,
        format: Format,
        body: &[u8],
        scrape: ScrapeFacts,
    ) -> Result<Page, PageError> {
        let columns = match self.follow(format, body, scrape) {
            Some(columns) => columns,
            None => self.assemble(format, body, scrape)?,
        };
        let stamped = columns.stamped.iter().map(|(idx, _)| *idx).collect();
        self.live = Live::PageWithout(stamped);
        Ok(self.finish(columns, scrape))
    }

    /// A failed scrape equals an empty one: `up` 0, and stale markers for all series of the
    /// scrape before.
    pub fn fail(&mut self, scrape: ScrapeFacts) -> MetricBatch {
        let counts = std::mem::take(&mut self.refused);
        let reports = report::values(false, scrape, counts);
        self.end_with(reports, scrape.time)
    }

    /// The target goes away: stale markers for everything, `up` and the `scrape_*` series
    /// included. `None` if nothing was ever reported.
    pub fn end(&mut self, time: UnixMillis) -> Option<MetricBatch> {
        let was_reported = std::mem::take(&mut self.has_reported);
        was_reported.then(|| {
            let batch = self.end_with([stale_marker(); N_REPORTS], time);
            self.has_reported = false;
            batch
        })
    }

    /// The way for a page like the one before.
    fn follow(&self, format: Format, body: &[u8], scrape: ScrapeFacts) -> Option<Columns> {
        if self.known.slots.is_empty() {
            return None;
        }
        let n_series = self.known.layout.series.len();
        let mut columns = Columns::new(n_series, scrape, self.resolver.rules.timestamps);
        let followed = match format {
            Format::Text => text::follow(Dialect::Prometheus, body, &self.known, &mut columns),
            Format::OpenMetrics => {
                text::follow(Dialect::OpenMetrics, body, &self.known, &mut columns)
            }
            Format::Protobuf => protobuf::follow(body, &self.known, &mut columns),
        };
        followed.map(|()| columns)
    }

    /// The way for every other page.
    fn assemble(
        &mut self,
        format: Format,
        body: &[u8],
        scrape: ScrapeFacts,
    ) -> Result<Columns, PageError> {
        let mut assembler = Assembler::new(&self.resolver, &self.known, scrape);
        let result = match format {
            // Prometheus takes no body at all for a page without samples, whatever its format.
            _ if body.is_empty() => Ok(()),
            Format::Text => text::assemble(Dialect::Prometheus, body, &mut assembler),
            Format::OpenMetrics => text::assemble(Dialect::OpenMetrics, body, &mut assembler),
            Format::Protobuf => protobuf::assemble(body, &mut assembler),
        };
        if let Err(error) = result {
            self.refused = assembler.counts;
            return Err(error);
        }
        let settled = assembler.settle(&self.live_series());
        self.known = settled.known;
        Ok(settled.columns)
    }

    fn finish(&mut self, mut columns: Columns, scrape: ScrapeFacts) -> Page {
        let counts = self.known.counts;
        // A page that is followed adds nothing.
        self.known.counts.n_added = 0;
        self.has_reported = true;
        let issues = std::mem::take(&mut columns.issues);
        let mut batch = columns.into_batch(Arc::clone(&self.known.layout));
        self.exemplars.keep_new(&mut batch);
        put_reports(&mut batch.values, report::values(true, scrape, counts));
        Page {
            batch,
            n_scraped: counts.n_scraped,
            n_post_relabel: counts.n_post_relabel,
            n_added: counts.n_added,
            issues,
        }
    }

    fn end_with(&mut self, reports: [f64; N_REPORTS], time: UnixMillis) -> MetricBatch {
        let live = self.live_series();
        self.live = Live::None;
        self.has_reported = true;
        let layout = if live.is_empty() {
            &self.report_layout
        } else {
            &self.known.layout
        };
        let mut values = vec![absent(); layout.series.len()];
        for idx in live {
            if let Some(value) = values.get_mut(idx as usize) {
                *value = stale_marker();
            }
        }
        put_reports(&mut values, reports);
        MetricBatch::new(Arc::clone(layout), time, values)
    }

    /// Indices into the known layout, ascending only as far as the page was in its order.
    fn live_series(&self) -> Vec<u32> {
        let Live::PageWithout(stamped) = &self.live else {
            return Vec::new();
        };
        let stamped: std::collections::HashSet<u32> = stamped.iter().copied().collect();
        let on_page = self
            .known
            .slots
            .iter()
            .filter_map(|slot| match slot.outcome {
                Outcome::Series(idx) => Some(idx),
                _ => None,
            });
        on_page.filter(|idx| !stamped.contains(idx)).collect()
    }
}

/// The reports are the last series of every layout.
fn put_reports(values: &mut [f64], reports: [f64; N_REPORTS]) {
    if let Some(tail) = values.last_chunk_mut() {
        *tail = reports;
    }
}

#[cfg(test)]
mod tests;
