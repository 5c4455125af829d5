//! A target as an OTLP resource.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::Target;

/// The attribute that names a service (OpenTelemetry's semantic conventions, resource).
pub(super) const SERVICE_NAME: &str = "service.name";

/// Labels that the resource says in OTLP's own words.
const IDENTITY: [&str; 2] = ["job", "instance"];

/// Whether a label is said by the resource, and so need not be said again by a data point.
pub(super) fn is_identity(label: &str) -> bool {
    IDENTITY.contains(&label)
}

/// The attributes that identify a target (compatibility/prometheus_and_openmetrics.md, "Resource
/// Attributes"): `service.name`, `service.instance.id`, `server.address`, `server.port` and
/// `url.scheme`.
///
/// `job` and `instance` may differ from the target's where the page's own labels were honoured;
/// how such an origin is reached is not known. Nor is it of a target whose samples are made of spans.
pub(super) fn identity(target: &Target, job: &str, instance: &str) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(5);
    attributes.push(text(SERVICE_NAME, job));
    attributes.push(text("service.instance.id", instance));
    let is_sounded = !target.is_of_spans();
    if is_sounded && job == target.job() && instance == target.instance() {
        let (host, port) = split_address(target);
        attributes.push(text("server.address", host));
        attributes.extend(port.map(|port| integer("server.port", i64::from(port))));
        attributes.push(text("url.scheme", &target.scheme));
    }
    attributes
}

/// The resource of a target's profiles: its identity and all its other labels.
pub(super) fn with_all_labels(target: &Target) -> Resource {
    let mut attributes = identity(target, target.job(), target.instance());
    let others = target.labels.iter().filter(|(name, _)| !is_identity(name));
    attributes.extend(others.map(|(name, value)| text(name, value)));
    Resource {
        attributes,
        ..Default::default()
    }
}

/// A string attribute.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

/// An attribute of any type.
pub(super) fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        key_strindex: 0,
    }
}

fn integer(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

/// Host and port. A unix socket has its path for a host and no port; a port that is not written
/// is the scheme's.
fn split_address(target: &Target) -> (&str, Option<u16>) {
    let default_port = match target.scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => return (&target.address, None),
    };
    match target.address.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && port.parse::<u16>().is_ok() => {
            (unbracketed(host), port.parse().ok())
        }
        _ => (unbracketed(&target.address), default_port),
    }
}

/// An IPv6 address without its brackets.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;

    fn check_address(scheme: &str, address: &str, host: &str, port: Option<u16>) {
        let target = Target {
            labels: Labels::default(),
            scheme: scheme.to_owned(),
            address: address.to_owned(),
        };
        assert_eq!(split_address(&target), (host, port), "{scheme}://{address}");
    }

    #[test]
    fn addresses_are_split_into_host_and_port() {
        check_address("http", "127.0.0.1:2381", "127.0.0.1", Some(2381));
        check_address("https", "etcd.example", "etcd.example", Some(443));
        check_address("https", "[fe80::1]:2379", "fe80::1", Some(2379));
        check_address("http", "[fe80::1]", "fe80::1", Some(80));
        check_address("unix", "/run/a:1", "/run/a:1", None);
    }

    #[test]
    fn a_target_made_of_spans_has_no_address() {
        let target = Target {
            labels: Labels::from_pairs([("job", "containerd"), ("instance", "traces")]),
            scheme: crate::target::OF_SPANS.to_owned(),
            address: String::new(),
        };
        let attributes = identity(&target, "containerd", "traces");
        let keys: Vec<_> = attributes.into_iter().map(|kv| kv.key).collect();
        assert_eq!(keys, ["service.name", "service.instance.id"]);
    }

    #[test]
    fn a_foreign_job_says_nothing_of_the_address() {
        let target = Target {
            labels: Labels::from_pairs([("job", "federation"), ("instance", "a:1")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        };
        let keys: Vec<_> = identity(&target, "etcd", "b:1")
            .into_iter()
            .map(|kv| kv.key)
            .collect();
        assert_eq!(keys, ["service.name", "service.instance.id"]);
    }
}
