//! Findings for other programs.

use std::sync::Arc;

use exporter::alert::Silences;
use exporter::finding_json::object;
use proto::Finding;
use serde_json::Value;

use super::trouble::is_silenced;

/// An array with an object for each change of state, and whether it is silenced now.
pub(super) fn json(findings: &[Arc<Finding>], silences: &Silences) -> Value {
    let objects = findings.iter().map(|finding| {
        let mut object = object(finding);
        object["silenced"] = is_silenced(finding, silences).into();
        object
    });
    objects.collect()
}
