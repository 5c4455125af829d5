//! The labels and annotations of an alert. Pure.

use proto::finding::Rule;
use proto::{Finding, Labels, LabelsBuilder, UnixMillis};

/// The labels by which receivers tell alerts apart: those of the target and of the signal,
/// `alertname`, `severity`, and the finding's id as `finding`. Names that Prometheus does not take
/// have `_` in place of what it does not.
pub fn labels_of(finding: &Finding) -> Labels {
    let mut labels = LabelsBuilder::default();
    // The target's win: routes are made by them.
    for (name, value) in finding.labels.iter().chain(&finding.target.labels) {
        labels.set(label_name(name), value);
    }
    labels.set("alertname", name_of(&finding.signal, finding.rule));
    labels.set("severity", finding.severity.as_str());
    labels.set("finding", finding.id.to_string());
    labels.build()
}

/// The alert's name: the signal's and the rule's in camel case, such as `EtcdWalFsyncP99Band`.
pub fn name_of(signal: &str, rule: Rule) -> String {
    let words = signal
        .split(|c: char| !c.is_ascii_alphanumeric())
        .chain([rule.as_str()]);
    let mut name = String::with_capacity(signal.len() + 10);
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(letters);
    }
    name
}

/// What an alert says besides, for people. Empty texts are left out.
pub(super) fn annotations_of(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut annotations = vec![
        ("summary", finding.title.clone()),
        ("description", finding.explanation.clone()),
        ("cause", finding.cause.clone()),
        ("remedy", finding.remedy.clone()),
        ("since", time_text(finding.since)),
        ("incident", finding.incident.to_string()),
        ("from", number(finding.before, &finding.unit)),
        ("to", number(finding.now, &finding.unit)),
    ];
    let links = finding.links.iter();
    let links: Vec<String> = links.map(|(name, url)| format!("{name}: {url}")).collect();
    annotations.push(("links", links.join("\n")));
    annotations.retain(|(_, text)| !text.is_empty());
    annotations
}

/// RFC 3339, in UTC. A time that no calendar has is the epoch.
pub(super) fn time_text(time: UnixMillis) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    time.to_string()
}

fn number(value: f64, unit: &str) -> String {
    match unit {
        _ if value.is_nan() => String::new(),
        "" | "1" => value.to_string(),
        _ => format!("{value} {unit}"),
    }
}

fn label_name(name: &str) -> String {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut fine: String = name
        .chars()
        .map(|c| if is_fine(c) { c } else { '_' })
        .collect();
    if fine.starts_with(|c: char| c.is_ascii_digit()) {
        fine.insert(0, '_');
    }
    fine
}

#[cfg(test)]
mod tests {
    use proto::finding::FindingState;

    use super::*;
    use crate::alert::testing::finding;

    #[test]
    fn names_are_camel_case() {
        let check = |signal, rule, expected| assert_eq!(name_of(signal, rule), expected);
        check("etcd_wal_fsync_p99", Rule::Band, "EtcdWalFsyncP99Band");
        check("up", Rule::Threshold, "UpThreshold");
        let function = "go.etcd.io/etcd/wal.(*WAL).sync";
        check(function, Rule::Function, "GoEtcdIoEtcdWalWALSyncFunction");
        check("größe", Rule::Trend, "GrETrend");
        check("", Rule::Change, "Change");
    }

    #[test]
    fn labels_are_those_of_target_and_signal_and_our_own() {
        let mut finding = (*finding("a:1", FindingState::Firing, 0)).clone();
        finding.labels = Labels::from_pairs([("job", "other"), ("1.x-y", "z"), ("to", "b")]);
        let labels = labels_of(&finding);
        let id = finding.id.to_string();
        let expected = [
            ("_1_x_y", "z"),
            ("alertname", "EtcdWalFsyncP99Band"),
            ("finding", &id),
            ("instance", "a:1"),
            ("job", "etcd"),
            ("severity", "warning"),
            ("to", "b"),
        ];
        assert_eq!(labels.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn annotations_leave_out_what_is_not_known() {
        let mut finding = (*finding("a:1", FindingState::Firing, 0)).clone();
        finding.before = f64::NAN;
        finding.cause.clear();
        let annotations = annotations_of(&finding);
        let names: Vec<&str> = annotations.iter().map(|(name, _)| *name).collect();
        let expected = [
            "summary",
            "description",
            "remedy",
            "since",
            "incident",
            "to",
            "links",
        ];
        assert_eq!(names, expected);
        assert_eq!(annotations[3].1, "2026-11-21T22:25:40Z");
        assert_eq!(annotations[5].1, "0.25 s");
    }
}
