//! How much memory a record holds, for the bounds on the queue and on the tail. Estimates: what
//! the columns take, plus a flat sum for the rest.

use std::mem::size_of;

use proto::metrics::{Layout, MetricBatch, NativeHistogram};
use proto::profile::Profile;
use proto::{Event, Record};

/// Allocations and bookkeeping of any record. It also bounds how many tiny ones there can be.
const FLAT: usize = 256;

/// Memory that `record` holds, without the layout it shares with others. Bytes.
pub(super) fn of_record(record: &Record) -> usize {
    FLAT + match record {
        Record::Metrics(batch) => of_batch(batch),
        Record::Profile(record) => of_profile(&record.profile),
        Record::Traces(bytes) => bytes.len(),
        Record::Event(event) => of_event(event),
        Record::Finding(finding) => finding.n_bytes(),
    }
}

/// Memory that `layout` holds. Bytes.
pub(super) fn of_layout(layout: &Layout) -> usize {
    let families = layout
        .families
        .iter()
        .map(|f| 128 + f.name.len() + f.help.len());
    let series = layout
        .series
        .iter()
        .map(|s| 64 + s.labels.as_packed().len());
    FLAT + families.sum::<usize>() + series.sum::<usize>()
}

fn of_event(event: &Event) -> usize {
    let texts = [&event.before, &event.after].into_iter().flatten();
    event.kind.len() + event.message.len() + texts.map(String::len).sum::<usize>()
}

fn of_batch(batch: &MetricBatch) -> usize {
    let histograms = batch.histograms.iter().map(of_histogram);
    let exemplars = batch
        .exemplars
        .iter()
        .map(|e| 64 + e.labels.as_packed().len());
    (batch.values.len() + batch.timestamps.len()) * 8
        + batch.created.len() * 16
        + histograms.sum::<usize>()
        + exemplars.sum::<usize>()
}

fn of_histogram(histogram: &NativeHistogram) -> usize {
    let n_numbers = histogram.positive_spans.len()
        + histogram.positive_counts.len()
        + histogram.negative_spans.len()
        + histogram.negative_counts.len()
        + histogram.custom_bounds.len();
    size_of::<NativeHistogram>() + n_numbers * 8
}

fn of_profile(profile: &Profile) -> usize {
    let strings = profile
        .strings
        .iter()
        .map(|text| text.len() + 4)
        .sum::<usize>();
    let lines = profile
        .locations
        .iter()
        .map(|location| 80 + location.lines.len() * 24);
    let stacks = profile.stacks.iter().map(|stack| 32 + stack.len() * 4);
    let label_sets = profile
        .label_sets
        .iter()
        .map(|labels| 32 + labels.len() * 32);
    strings
        + lines.sum::<usize>()
        + stacks.sum::<usize>()
        + label_sets.sum::<usize>()
        + profile.functions.len() * 24
        + profile.mappings.len() * 48
        + profile.n_samples() * 8
        + profile.values.len() * 8
}
