//! The changes of state of one trouble together, and its numbers for people.

use std::sync::Arc;

use exporter::alert::{Silences, labels_of};
use proto::{Finding, UnixMillis};

use crate::cli::series::number::{self, Unit};

/// A trouble from its beginning on: one id may have had several.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Trouble {
    /// In order of time; at least one.
    states: Vec<Arc<Finding>>,
    last: Arc<Finding>,
    is_silenced: bool,
}

impl Trouble {
    /// The troubles of findings that are in order of time. The last to begin is the last.
    pub(in crate::cli) fn all(findings: &[Arc<Finding>], silences: &Silences) -> Vec<Self> {
        let mut troubles: Vec<Self> = Vec::new();
        for finding in findings {
            let same = |known: &&mut Self| known.last.id == finding.id && known.last.is_open();
            match troubles.iter_mut().rev().find(same) {
                Some(known) => {
                    known.states.push(Arc::clone(finding));
                    known.last = Arc::clone(finding);
                }
                None => troubles.push(Self {
                    is_silenced: false,
                    states: vec![Arc::clone(finding)],
                    last: Arc::clone(finding),
                }),
            }
        }
        for trouble in &mut troubles {
            trouble.is_silenced = is_silenced(&trouble.last, silences);
        }
        troubles
    }

    /// Where it stands.
    pub(in crate::cli) fn last(&self) -> &Finding {
        &self.last
    }

    /// Its state, and whether nobody is told of it.
    pub(in crate::cli) fn state(&self) -> String {
        let silenced = if self.is_silenced { ", silenced" } else { "" };
        format!("{}{silenced}", self.last.state)
    }

    /// The way it went there.
    pub(in crate::cli) fn states(&self) -> &[Arc<Finding>] {
        &self.states
    }

    /// What was told last while it was there.
    pub(in crate::cli) fn at_its_worst(&self) -> &Finding {
        let open = self.states.iter().rev().find(|state| state.is_open());
        open.map_or(&*self.last, |open| &**open)
    }

    /// What it was before, and what it was at its worst that was told: of one that is over the
    /// value it came back to says nothing.
    pub(super) fn change(&self) -> String {
        let finding = self.at_its_worst();
        let value = |value| value_of(finding, value);
        format!("{} → {}", value(finding.before), value(finding.now))
    }
}

/// Whether a trouble is there and a silence covers it now.
pub(super) fn is_silenced(finding: &Finding, silences: &Silences) -> bool {
    let now = UnixMillis(jiff::Timestamp::now().as_millisecond());
    finding.is_open() && silences.covering(&labels_of(finding), now).is_some()
}

/// A number of a finding in its unit.
pub(in crate::cli) fn value_of(finding: &Finding, value: f64) -> String {
    let unit = match finding.unit.as_str() {
        "s" => Unit::Seconds,
        "By" => Unit::Bytes,
        _ => Unit::Plain,
    };
    let text = number::show(value, unit);
    match finding.unit.as_str() {
        "" | "1" | "s" | "By" => text,
        _ if value.is_nan() => text,
        other => format!("{text} {other}"),
    }
}

/// Who it is about: `etcd 127.0.0.1:2379`.
pub(in crate::cli) fn target_of(finding: &Finding) -> String {
    let target = &finding.target;
    format!("{} {}", target.job(), target.instance())
        .trim()
        .to_owned()
}
