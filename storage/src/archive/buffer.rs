//! Records that are not in a file yet.

use proto::Record;

use super::finding_buffer::FindingBuffer;
use super::metric_buffer::MetricBuffer;
use super::profile_buffer::ProfileBuffer;
use super::seen::SeenIds;
use super::span_buffer::SpanBuffer;
use super::watch::{News, Watch};
use crate::Position;

/// Everything since the last flush.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) metrics: MetricBuffer,
    pub(super) profiles: ProfileBuffer,
    pub(super) news: News,
    pub(super) findings: FindingBuffer,
    pub(super) spans: SpanBuffer,
}

impl Buffer {
    /// Adds a record whose entry in the log ends at `end`, and what it shows to be new.
    pub(super) fn push(
        &mut self,
        end: Position,
        record: &Record,
        stacks: &SeenIds,
        watch: &mut Watch,
    ) {
        watch.observe(record, &mut self.news);
        match record {
            Record::Metrics(batch) => self.metrics.push(batch),
            Record::Profile(profile) => {
                self.profiles
                    .push(end, profile, |day, stack_id| stacks.contains(day, stack_id));
            }
            Record::Finding(finding) => self.findings.push(finding),
            Record::Traces(request) => self.spans.push(request),
            Record::Event(_) => {}
        }
    }

    /// For what comes after a flush of this.
    pub(super) fn next(&self) -> Self {
        Self {
            metrics: self.metrics.next(),
            ..Self::default()
        }
    }

    /// Whether it holds as much as it may: `max_bytes`, or some samples of each series where that
    /// is more.
    pub(super) fn is_full(&self, max_bytes: usize) -> bool {
        self.n_bytes() >= max_bytes.max(self.metrics.worthwhile_bytes())
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.metrics.n_bytes()
            + self.profiles.n_bytes()
            + self.news.n_bytes()
            + self.findings.n_bytes()
            + self.spans.n_bytes()
    }

    /// Samples, captures, events, findings and spans left out because their time has no day.
    pub(super) fn n_outside(&self) -> usize {
        self.metrics.n_outside()
            + self.profiles.n_outside()
            + self.news.n_outside()
            + self.findings.n_outside()
            + self.spans.n_outside()
    }
}
