//! What was found before: in the archive, and in the log that is not in it yet.

use std::sync::Arc;

use proto::finding::FindingState;
use proto::selector::Selector;
use proto::{Finding, UnixMillis};
use storage::ErrorChain;
use storage::archive::{FindingAnswer, FindingQuery, Recall, RecallError};

/// Whether a trouble has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    Never,
    /// From then on.
    At(UnixMillis),
    Unknown,
}

/// Milliseconds.
const A_DAY: i64 = 86_400_000;

/// The findings of before. What cannot be read is logged and missing.
#[derive(Clone, Debug)]
pub struct Past {
    recall: Recall,
}

impl Past {
    /// The past that an archive and its log hold.
    pub fn new(recall: Recall) -> Self {
        Self { recall }
    }

    /// The last finding of every trouble that is there now.
    pub(super) async fn open(&self) -> Vec<Arc<Finding>> {
        let answer = self.ask(|recall| recall.open_findings(&Selector::default()));
        answer.await.unwrap_or_default().findings
    }

    /// Findings that tell that a trouble was over then or later.
    pub(super) async fn resolved_since(&self, time: UnixMillis) -> Vec<Arc<Finding>> {
        let query = FindingQuery {
            from: Some(time),
            states: vec![FindingState::Resolved],
            ..FindingQuery::default()
        };
        let answer = self.ask(move |recall| recall.findings(&query));
        answer.await.unwrap_or_default().findings
    }

    /// When a trouble that is over now began to fire. If that cannot be read it counts as if it had:
    /// an alert that nobody knows of is better ended twice than never.
    pub(super) async fn fired(&self, resolved: &Finding) -> Fired {
        // Since when it is there may have been found out better meanwhile.
        let from = UnixMillis(resolved.since.0.saturating_sub(A_DAY));
        let query = FindingQuery {
            from: Some(from),
            to: Some(resolved.time),
            id: Some(resolved.id),
            ..FindingQuery::default()
        };
        let Some(answer) = self.ask(move |recall| recall.findings(&query)).await else {
            return Fired::Unknown;
        };
        let mut fired = match answer.left_out.is_empty() {
            true => Fired::Never,
            false => Fired::Unknown,
        };
        for finding in answer.findings {
            match (finding.state, fired) {
                (FindingState::Firing, Fired::Never | Fired::Unknown) => {
                    fired = Fired::At(finding.time);
                }
                // That was the time before.
                (FindingState::Resolved, _) => fired = Fired::Never,
                _ => {}
            }
        }
        fired
    }

    async fn ask(
        &self,
        question: impl FnOnce(&Recall) -> Result<FindingAnswer, RecallError> + Send + 'static,
    ) -> Option<FindingAnswer> {
        let recall = self.recall.clone();
        let answer = tokio::task::spawn_blocking(move || question(&recall)).await;
        match answer {
            Ok(Ok(answer)) => {
                for error in &answer.left_out {
                    let error = ErrorChain(error);
                    tracing::warn!(%error, "findings of before are left out");
                }
                Some(answer)
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %ErrorChain(&error), "failed to read the findings of before");
                None
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}
