//! Alerts as JSON: Alertmanager's API v2 (`POST /api/v2/alerts`) and its webhook format, version 4.
//! Pure.

use std::sync::Arc;

use bytes::Bytes;
use proto::finding::FindingState;
use proto::{Finding, Labels, UnixMillis};
use serde_json::{Map, Value, json};

use super::labels::{annotations_of, time_text};

/// What Alertmanager writes for an end that is not known: Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A trouble as receivers are told of it.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    /// Its latest finding.
    pub(super) finding: Arc<Finding>,
    /// Its labels, rewritten.
    pub(super) labels: Labels,
    /// When it was or will be over; `None` if that is not known.
    pub(super) ends_at: Option<UnixMillis>,
}

impl Alert {
    fn json(&self, external_url: &str) -> Map<String, Value> {
        let annotations = annotations_of(&self.finding).into_iter();
        let annotations: Map<String, Value> = annotations
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect();
        let mut alert = Map::new();
        alert.insert("labels".to_owned(), labels_json(&self.labels));
        alert.insert("annotations".to_owned(), annotations.into());
        // The same in every finding of a trouble, so that receivers see one alert.
        let starts_at = time_text(self.finding.since);
        alert.insert("startsAt".to_owned(), starts_at.into());
        let link = self.finding.links.first();
        let link = link.map_or(external_url, |(_, url)| url);
        // Alertmanager refuses what is no URL.
        if link.starts_with("http://") || link.starts_with("https://") {
            alert.insert("generatorURL".to_owned(), link.into());
        }
        alert
    }
}

/// The body of a request to an Alertmanager.
pub(super) fn alertmanager(alerts: &[Alert], external_url: &str) -> Bytes {
    let alerts = alerts.iter().map(|alert| {
        let mut json = alert.json(external_url);
        if let Some(ends_at) = alert.ends_at {
            json.insert("endsAt".to_owned(), time_text(ends_at).into());
        }
        Value::Object(json)
    });
    Value::Array(alerts.collect()).to_string().into()
}

/// The body of a request to a webhook: one alert, which is a group of its own.
pub(super) fn webhook(alert: &Alert, receiver: &str, external_url: &str) -> Bytes {
    let status = match alert.finding.state {
        FindingState::Resolved => "resolved",
        _ => "firing",
    };
    let id = alert.finding.id.to_string();
    let mut json = alert.json(external_url);
    let annotations = json.get("annotations").cloned();
    json.entry("generatorURL").or_insert_with(|| "".into());
    json.insert("status".to_owned(), status.into());
    let ends_at = alert.ends_at.map_or_else(|| NEVER.to_owned(), time_text);
    json.insert("endsAt".to_owned(), ends_at.into());
    let fingerprint = format!("{:016x}", fingerprint(&alert.labels));
    json.insert("fingerprint".to_owned(), fingerprint.into());
    let message = json!({
        "version": "4",
        "groupKey": format!("{{}}:{{finding=\"{id}\"}}"),
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver,
        "groupLabels": {"finding": id},
        "commonLabels": labels_json(&alert.labels),
        "commonAnnotations": annotations,
        "externalURL": external_url,
        "alerts": [json],
    });
    message.to_string().into()
}

fn labels_json(labels: &Labels) -> Value {
    let pairs = labels.iter();
    let pairs: Map<String, Value> = pairs
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    pairs.into()
}

/// Alertmanager's fingerprint of a label set: FNV-1a over names and values in order, with a byte
/// 255 behind each (prometheus/common, `LabelSet.Fingerprint`).
fn fingerprint(labels: &Labels) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (name, value) in labels {
        for text in [name, value] {
            for byte in text.bytes().chain([255]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::labels_of;
    use crate::alert::testing::{NOW, finding};

    fn alert(state: FindingState, ends_at: Option<UnixMillis>) -> Alert {
        let finding = finding("a:1", state, 0);
        Alert {
            labels: labels_of(&finding),
            finding,
            ends_at,
        }
    }

    fn read(body: &Bytes) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn an_alertmanager_gets_a_list_of_alerts() {
        let body = alertmanager(&[alert(FindingState::Firing, Some(NOW))], "http://us");
        let json = &read(&body)[0];
        assert_eq!(json["labels"]["alertname"], "EtcdWalFsyncP99Band");
        assert_eq!(json["annotations"]["summary"], "Writing the log takes long");
        assert_eq!(json["startsAt"], "2026-11-21T22:25:40Z");
        assert_eq!(json["endsAt"], "2026-11-21T22:26:40Z");
        assert_eq!(json["generatorURL"], "http://leadsman/page");
    }

    #[test]
    fn what_is_no_url_is_no_link() {
        let mut alert = alert(FindingState::Firing, None);
        let finding = Arc::make_mut(&mut alert.finding);
        finding.links = vec![("page".to_owned(), "page".to_owned())];
        assert!(
            read(&alertmanager(&[alert.clone()], "http://us"))[0]
                .get("generatorURL")
                .is_none()
        );
        Arc::make_mut(&mut alert.finding).links.clear();
        let json = read(&alertmanager(&[alert], "http://us"));
        assert_eq!(json[0]["generatorURL"], "http://us");
    }

    #[test]
    fn a_webhook_gets_a_group_of_one() {
        let json = read(&webhook(
            &alert(FindingState::Firing, None),
            "pager",
            "http://us",
        ));
        assert_eq!(
            (&json["version"], &json["status"]),
            (&"4".into(), &"firing".into())
        );
        assert_eq!(
            (&json["receiver"], &json["truncatedAlerts"]),
            (&"pager".into(), &0.into())
        );
        let alert_json = &json["alerts"][0];
        assert_eq!(alert_json["status"], "firing");
        assert_eq!(alert_json["endsAt"], NEVER);
        assert_eq!(alert_json["labels"], json["commonLabels"]);
        assert_eq!(alert_json["annotations"], json["commonAnnotations"]);
        let over = read(&webhook(
            &alert(FindingState::Resolved, Some(NOW)),
            "pager",
            "",
        ));
        assert_eq!(over["status"], "resolved");
        assert_eq!(over["alerts"][0]["endsAt"], "2026-11-21T22:26:40Z");
        assert_eq!(over["groupKey"], json["groupKey"]);
    }

    #[test]
    fn fingerprints_are_those_of_alertmanager() {
        assert_eq!(fingerprint(&Labels::default()), 0xcbf2_9ce4_8422_2325);
        // What Alertmanager 0.25 says of an alert with these labels.
        let labels = Labels::from_pairs([("alertname", "a")]);
        assert_eq!(format!("{:016x}", fingerprint(&labels)), "d258efc389808447");
    }
}
