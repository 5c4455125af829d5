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
        let query = FindingQuery {
            from: Some(resolved.since),
            id: Some(resolved.id),
            states: vec![FindingState::Firing],
            ..FindingQuery::default()
        };
        let Some(answer) = self.ask(move |recall| recall.findings(&query)).await else {
            return Fired::Unknown;
        };
        let is_it =
            |found: &&Arc<Finding>| found.since >= resolved.since && found.time <= resolved.time;
        match answer.findings.iter().find(is_it) {
            Some(first) => Fired::At(first.time),
            None if answer.left_out.is_empty() => Fired::Never,
            None => Fired::Unknown,
        }
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
