//! Profiles that are taken because of a finding, while the trouble is there.

use std::sync::Arc;
use std::time::Duration;

use proto::profile::Profile;
use proto::{Finding, ProfileRecord};
use tokio::time::Instant;

/// How long profiles are waited for: ten seconds that are measured, behind another ten of another
/// kind, and the answers.
const PATIENCE: Duration = Duration::from_secs(40);
/// Profiles of one investigation at most.
const MAX_PROFILES: usize = 64;

/// A finding whose target is being profiled.
pub(super) struct Investigation {
    pub(super) finding: Finding,
    until: Instant,
    pub(super) taken: Vec<Taken>,
}

/// A profile that was taken meanwhile.
pub(super) struct Taken {
    /// `capture_id` in the archive.
    pub(super) capture_id: u64,
    pub(super) record: Arc<ProfileRecord>,
}

/// Those that are under way.
#[derive(Default)]
pub(super) struct Investigations(Vec<Investigation>);

impl Investigations {
    pub(super) fn begin(&mut self, finding: Finding) {
        self.0.push(Investigation {
            finding,
            until: Instant::now() + PATIENCE,
            taken: Vec::new(),
        });
    }

    /// Takes note of a profile of whatever target.
    pub(super) fn observe(&mut self, capture_id: impl Fn() -> u64, record: &Arc<ProfileRecord>) {
        let target = record.target.id();
        for one in &mut self.0 {
            if one.finding.target.id() == target && one.taken.len() < MAX_PROFILES {
                one.taken.push(Taken {
                    capture_id: capture_id(),
                    record: Arc::clone(record),
                });
            }
        }
    }

    /// Waits for the next one that has waited for long enough. Cancel safe.
    pub(super) async fn next(&mut self) -> Investigation {
        let Some(until) = self.0.first().map(|first| first.until) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(until).await;
        self.0.remove(0)
    }
}

impl Investigation {
    /// The newest profile of each kind, by the name of the kind.
    pub(super) fn newest(&self) -> Vec<(&str, &Profile)> {
        let mut newest: Vec<(&str, &Profile)> = Vec::new();
        for taken in self.taken.iter().rev() {
            let kind = taken.record.kind.as_str();
            if newest.iter().all(|(known, _)| *known != kind) {
                newest.push((kind, &taken.record.profile));
            }
        }
        newest
    }
}
