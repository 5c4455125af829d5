//! Metrics of received spans: how often each operation of a service was called, how it ended, and how
//! long it took.
//!
//! Names, labels and their values are those of the OpenTelemetry Collector's spanmetrics connector in
//! its default namespace, as Prometheus shows them: Jaeger's Monitor tab asks for just these
//! (jaegertracing/jaeger, internal/storage/metricstore/prometheus, with `normalize_calls` and
//! `normalize_duration`), and so do dashboards that were made for the connector.
//!
//! What comes out are batches of samples like a page's, one for each service, so that they are
//! archived, rolled up, sent and judged like any other. Counts are of spans that were received: what a
//! client did not sample is not in them, and what it sent twice is in them twice. Nothing is kept over
//! a restart: counters begin again, as after any restart of a program that counts.
//!
//! It does not know where spans come from, nor what time it is.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod operation;
mod page;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use proto::metrics::MetricBatch;
use proto::otlp::calls::Call;
use proto::{Labels, UnixMillis};

use service::Service;

pub use page::{CALLS, DURATION};

/// How the names of these metrics begin: the connector's default namespace, which is Jaeger's too.
pub const PREFIX: &str = "traces_span_metrics_";

/// The value of `instance` of what is made of spans: those of all instances of a service are counted
/// together, as many SDKs make a new `service.instance.id` at each start.
pub const INSTANCE: &str = "traces";

/// What is counted beyond a limit has this name for its service, or its operation.
pub const OVERFLOW: &str = "overflow";

/// Longest name of a service or an operation; what is longer is cut. Bytes.
const MAX_NAME: usize = 256;

/// How much is told apart. What is beyond is counted together, so that sums stay right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Services.
    pub max_services: usize,
    /// Operations of one service: each name with each kind and status is one. An operation has 23
    /// series.
    pub max_operations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_services: 32,
            max_operations: 128,
        }
    }
}

/// Which limit a call was beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// There were as many services as there may be, and its was none of them.
    Services,
    /// Its service had as many operations as it may, and its was none of them.
    Operations,
}

/// Counts calls, and tells the counts.
#[derive(Debug)]
pub struct SpanMetrics {
    limits: Limits,
    /// Labels that every target has.
    external: Labels,
    services: BTreeMap<String, Service>,
}

impl SpanMetrics {
    /// Nothing counted yet.
    pub fn new(limits: Limits, external: Labels) -> Self {
        Self {
            limits,
            external,
            services: BTreeMap::new(),
        }
    }

    /// Counts a call, and says whether it was beyond a limit.
    pub fn count(&mut self, call: &Call<'_>) -> Option<Beyond> {
        let (name, limit) = (cut(call.service), self.limits.max_operations);
        let call = Call {
            name: cut(call.name),
            ..*call
        };
        if let Some(service) = self.services.get_mut(name) {
            return service.count(&call, limit);
        }
        let n_named = self.services.keys().filter(|one| *one != OVERFLOW).count();
        if n_named < self.limits.max_services || name == OVERFLOW {
            return self.service(name).count(&call, limit);
        }
        self.service(OVERFLOW).count_beyond(&call);
        Some(Beyond::Services)
    }

    fn service(&mut self, name: &str) -> &mut Service {
        let new = || Service::new(name, &self.external);
        self.services.entry(name.to_owned()).or_insert_with(new)
    }

    /// The samples of each service at `time`. An operation that is new is told as zero, and its count
    /// the time after: a counter that appears with a count did not grow, as far as Prometheus can see.
    /// One that was not called for an hour ends.
    pub fn beat(&mut self, time: UnixMillis) -> Vec<MetricBatch> {
        let batches = self.services.values_mut().map(|service| service.beat(time));
        let batches = batches.collect();
        self.services.retain(|_, service| !service.is_empty());
        batches
    }

    /// Operations that are told apart now.
    pub fn n_operations(&self) -> usize {
        self.services.values().map(Service::n_operations).sum()
    }
}

/// The beginning of a name, whole characters of it.
fn cut(name: &str) -> &str {
    let ends = (0..=MAX_NAME.min(name.len())).rev();
    ends.into_iter()
        .find_map(|end| name.get(..end))
        .unwrap_or(name)
}
