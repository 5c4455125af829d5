//! What the keeper does next, one thing at a time.

use std::collections::HashSet;

use super::listing::Listing;
use super::plan::{self, Rules, Run};
use crate::archive::file_name::FileName;
use crate::archive::files::TablePath;
use crate::archive::rollup::plan::Stretch;

/// A piece of the keeper's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Files that another one stands for are removed.
    Tidy(TablePath, Vec<FileName>),
    /// A run of files becomes one.
    Compact(Run),
    /// A day's raw rows become windows.
    RollUp(Stretch),
}

/// Kinds of jobs, as metrics and messages call them.
pub(super) const KINDS: [&str; 3] = ["tidy", "compact", "rollup"];

impl Job {
    /// What metrics and messages call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Tidy(..) => "tidy",
            Self::Compact(_) => "compact",
            Self::RollUp(_) => "rollup",
        }
    }
}

/// What there is to do: the next job, and how much waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) next: Option<Job>,
    /// Files that are to be written anew. Bytes.
    pub(super) backlog_bytes: u64,
}

/// Decides. Pure.
pub(super) fn plan(listing: &Listing, rules: Rules, damaged: &HashSet<TablePath>) -> Plan {
    let runs = plan::runs(listing, rules, damaged);
    let backlog_bytes = runs.iter().map(|run| run.n_bytes).sum();
    let tidy = plan::superseded(listing)
        .into_iter()
        .find(|(file, _)| !damaged.contains(file) && listing.is_complete(file.name));
    let tidy = tidy.map(|(file, old)| Job::Tidy(file, old));
    Plan {
        next: tidy.or_else(|| {
            let mut runs = runs.into_iter();
            let run = runs.find(|run| run.n_bytes <= rules.max_run_bytes);
            run.map(Job::Compact)
        }),
        backlog_bytes,
    }
}
