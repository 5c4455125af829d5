//! Spans that are not in a file yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::otlp::spans::read_spans;
use proto::span::{Span, SpanSource};

use super::day::Day;

/// Rows of `spans` by their day.
#[derive(Debug, Default)]
pub(super) struct SpanBuffer {
    days: BTreeMap<Day, Vec<Span>>,
    n_bytes: usize,
    n_outside: usize,
}

impl SpanBuffer {
    /// Adds the spans of an encoded request. Those whose start has no day are counted and left out; so
    /// is, as one, a request that is none: the log has only what was checked.
    pub(super) fn push(&mut self, request: &[u8]) {
        let Ok(spans) = read_spans(request) else {
            self.n_outside += 1;
            return;
        };
        let mut last: Option<Arc<SpanSource>> = None;
        for span in spans {
            let Some(day) = Day::of_nanos(span.start) else {
                self.n_outside += 1;
                continue;
            };
            let is_same = |last: &Arc<SpanSource>| Arc::ptr_eq(last, &span.source);
            if !last.as_ref().is_some_and(is_same) {
                self.n_bytes += span.source.n_bytes();
                last = Some(Arc::clone(&span.source));
            }
            self.n_bytes += span.n_bytes();
            self.days.entry(day).or_default().push(span);
        }
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Spans left out because their start has no day.
    pub(super) fn n_outside(&self) -> usize {
        self.n_outside
    }

    /// Rows of each day, in the table's order, each once: a sender that got no answer sends its spans
    /// again.
    pub(super) fn days(&self) -> impl Iterator<Item = (Day, Vec<&Span>)> {
        self.days.iter().map(|(day, spans)| {
            let mut rows: Vec<&Span> = spans.iter().collect();
            rows.sort_by(|left, right| key(left).cmp(&key(right)));
            rows.dedup_by(|later, first| key(later) == key(first));
            (*day, rows)
        })
    }
}

/// The table's sort key. A time in the table has microseconds.
fn key(span: &Span) -> (&str, i64, [u8; 16], [u8; 8]) {
    let micros = span.start.0.div_euclid(1000);
    (&span.source.service, micros, span.trace_id, span.span_id)
}

#[cfg(test)]
mod tests;
