//! Targets as a source names them, before relabelling.

use std::fmt;
use std::sync::Arc;

use proto::Labels;

use crate::config::Job;

/// Targets of one source, with the labels they share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TargetGroup {
    /// The job they are sounded by.
    pub(super) job: Arc<Job>,
    /// Where they were found: for messages.
    pub(super) source: String,
    /// Their addresses.
    pub(super) targets: Vec<String>,
    /// Labels they all get, `__meta_*` included.
    pub(super) labels: Labels,
}

/// Why something is not a target, or not a fresh one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The job.
    pub job: String,
    /// The file, endpoint or target.
    pub source: String,
    /// The reason.
    pub reason: String,
    /// Whether somebody should know of it without asking.
    pub severity: Severity,
}

/// Whether somebody should know of a problem without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something is wrong.
    Fault,
    /// It is as it should be: nothing is there, or a rule says so.
    Note,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.job, self.source, self.reason)
    }
}
