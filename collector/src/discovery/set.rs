//! The set of targets while it is put together: limits, and each identity once.

use std::collections::HashMap;
use std::sync::Arc;

use proto::Labels;
use proto::target::TargetId;

use super::DiscoveredTarget;
use super::group::{Problem, Severity, TargetGroup};
use super::populate::populate;
use crate::config::Job;

/// Problems that are kept; a rule may drop the better part of a long list.
const MAX_PROBLEMS: usize = 1000;

/// Targets so far, and what was not one.
#[derive(Debug, Default)]
pub(super) struct TargetSet {
    targets: Vec<DiscoveredTarget>,
    by_id: HashMap<TargetId, usize>,
    pub(super) problems: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`].
    n_untold: usize,
}

impl TargetSet {
    /// Adds the targets of one job, or none of them if there are too many.
    pub(super) fn add(&mut self, job: &Arc<Job>, groups: &[TargetGroup], external: &Labels) {
        let mut targets = Vec::new();
        for group in groups {
            for address in &group.targets {
                let source = || format!("{}: {address}", group.source);
                match populate(&group.job, address, &group.labels, external) {
                    Ok(Some(target)) => targets.push(target),
                    Ok(None) => self.dropped(&group.job.name, source()),
                    Err(error) => self.fault(&group.job.name, source(), error.to_string()),
                }
            }
        }
        if job.target_limit > 0 && targets.len() > job.target_limit {
            let (n_targets, limit) = (targets.len(), job.target_limit);
            let reason = format!("{n_targets} targets are over the target_limit of {limit}");
            self.fault(&job.name, "all targets".to_owned(), reason);
            return;
        }
        targets.into_iter().for_each(|target| self.add_once(target));
    }

    /// The targets, and what is not one.
    pub(super) fn finish(mut self) -> (Vec<DiscoveredTarget>, Vec<Problem>) {
        if self.n_untold > 0 {
            self.problems.push(Problem {
                job: "all".to_owned(),
                source: format!("and {} more", self.n_untold),
                reason: "only the first are listed".to_owned(),
                severity: Severity::Fault,
            });
        }
        (self.targets, self.problems)
    }

    /// Two targets of the same labels would write into the same series.
    fn add_once(&mut self, target: DiscoveredTarget) {
        let known = self
            .by_id
            .get(&target.target.id())
            .and_then(|idx| self.targets.get(*idx));
        let Some(known) = known else {
            self.by_id.insert(target.target.id(), self.targets.len());
            self.targets.push(target);
            return;
        };
        // Listed twice, as file_sd lists may: not worth a word.
        if *known == target {
            return;
        }
        let address = target
            .discovered
            .get("__address__")
            .unwrap_or("")
            .to_owned();
        let reason = format!(
            "another target has the same labels {}",
            target.target.labels
        );
        self.fault(&target.job.name, address, reason);
    }

    fn dropped(&mut self, job: &str, source: String) {
        let reason = "dropped by relabel_configs".to_owned();
        self.problem(job, source, reason, Severity::Note);
    }

    fn fault(&mut self, job: &str, source: String, reason: String) {
        self.problem(job, source, reason, Severity::Fault);
    }

    fn problem(&mut self, job: &str, source: String, reason: String, severity: Severity) {
        if self.problems.len() >= MAX_PROBLEMS {
            self.n_untold += 1;
            return;
        }
        self.problems.push(Problem {
            job: job.to_owned(),
            source,
            reason,
            severity,
        });
    }
}
