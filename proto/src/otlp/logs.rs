//! Findings as log records: one for each change of state.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use prost::{DecodeError, Message};

use super::resource::{attribute, text, with_all_labels};
use super::{Fragment, own_scope};
use crate::finding::{FindingState, Severity};
use crate::{Finding, UnixNanos};

/// What kind of event the records are (`event_name`).
const EVENT: &str = "leadsman.finding";

/// A finding as a part of an `ExportLogsServiceRequest`. Its resource is the target.
pub fn fragment(finding: &Finding) -> Fragment {
    let logs = ResourceLogs {
        resource: Some(with_all_labels(&finding.target)),
        scope_logs: vec![ScopeLogs {
            scope: Some(own_scope()),
            log_records: vec![record(finding)],
            ..Default::default()
        }],
        ..Default::default()
    };
    one(logs)
}

/// The records of a request that is made of [`fragment`]s, each in a fragment of its own.
///
/// # Errors
/// The bytes are not such a request.
pub fn to_fragments(request: &[u8]) -> Result<Vec<Fragment>, DecodeError> {
    let request = ExportLogsServiceRequest::decode(request)?;
    Ok(request.resource_logs.into_iter().map(one).collect())
}

fn one(logs: ResourceLogs) -> Fragment {
    let records = logs.scope_logs.iter().map(|scope| scope.log_records.len());
    Fragment {
        n_items: records.sum(),
        bytes: ExportLogsServiceRequest {
            resource_logs: vec![logs],
        }
        .encode_to_vec(),
    }
}

fn record(finding: &Finding) -> LogRecord {
    let time = u64::try_from(UnixNanos::from(finding.time).0).unwrap_or(0);
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity(finding).into(),
        severity_text: finding.severity.to_string(),
        body: Some(string(&finding.title)),
        attributes: attributes(finding),
        event_name: EVENT.to_owned(),
        ..Default::default()
    }
}

/// That a trouble is over is good news, however bad it was.
fn severity(finding: &Finding) -> SeverityNumber {
    match (finding.state, finding.severity) {
        (FindingState::Resolved, _) | (_, Severity::Info) => SeverityNumber::Info,
        (_, Severity::Warning) => SeverityNumber::Warn,
        (_, Severity::Critical) => SeverityNumber::Error,
    }
}

fn attributes(finding: &Finding) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(20);
    let mut add = |name: &str, value| {
        attributes.push(attribute(&format!("{EVENT}.{name}"), value));
    };
    let text_of = |text: &str| any_value::Value::StringValue(text.to_owned());
    add("id", text_of(&finding.id.to_string()));
    add("incident", text_of(&finding.incident.to_string()));
    add("state", text_of(finding.state.as_str()));
    add("rule", text_of(finding.rule.as_str()));
    add("signal", text_of(&finding.signal));
    let since = UnixNanos::from(finding.since).0;
    add("since_unix_nano", any_value::Value::IntValue(since));
    for (name, value) in [
        ("unit", &finding.unit),
        ("explanation", &finding.explanation),
        ("cause", &finding.cause),
        ("remedy", &finding.remedy),
    ] {
        if !value.is_empty() {
            add(name, text_of(value));
        }
    }
    for (name, value) in [
        ("before", finding.before),
        ("now", finding.now),
        ("lower", finding.lower),
        ("upper", finding.upper),
        ("score", finding.score),
    ] {
        if !value.is_nan() {
            add(name, any_value::Value::DoubleValue(value));
        }
    }
    if !finding.labels.is_empty() {
        let values = finding.labels.iter().map(|(name, value)| text(name, value));
        let values = values.collect();
        add(
            "labels",
            any_value::Value::KvlistValue(KeyValueList { values }),
        );
    }
    if !finding.links.is_empty() {
        let values = finding.links.iter().map(|(_, url)| string(url)).collect();
        add("links", any_value::Value::ArrayValue(ArrayValue { values }));
    }
    attributes
}

fn string(text: &str) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::{FindingId, Rule};
    use crate::{Labels, Target, UnixMillis};

    fn finding(state: FindingState) -> Finding {
        let target = Arc::new(Target {
            labels: Labels::from_pairs([("job", "etcd"), ("instance", "a:1"), ("zone", "b")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        });
        Finding {
            id: FindingId(0xab),
            incident: 7,
            target,
            signal: "lag".to_owned(),
            labels: Labels::from_pairs([("to", "b")]),
            rule: Rule::Trend,
            state,
            severity: Severity::Critical,
            time: UnixMillis(2000),
            since: UnixMillis(1000),
            unit: "s".to_owned(),
            before: 0.5,
            now: 2.0,
            lower: f64::NAN,
            upper: 1.0,
            score: f64::NAN,
            title: "It lags".to_owned(),
            explanation: "More than ever.".to_owned(),
            cause: String::new(),
            remedy: String::new(),
            links: vec![("page".to_owned(), "http://a/".to_owned())],
            captures: vec![],
        }
    }

    fn records(request: &[u8]) -> Vec<LogRecord> {
        let request = ExportLogsServiceRequest::decode(request).expect("valid");
        let scopes = request
            .resource_logs
            .into_iter()
            .flat_map(|logs| logs.scope_logs);
        scopes.flat_map(|scope| scope.log_records).collect()
    }

    #[test]
    fn a_finding_is_a_log_record_of_its_target() {
        let Fragment { bytes, n_items } = fragment(&finding(FindingState::Firing));
        assert_eq!(n_items, 1);
        let request = ExportLogsServiceRequest::decode(&*bytes).expect("valid");
        let resource = request.resource_logs[0]
            .resource
            .as_ref()
            .expect("a resource");
        let keys: Vec<&str> = resource
            .attributes
            .iter()
            .map(|kv| kv.key.as_str())
            .collect();
        assert!(
            keys.contains(&"service.name") && keys.contains(&"zone"),
            "{keys:?}"
        );
        let record = &records(&bytes)[0];
        assert_eq!(record.time_unix_nano, 2_000_000_000);
        assert_eq!(record.severity_number, i32::from(SeverityNumber::Error));
        assert_eq!(record.body, Some(string("It lags")));
        let keys: Vec<&str> = record
            .attributes
            .iter()
            .filter_map(|kv| kv.key.strip_prefix("leadsman.finding."))
            .collect();
        let expected = [
            "id",
            "incident",
            "state",
            "rule",
            "signal",
            "since_unix_nano",
            "unit",
            "explanation",
            "before",
            "now",
            "upper",
            "labels",
            "links",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn what_is_over_is_no_error() {
        let bytes = fragment(&finding(FindingState::Resolved)).bytes;
        let record = &records(&bytes)[0];
        assert_eq!(record.severity_number, i32::from(SeverityNumber::Info));
        assert_eq!(record.severity_text, "critical");
    }

    #[test]
    fn a_request_is_divided_into_its_records() {
        let fragments = FindingState::ALL
            .iter()
            .map(|state| fragment(&finding(*state)));
        let fragments: Vec<Fragment> = fragments.collect();
        let request: Vec<u8> = fragments.iter().flat_map(|one| one.bytes.clone()).collect();
        assert_eq!(to_fragments(&request).expect("valid"), fragments);
        assert!(to_fragments(b"\xff\xff").is_err());
    }
}
