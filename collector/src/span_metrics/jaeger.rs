//! The files for Jaeger against what we expose and what Jaeger takes.

use baseline::span_metrics::{CALLS, DURATION, PREFIX};

use crate::config::yaml::{self, Node, Value};

const CONFIG: &str = include_str!("../../../dashboards/jaeger/jaeger.yaml");
const UI: &str = include_str!("../../../dashboards/jaeger/config-ui.json");

/// The text at a path of keys.
fn text<'a>(node: &'a Node, path: &str) -> &'a str {
    let node = path.split('/').fold(node, |node, key| match &node.value {
        Value::Map(entries) => {
            let found = entries.iter().find(|entry| entry.key == key);
            &found.unwrap_or_else(|| panic!("no {key} of {path}")).value
        }
        _ => panic!("{key} of {path} is in no mapping"),
    });
    match &node.value {
        Value::Scalar { text, .. } => text,
        other => panic!("{path}: {other:?}"),
    }
}

/// As Jaeger puts its names together: internal/storage/metricstore/prometheus/metricstore/reader.go,
/// `buildFullCallsMetricName` and `buildFullLatencyMetricName`.
#[test]
fn jaeger_asks_for_the_names_that_we_have() {
    let config = yaml::parse(CONFIG).unwrap();
    let metrics = text(&config, "extensions/jaeger_query/storage/metrics");
    let of = |key: &str| {
        let path = format!("extensions/jaeger_storage/metric_backends/{metrics}/prometheus/{key}");
        text(&config, &path).to_owned()
    };
    let namespace = of("metric_namespace");
    assert_eq!(format!("{namespace}_"), PREFIX);
    let switches = [
        of("normalize_calls"),
        of("normalize_duration"),
        of("latency_unit"),
    ];
    assert_eq!(switches, ["true", "true", "ms"]);
    assert_eq!(format!("{namespace}_calls_total"), CALLS);
    assert_eq!(format!("{namespace}_duration_milliseconds"), DURATION);
}

#[test]
fn jaeger_stores_what_its_pages_look_up() {
    let config = yaml::parse(CONFIG).unwrap();
    let traces = text(&config, "extensions/jaeger_query/storage/traces");
    text(
        &config,
        &format!("extensions/jaeger_storage/backends/{traces}/memory/max_traces"),
    );
    assert_eq!(
        text(&config, "exporters/jaeger_storage_exporter/trace_storage"),
        traces
    );
    let file = text(&config, "extensions/jaeger_query/ui/config_file");
    assert_eq!(file, "${env:JAEGER_UI_CONFIG:-config-ui.json}");
}

/// Variables of link patterns: packages/jaeger-ui/src/model/link-patterns.ts, `VALID_TRACE_KEYS` and
/// `VALID_SPAN_KEYS`.
#[test]
fn links_ask_jaeger_for_what_it_knows() {
    let ui: serde_json::Value = serde_json::from_str(UI).unwrap();
    assert_eq!(ui["monitor"]["menuEnabled"], true);
    let patterns = ui["linkPatterns"].as_array().unwrap();
    assert_eq!(patterns.len(), 3);
    for pattern in patterns {
        let is_of_trace = pattern["type"] == "traces";
        for field in ["url", "text"] {
            let text = pattern[field].as_str().unwrap();
            for variable in text.split("#{").skip(1) {
                let (name, _) = variable.split_once('}').unwrap();
                let known = match is_of_trace {
                    true => ["startTime", "endTime"].contains(&name),
                    // Of a resource, its items do not know the span.
                    false => [
                        "serviceName",
                        "startTime",
                        "trace.startTime",
                        "trace.endTime",
                    ]
                    .contains(&name),
                };
                assert!(known, "{name} in {text}");
            }
        }
    }
}
