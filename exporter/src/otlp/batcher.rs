//! Gathers records of the log into requests of bounded size. Pure: no I/O, no clock.

use std::sync::Arc;

use bytes::Bytes;
use proto::metrics::MetricBatch;
use proto::otlp::{Fragment, MetricsEncoder, profiles, traces};
use proto::{ProfileRecord, Record};
use storage::Position;
use storage::log::Entry;

use super::metrics::ReceiverMetrics;
use super::signal::Signal;
use super::{ReceiverOptions, Signals};

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) signal: Signal,
    /// The encoded `Export*ServiceRequest`.
    pub(super) body: Bytes,
    /// Data points, profiles or spans in it.
    pub(super) n_items: usize,
}

/// The requests of some records of the log.
#[derive(Debug, PartialEq)]
pub(super) struct Round {
    pub(super) requests: Vec<Request>,
    /// Where the cursor stands when all requests have been answered.
    pub(super) end: Option<Position>,
}

/// Records that have not been sent. Metrics and traces are held encoded, profiles as they are:
/// those of one request share their dictionary.
#[derive(Debug)]
pub(super) struct Batcher {
    signals: Signals,
    max_message_bytes: usize,
    metrics: ReceiverMetrics,
    encoder: MetricsEncoder,
    points: Fragments,
    spans: Fragments,
    profiles: Vec<Arc<ProfileRecord>>,
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
            profiles: Vec::new(),
            profile_bytes: 0,
            end: None,
        }
    }

    /// Takes the next record of the log.
    pub(super) fn add(&mut self, entry: Entry) {
        self.end = Some(entry.end);
        match entry.record {
            Record::Metrics(batch) if self.signals.metrics => self.add_metrics(&batch),
            Record::Profile(record) if self.signals.profiles => {
                self.profile_bytes += profiles::estimated_bytes(&record.profile);
                self.profiles.push(record);
            }
            Record::Traces(request) if self.signals.traces => self.add_traces(&request),
            _ => {}
        }
    }

    /// Whether there is enough for a whole message of any signal.
    pub(super) fn is_full(&self) -> bool {
        let longest = self
            .points
            .n_bytes
            .max(self.spans.n_bytes)
            .max(self.profile_bytes);
        longest >= self.max_message_bytes
    }

    /// Everything taken so far, in order.
    pub(super) fn take(&mut self) -> Round {
        let limit = self.max_message_bytes;
        let mut requests = Vec::new();
        self.points.join(Signal::Metrics, limit, &mut requests);
        self.spans.join(Signal::Traces, limit, &mut requests);
        self.join_profiles(&mut requests);
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

    fn join_profiles(&mut self, requests: &mut Vec<Request>) {
        let records: Vec<&ProfileRecord> = self.profiles.iter().map(Arc::as_ref).collect();
        let bodies = profiles::to_requests(&records, self.max_message_bytes);
        requests.extend(bodies.into_iter().map(|fragment| Request {
            signal: Signal::Profiles,
            body: fragment.bytes.into(),
            n_items: fragment.n_items,
        }));
        self.profiles.clear();
        self.profile_bytes = 0;
    }
}

impl Fragments {
    fn extend(&mut self, fragments: Vec<Fragment>) {
        self.n_bytes += fragments
            .iter()
            .map(|fragment| fragment.bytes.len())
            .sum::<usize>();
        self.fragments.extend(fragments);
    }

    /// Puts fragments one behind the other, as many as fit into a message.
    fn join(&mut self, signal: Signal, limit: usize, requests: &mut Vec<Request>) {
        let (mut body, mut n_items) = (Vec::new(), 0);
        for fragment in self.fragments.drain(..) {
            if !body.is_empty() && body.len() + fragment.bytes.len() > limit {
                let body = Bytes::from(std::mem::take(&mut body));
                requests.push(Request {
                    signal,
                    body,
                    n_items: std::mem::take(&mut n_items),
                });
            }
            n_items += fragment.n_items;
            match body.is_empty() {
                true => body = fragment.bytes,
                false => body.extend_from_slice(&fragment.bytes),
            }
        }
        if !body.is_empty() {
            requests.push(Request {
                signal,
                body: body.into(),
                n_items,
            });
        }
        self.n_bytes = 0;
    }
}
