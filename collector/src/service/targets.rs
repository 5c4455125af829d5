//! What `/api/v1/targets` tells: how every target is doing, and what did not become one.

use exporter::web::{DiscoveryProblem, TargetReport};

use crate::discovery::Problem;
use crate::sounding::StatusBoard;

/// The report of this moment.
pub(super) fn report(board: &StatusBoard, problems: &[Problem]) -> TargetReport {
    let problems = problems.iter().map(|problem| DiscoveryProblem {
        job: problem.job.clone(),
        source: problem.source.clone(),
        reason: problem.reason.clone(),
    });
    TargetReport {
        targets: board.statuses(),
        problems: problems.collect(),
    }
}
