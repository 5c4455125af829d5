//! Findings about one cause: those of one target that are open together.

use std::collections::{HashMap, HashSet};

use proto::finding::{FindingId, FindingState};
use proto::target::TargetId;
use proto::{Finding, UnixMillis};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The incidents that are open, one a target.
#[derive(Clone, Debug, Default)]
pub(super) struct Incidents(HashMap<TargetId, Incident>);

/// What belongs together: the first finding leads it, and is over when all are.
#[derive(Clone, Debug)]
struct Incident {
    number: u64,
    lead: FindingId,
    /// All that are open, the lead among them.
    open: HashSet<FindingId>,
    /// The end of the lead, while others are open.
    end: Option<Finding>,
}

impl Incidents {
    /// Gives a finding the number of its incident and passes it on, when it is time.
    pub(super) fn note(&mut self, mut finding: Finding, told: &mut Vec<Finding>) {
        let target = finding.target.id();
        if finding.state != FindingState::Resolved {
            let incident = self
                .0
                .entry(target)
                .or_insert_with(|| Incident::of(&finding));
            incident.open.insert(finding.id);
            finding.incident = incident.number;
            if finding.id == incident.lead && incident.end.take().is_some() {
                // It never was over for those who are told.
                return;
            }
            told.push(finding);
            return;
        }
        let Some(incident) = self.0.get_mut(&target) else {
            told.push(finding);
            return;
        };
        incident.open.remove(&finding.id);
        finding.incident = incident.number;
        let time = finding.time;
        if finding.id == incident.lead && !incident.open.is_empty() {
            incident.end = Some(finding);
            return;
        }
        told.push(finding);
        if incident.open.is_empty()
            && let Some(ended) = self.0.remove(&target)
        {
            told.extend(ended.end.map(|lead| Finding { time, ..lead }));
        }
    }

    /// Goes on with a finding from before a restart.
    pub(super) fn resume(&mut self, finding: &Finding) {
        let incident = self
            .0
            .entry(finding.target.id())
            .or_insert_with(|| Incident {
                number: finding.incident,
                ..Incident::of(finding)
            });
        incident.open.insert(finding.id);
        if incident_number(finding.id, finding.since) == incident.number {
            incident.lead = finding.id;
        }
    }
}

impl Incident {
    fn of(lead: &Finding) -> Self {
        Self {
            number: incident_number(lead.id, lead.since),
            lead: lead.id,
            open: HashSet::new(),
            end: None,
        }
    }
}

/// Of the incident that a finding leads: the same after a restart, another each time.
pub(crate) fn incident_number(lead: FindingId, since: UnixMillis) -> u64 {
    xxh3_64_with_seed(&since.0.to_le_bytes(), lead.0)
}
