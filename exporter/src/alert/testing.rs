//! Findings that tests tell of.

use std::sync::Arc;

use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Target, UnixMillis};

/// 2026-11-21 22:26:40 UTC.
pub(crate) const NOW: UnixMillis = UnixMillis(1_795_300_000_000);

/// A change of state of the one trouble of an instance, so many milliseconds after [`NOW`]. The
/// trouble is there since a minute before it.
pub(crate) fn finding(instance: &str, state: FindingState, millis: i64) -> Arc<Finding> {
    let target = Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    });
    let labels = Labels::from_pairs([("to", "b")]);
    Arc::new(Finding {
        id: FindingId::of(target.id(), "etcd_wal_fsync_p99", &labels, Rule::Band),
        incident: 7,
        target,
        signal: "etcd_wal_fsync_p99".to_owned(),
        labels,
        rule: Rule::Band,
        state,
        severity: Severity::Warning,
        time: UnixMillis(NOW.0 + millis),
        since: UnixMillis(NOW.0 - 60_000),
        unit: "s".to_owned(),
        before: 0.002,
        now: 0.25,
        lower: f64::NAN,
        upper: 0.005,
        score: 11.0,
        title: "Writing the log takes long".to_owned(),
        explanation: "It took 2 ms for weeks.".to_owned(),
        cause: "A slow disk.".to_owned(),
        remedy: "Another disk.".to_owned(),
        links: vec![("page".to_owned(), "http://leadsman/page".to_owned())],
        captures: vec![],
    })
}
