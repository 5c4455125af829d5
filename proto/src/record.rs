//! What is appended to the log, and what every reader gets.

use std::sync::Arc;

use crate::metrics::MetricBatch;
use crate::profile::Profile;
use crate::{Event, Finding, Target};

/// One entry of the log. Cheap to clone: the payloads are shared.
#[derive(Clone, Debug)]
pub enum Record {
    /// The samples of one scrape, or the stale markers of a failed one.
    Metrics(Arc<MetricBatch>),
    /// One profile.
    Profile(Arc<ProfileRecord>),
    /// An encoded OTLP `ExportTraceServiceRequest`: leadsman's own spans, or received ones.
    Traces(Arc<[u8]>),
    /// Something that happened. Only what no sounding tells: a reader works out the rest itself.
    Event(Arc<Event>),
    /// A change of state of a trouble.
    Finding(Arc<Finding>),
}

/// A profile with who and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRecord {
    /// Whose profile.
    pub target: Arc<Target>,
    /// Name of the kind as configured: `process_cpu`, `memory`, `goroutine`, `block`, `mutex`,
    /// `threadcreate`, `fgprof`, `goroutine_dump`, or a custom one. It is the first part of a
    /// profile type id such as `process_cpu:cpu:nanoseconds:cpu:nanoseconds`.
    pub kind: String,
    /// Whether the values cover just the time since the profile before (`duration_nanos`),
    /// rather than the life of the process.
    pub is_delta: bool,
    /// The profile itself. `time_nanos` is always set.
    pub profile: Profile,
}
