//! What is known about each target: shown by `/api/v1/targets`, read back by `leadsman targets`.

use std::collections::BTreeMap;

use proto::UnixMillis;
use serde::{Deserialize, Serialize};

/// What discovery made of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Every target.
    pub targets: Vec<TargetStatus>,
    /// What did not become a target.
    pub problems: Vec<DiscoveryProblem>,
}

/// Why something is not a target, or not a fresh one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryProblem {
    /// The job.
    pub job: String,
    /// The file, endpoint or target.
    pub source: String,
    /// The reason.
    pub reason: String,
}

/// One target and how its last soundings went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Its `job` label.
    pub job: String,
    /// Its `instance` label.
    pub instance: String,
    /// `http`, `https` or `unix`.
    pub scheme: String,
    /// `host:port`, or the path of a unix socket.
    pub address: String,
    /// Labels as they were discovered, before relabelling, `__*` included.
    pub discovered_labels: BTreeMap<String, String>,
    /// Labels after relabelling.
    pub labels: BTreeMap<String, String>,
    /// How the last scrape of metrics went.
    pub health: Health,
    /// Why it failed, if it did.
    pub last_error: Option<String>,
    /// When it started, milliseconds since the Unix epoch.
    #[serde(with = "unix_millis")]
    pub last_scrape: Option<UnixMillis>,
    /// How long it took, seconds.
    pub last_duration_seconds: f64,
    /// Samples it brought.
    pub n_samples: usize,
    /// What was left out of a page that was otherwise good, and why.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// The kinds of profiles, configured or found out.
    pub profiles: Vec<ProfileStatus>,
}

/// Whether a target answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// The last scrape succeeded. Without metrics: some kind of profile was taken.
    Up,
    /// The last scrape failed. Without metrics: some kind of profile failed, and none was taken.
    Down,
    /// It was not tried yet.
    #[default]
    Unknown,
}

/// One kind of profile of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileStatus {
    /// `process_cpu`, `memory`, …
    pub kind: String,
    /// Whether it is configured to be taken.
    pub enabled: bool,
    /// How the last one went.
    pub state: ProfileState,
    /// Why it is skipped or failed, or a remark on a good one (say, that it is always empty).
    pub reason: Option<String>,
    /// When the last good one was taken, milliseconds since the Unix epoch.
    #[serde(with = "unix_millis")]
    pub last: Option<UnixMillis>,
    /// Size of the last good one as it was received, bytes.
    pub bytes: u64,
    /// Time the target has spent on being profiled, seconds since leadsman started.
    pub seconds_spent_total: f64,
}

/// How the last profile of a kind went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileState {
    /// It was taken.
    Ok,
    /// It is not taken, for a reason: the target does not offer it, quiet hours, the budget.
    Skipped,
    /// It was tried and failed.
    Failed,
    /// Its first turn has not come yet.
    #[default]
    Waiting,
}

/// The model does not know serde; in JSON a time is its number.
mod unix_millis {
    use proto::UnixMillis;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<UnixMillis>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<UnixMillis>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(UnixMillis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_json() {
        let status = TargetStatus {
            job: "etcd".into(),
            instance: "127.0.0.1:2379".into(),
            scheme: "https".into(),
            address: "127.0.0.1:2379".into(),
            discovered_labels: BTreeMap::from([("__address__".into(), "127.0.0.1:2379".into())]),
            labels: BTreeMap::new(),
            health: Health::Down,
            last_error: Some("connection refused".into()),
            last_scrape: Some(UnixMillis(1_700_000_000_123)),
            last_duration_seconds: 0.25,
            n_samples: 0,
            left_out: Vec::new(),
            profiles: vec![ProfileStatus {
                kind: "block".into(),
                enabled: true,
                state: ProfileState::Skipped,
                reason: Some("404".into()),
                last: None,
                bytes: 0,
                seconds_spent_total: 0.0,
            }],
        };
        let json = serde_json::to_string(&status).unwrap();
        assert!(
            json.contains(r#""health":"down""#) && json.contains("1700000000123"),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<TargetStatus>(&json).unwrap(), status);
    }
}
