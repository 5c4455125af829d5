//! Gathers records of the log into requests of bounded size. Pure: no I/O, no clock.

use proto::Record;
use proto::metrics::MetricBatch;
use proto::otlp::{Fragment, MetricsEncoder, logs, profiles, traces};
use storage::Position;
use storage::log::Entry;

use super::metrics::ReceiverMetrics;
use super::request::{Request, join, of_profiles};
use super::signal::Signal;
use super::{ReceiverOptions, Signals};

/// No shorter limit is learned: what a receiver still finds too long is divided request by
/// request, so that one which says so of everything does not cost a request a point. Bytes.
const LEAST_LEARNED: usize = 16 << 10;

/// The requests of some records of the log.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) requests: Vec<Request>,
    /// Where the cursor stands when all requests have been answered.
    pub(super) end: Option<Position>,
}

/// Records that have not been sent. Metrics, traces and logs are held encoded, profiles as they are:
/// those of one request share their dictionary.
#[derive(Debug)]
pub(super) struct Batcher {
    signals: Signals,
    max_message_bytes: usize,
    metrics: ReceiverMetrics,
    encoder: MetricsEncoder,
    points: Fragments,
    spans: Fragments,
    logs: Fragments,
    profiles: Vec<profiles::Part>,
    profile_bytes: usize,
    end: Option<Position>,
}

#[derive(Debug, Default)]
struct Fragments {
    fragments: Vec<Fragment>,
    n_bytes: usize,
}

impl Batcher {
    pub(super) fn new(options: &ReceiverOptions, metrics: ReceiverMetrics) -> Self {
        Self {
            signals: options.signals,
            max_message_bytes: options.max_message_bytes,
            metrics,
            encoder: MetricsEncoder::new(options.max_message_bytes),
            points: Fragments::default(),
            spans: Fragments::default(),
            logs: Fragments::default(),
            profiles: Vec::new(),
            profile_bytes: 0,
            end: None,
        }
    }

    /// The receiver takes no messages longer than this. Returns how long they are from now on, if
    /// that is shorter than before.
    pub(super) fn learn_limit(&mut self, max_message_bytes: usize) -> Option<usize> {
        let limit = max_message_bytes.max(LEAST_LEARNED);
        if limit >= self.max_message_bytes {
            return None;
        }
        self.max_message_bytes = limit;
        self.encoder.set_max_message_bytes(limit);
        Some(limit)
    }

    /// Takes the next record of the log.
    pub(super) fn add(&mut self, entry: Entry) {
        self.end = Some(entry.end);
        match entry.record {
            Record::Metrics(batch) if self.signals.metrics => self.add_metrics(&batch),
            Record::Profile(record) if self.signals.profiles => {
                self.profile_bytes += profiles::estimated_bytes(&record.profile);
                self.profiles.push(profiles::Part::whole(record));
            }
            Record::Traces(request) if self.signals.traces => self.add_traces(&request),
            Record::Finding(finding) if self.signals.logs => {
                self.logs.extend(vec![logs::fragment(&finding)]);
            }
            _ => {}
        }
    }

    /// Whether there is enough for a whole message of any signal.
    pub(super) fn is_full(&self) -> bool {
        let longest = self
            .points
            .n_bytes
            .max(self.spans.n_bytes)
            .max(self.logs.n_bytes)
            .max(self.profile_bytes);
        longest >= self.max_message_bytes
    }

    /// Everything taken so far, in order.
    pub(super) fn take(&mut self) -> Round {
        let limit = self.max_message_bytes;
        let mut requests = join(Signal::Metrics, self.points.take(), limit);
        requests.extend(join(Signal::Traces, self.spans.take(), limit));
        requests.extend(join(Signal::Logs, self.logs.take(), limit));
        requests.extend(of_profiles(&self.profiles, limit));
        self.profiles.clear();
        self.profile_bytes = 0;
        Round {
            requests,
            end: self.end.take(),
        }
    }

    fn add_metrics(&mut self, batch: &MetricBatch) {
        let encoded = self.encoder.encode(batch);
        if encoded.n_unmapped > 0 {
            self.metrics
                .dropped(Signal::Metrics, encoded.n_unmapped, "no_otlp_form");
        }
        self.points.extend(encoded.fragments);
    }

    fn add_traces(&mut self, request: &[u8]) {
        match traces::to_fragments(request, self.max_message_bytes) {
            Ok(fragments) => self.spans.extend(fragments),
            Err(error) => {
                self.metrics.dropped(Signal::Traces, 1, "invalid");
                tracing::warn!(%error, "trace request in the log cannot be read");
            }
        }
    }
}

impl Fragments {
    fn extend(&mut self, fragments: Vec<Fragment>) {
        let lengths = fragments.iter().map(|fragment| fragment.bytes.len());
        self.n_bytes += lengths.sum::<usize>();
        self.fragments.extend(fragments);
    }

    fn take(&mut self) -> Vec<Fragment> {
        self.n_bytes = 0;
        std::mem::take(&mut self.fragments)
    }
}
