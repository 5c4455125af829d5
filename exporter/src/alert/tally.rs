//! How many troubles there are, for `leadsman_findings`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proto::finding::{FindingId, FindingState, Severity};
use proto::{Finding, Record, UnixMillis};
use storage::ErrorChain;
use storage::log::{LogError, Reader};

use super::{AlertMetrics, Past};

/// Troubles that are counted, 50 bytes each. More are not.
const MAX_TROUBLES: usize = 100_000;
/// Pause after the log could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Counts the troubles that are not over.
#[derive(Debug)]
pub struct Tally {
    metrics: Arc<AlertMetrics>,
    open: HashMap<FindingId, (UnixMillis, Severity, FindingState)>,
}

impl Tally {
    /// A tally that shows itself in `metrics`.
    pub fn new(metrics: Arc<AlertMetrics>) -> Self {
        Self {
            metrics,
            open: HashMap::new(),
        }
    }

    /// Follows the log until it is closed. `reader` reads from its end on: what was before is asked
    /// of the past.
    pub async fn run(mut self, mut reader: Reader, past: Past) {
        for finding in past.open().await {
            self.add(&finding);
        }
        self.show();
        loop {
            match reader.next().await {
                Ok(entry) => {
                    if let Record::Finding(finding) = entry.record {
                        self.add(&finding);
                        self.show();
                    }
                }
                Err(LogError::Closed) => return,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "failed to read the log for findings");
                    tokio::time::sleep(READ_PAUSE).await;
                }
            }
        }
    }

    fn add(&mut self, finding: &Finding) {
        let known = self.open.get(&finding.id);
        if known.is_some_and(|(time, ..)| *time > finding.time) {
            return;
        }
        if !finding.is_open() {
            self.open.remove(&finding.id);
        } else if known.is_some() || self.open.len() < MAX_TROUBLES {
            let standing = (finding.time, finding.severity, finding.state);
            self.open.insert(finding.id, standing);
        }
    }

    fn show(&self) {
        for severity in Severity::ALL {
            for state in [FindingState::Pending, FindingState::Firing] {
                let open = self.open.values();
                let n = open
                    .filter(|(_, of, is)| of == severity && *is == state)
                    .count();
                self.metrics.set_findings(*severity, state, n);
            }
        }
    }
}
