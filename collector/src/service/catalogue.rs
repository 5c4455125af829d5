//! The catalogue of signals as the pages read it.

use baseline::catalogue::{Bound, Guard, Healthy, Signal, Threshold};
use exporter::web::Prepared;
use serde_json::{Value, json};

/// The catalogue, ready to be sent.
pub(super) fn prepared(signals: &[Signal]) -> Prepared {
    Prepared::new("application/json", json(signals).to_string().into())
}

/// `{"signals": […]}`, in the order of the catalogue.
fn json(signals: &[Signal]) -> Value {
    let signals: Vec<Value> = signals.iter().map(signal).collect();
    json!({ "signals": signals })
}

fn signal(signal: &Signal) -> Value {
    json!({
        "name": signal.name,
        "metric": signal.metric_name(),
        "component": signal.component,
        "title": signal.title,
        "help": signal.help,
        "unit": signal.unit.as_str(),
        "expr": signal.source.to_string(),
        "bad": signal.bad.as_str(),
        "thresholds": signal.thresholds.iter().map(threshold).collect::<Vec<_>>(),
        "healthy": signal.healthy.as_ref().map(healthy),
        "least_change": signal.least_change,
        "limit": signal.limit.as_ref().map(ToString::to_string),
        "remedy": signal.remedy,
        "references": signal.references,
        "profiles": signal.profiles,
    })
}

fn threshold(threshold: &Threshold) -> Value {
    let mut object = bound(threshold.bound);
    object["severity"] = threshold.severity.as_str().into();
    object["hold_seconds"] = threshold.hold.as_secs_f64().into();
    object["only_while"] = threshold.only_while.as_ref().map_or(Value::Null, guard);
    object["source"] = threshold.source.as_str().into();
    object
}

fn guard(guard: &Guard) -> Value {
    let mut object = bound(guard.bound);
    object["signal"] = guard.signal.as_str().into();
    object
}

fn healthy(healthy: &Healthy) -> Value {
    let mut object = bound(healthy.bound);
    object["source"] = healthy.source.as_str().into();
    object
}

fn bound(bound: Bound) -> Value {
    json!({ "comparison": bound.comparison.as_str(), "value": bound.value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_with_all_that_is_known_of_it() {
        let signals = crate::config::built_in_signals().unwrap();
        let json = json(&signals);
        let all = json["signals"].as_array().unwrap();
        assert_eq!(all.len(), signals.len());
        let fsync = all
            .iter()
            .find(|one| one["name"] == "etcd_wal_fsync_p99")
            .unwrap();
        assert_eq!(
            fsync["metric"],
            "leadsman_signal_etcd_wal_fsync_p99_seconds"
        );
        assert_eq!(fsync["healthy"]["value"], 0.01);
        assert_eq!(fsync["thresholds"][1]["severity"], "critical");
        assert_eq!(fsync["thresholds"][0]["hold_seconds"], 600.0);
        assert_eq!(
            fsync["profiles"],
            serde_json::json!(["goroutine", "process_cpu"])
        );
    }
}
