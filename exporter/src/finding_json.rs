//! A finding for other programs: what `leadsman findings --format json` and the API give.

use proto::{Finding, Labels};
use serde_json::{Map, Value, json};

/// An object of one change of state. Times are in milliseconds since 1970, ids are hexadecimal digits;
/// what is not a number is null, and what is no number in JSON is a text, as in Prometheus.
pub fn object(finding: &Finding) -> Value {
    let links: Vec<Value> = finding
        .links
        .iter()
        .map(|(name, url)| json!({"name": name, "url": url}))
        .collect();
    // As the table `profiles` has them.
    let captures: Vec<i64> = finding.captures.iter().map(|id| id.cast_signed()).collect();
    json!({
        "id": finding.id.to_string(),
        "incident": finding.incident.to_string(),
        "target": labels(&finding.target.labels),
        "signal": finding.signal,
        "labels": labels(&finding.labels),
        "rule": finding.rule.as_str(),
        "state": finding.state.as_str(),
        "severity": finding.severity.as_str(),
        "time": finding.time.0,
        "since": finding.since.0,
        "unit": finding.unit,
        "before": number(finding.before),
        "now": number(finding.now),
        "lower": number(finding.lower),
        "upper": number(finding.upper),
        "score": number(finding.score),
        "title": finding.title,
        "explanation": finding.explanation,
        "cause": finding.cause,
        "remedy": finding.remedy,
        "links": links,
        "captures": captures,
    })
}

fn labels(labels: &Labels) -> Value {
    let pairs = labels.iter();
    let pairs: Map<String, Value> = pairs
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    pairs.into()
}

fn number(value: f64) -> Value {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value if value.is_nan() => Value::Null,
        value => value.into(),
    }
}
