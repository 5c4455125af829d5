//! From a target's labels to the target: defaults, relabelling, and what the labels then mean.

use std::sync::Arc;
use std::time::Duration;

use proto::{Labels, LabelsBuilder, Target};

use super::{Address, AddressError, DiscoveredTarget};
use crate::config::units::{format_duration, parse_duration};
use crate::config::{Job, Scheme};
use crate::relabel::{self, Keep};

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";

/// Why the labels after relabelling are not a target.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error("{address:?} is not an address: {error}")]
    Address {
        address: String,
        error: AddressError,
    },
    #[error("__scheme__ is {0:?}, not http or https")]
    Scheme(String),
    #[error("{label} is {value:?}, not a duration above zero")]
    Duration { label: &'static str, value: String },
    #[error("__scrape_timeout__ is longer than __scrape_interval__")]
    TimeoutAboveInterval,
}

/// The target at `address`, or `None` if a rule drops it.
pub(super) fn populate(
    job: &Arc<Job>,
    address: &str,
    labels: &Labels,
    external: &Labels,
) -> Result<Option<DiscoveredTarget>, TargetError> {
    let mut builder = with_defaults(job, address, labels);
    let discovered = builder.clone().build();
    if relabel::apply(&job.relabel, &mut builder) == Keep::No {
        return Ok(None);
    }
    let meaning = builder.clone().build();
    let address = read_address(&meaning)?;
    let scheme = read_scheme(&meaning)?;
    let scrape_interval = read_duration(&meaning, INTERVAL)?;
    let scrape_timeout = read_duration(&meaning, TIMEOUT)?;
    if scrape_timeout > scrape_interval {
        return Err(TargetError::TimeoutAboveInterval);
    }
    Ok(Some(DiscoveredTarget {
        job: Arc::clone(job),
        target: Arc::new(identity(builder, external, &address, scheme)),
        discovered,
        metrics_path: meaning.get(METRICS_PATH).unwrap_or("/").to_owned(),
        params: params(job, &meaning),
        address,
        scheme,
        scrape_interval,
        scrape_timeout,
        profiles: job.profiles.clone(),
    }))
}

/// The labels before relabelling: what the source says wins over the job.
fn with_defaults(job: &Job, address: &str, labels: &Labels) -> LabelsBuilder {
    let mut builder = LabelsBuilder::from(labels);
    builder.set(ADDRESS, address);
    let mut default = |name: &str, value: &str| {
        if builder.get(name).is_empty() {
            builder.set(name, value);
        }
    };
    default("job", &job.name);
    default(SCHEME, job.scheme.as_str());
    default(METRICS_PATH, &job.metrics_path);
    default(INTERVAL, &format_duration(job.scrape_interval));
    default(TIMEOUT, &format_duration(job.scrape_timeout));
    // Of a parameter with many values relabelling sees the first.
    for (name, value) in &job.params {
        default(&format!("{PARAM}{name}"), value);
    }
    builder
}

/// The labels that stay: no `__*`, and with an `instance` and the external labels.
fn identity(
    mut builder: LabelsBuilder,
    external: &Labels,
    address: &Address,
    scheme: Scheme,
) -> Target {
    if builder.get("instance").is_empty() {
        let instance = builder.get(ADDRESS).to_owned();
        builder.set("instance", instance);
    }
    for (name, value) in external {
        if builder.get(name).is_empty() {
            builder.set(name, value);
        }
    }
    let labels = builder.build();
    let labels = Labels::from_pairs(labels.iter().filter(|(name, _)| !name.starts_with("__")));
    let (scheme, address) = match address {
        Address::Tcp(address) => (scheme.as_str(), address.clone()),
        Address::Unix(path) => ("unix", path.display().to_string()),
    };
    Target {
        labels,
        scheme: scheme.to_owned(),
        address,
    }
}

fn read_address(labels: &Labels) -> Result<Address, TargetError> {
    let address = labels.get(ADDRESS).unwrap_or("");
    Address::parse(address).map_err(|error| TargetError::Address {
        address: address.to_owned(),
        error,
    })
}

fn read_scheme(labels: &Labels) -> Result<Scheme, TargetError> {
    match labels.get(SCHEME).unwrap_or("") {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        other => Err(TargetError::Scheme(other.to_owned())),
    }
}

fn read_duration(labels: &Labels, label: &'static str) -> Result<Duration, TargetError> {
    let value = labels.get(label).unwrap_or("");
    parse_duration(value)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| TargetError::Duration {
            label,
            value: value.to_owned(),
        })
}

/// The job's parameters, where relabelling can have set the first value of each.
fn params(job: &Job, labels: &Labels) -> Vec<(String, String)> {
    let mut params = job.params.clone();
    params.retain(|(name, _)| labels.get(&format!("{PARAM}{name}")).is_some());
    let set = labels
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PARAM)?, value)));
    for (name, value) in set {
        match params.iter_mut().find(|(known, _)| known == name) {
            Some(first) => first.1 = value.to_owned(),
            None => params.push((name.to_owned(), value.to_owned())),
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn job(yaml: &str) -> Arc<Job> {
        let text = format!("scrape_configs:\n  - job_name: a\n{yaml}");
        let config = config::parse(std::path::Path::new("test.yml"), &text).unwrap();
        Arc::clone(&config.jobs[0])
    }

    fn populated(yaml: &str, address: &str, labels: &[(&str, &str)]) -> DiscoveredTarget {
        let labels = Labels::from_pairs(labels.iter().copied());
        let external = Labels::from_pairs([("cluster", "demo")]);
        populate(&job(yaml), address, &labels, &external)
            .unwrap()
            .expect("it is dropped")
    }

    fn check_refused(address: &str, labels: &[(&str, &str)], message: &str) {
        let labels = Labels::from_pairs(labels.iter().copied());
        let error = populate(&job(""), address, &labels, &Labels::default()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn a_target_has_the_defaults_of_its_job_and_the_external_labels() {
        let target = populated("    scheme: https\n", "host:2379", &[("zone", "a")]);
        assert_eq!(
            target.target.labels.to_string(),
            r#"{cluster="demo",instance="host:2379",job="a",zone="a"}"#
        );
        assert_eq!(target.scheme, Scheme::Https);
        assert_eq!(target.metrics_path, "/metrics");
        assert_eq!(target.discovered.get("__scrape_interval__"), Some("15s"));
        assert_eq!(
            (&*target.target.scheme, &*target.target.address),
            ("https", "host:2379")
        );
    }

    #[test]
    fn a_unix_socket_is_a_target() {
        let target = populated("", "unix:///run/a.sock", &[]);
        assert_eq!(target.address, Address::Unix("/run/a.sock".into()));
        assert_eq!(target.target.instance(), "unix:///run/a.sock");
        assert_eq!(
            (&*target.target.scheme, &*target.target.address),
            ("unix", "/run/a.sock")
        );
    }

    #[test]
    fn relabelling_sets_everything_that_labels_mean() {
        let rules = "    params: {a: [x, y], b: [z]}\n    relabel_configs:
      - {target_label: __address__, replacement: \"other:1\"}
      - {target_label: __scheme__, replacement: https}
      - {target_label: __metrics_path__, replacement: /probe}
      - {target_label: __scrape_interval__, replacement: 1m}
      - {target_label: __param_a, replacement: w}
      - {target_label: __param_b, replacement: \"\"}
      - {target_label: __param_c, replacement: v}
      - {target_label: instance, replacement: me}\n";
        let target = populated(rules, "host:1", &[]);
        assert_eq!(target.address, Address::Tcp("other:1".into()));
        assert_eq!(
            (target.scheme, &*target.metrics_path),
            (Scheme::Https, "/probe")
        );
        assert_eq!(target.scrape_interval, Duration::from_secs(60));
        let params = [("a", "w"), ("a", "y"), ("c", "v")].map(|(n, v)| (n.into(), v.into()));
        assert_eq!(target.params, params);
        assert_eq!(target.target.instance(), "me");
    }

    #[test]
    fn a_rule_can_drop_a_target() {
        let job = job("    relabel_configs: [{source_labels: [a], regex: x, action: drop}]\n");
        let labels = Labels::from_pairs([("a", "x")]);
        assert_eq!(populate(&job, "h:1", &labels, &Labels::default()), Ok(None));
    }

    #[test]
    fn labels_that_make_no_target_are_refused_with_a_reason() {
        check_refused(
            "http://h:1/",
            &[],
            "\"http://h:1/\" is not an address: it has a scheme or a path, which belong to scheme \
             and metrics_path",
        );
        check_refused(
            "h:1",
            &[(SCHEME, "ftp")],
            "__scheme__ is \"ftp\", not http or https",
        );
        check_refused(
            "h:1",
            &[(INTERVAL, "0s")],
            "__scrape_interval__ is \"0s\", not a duration above zero",
        );
        check_refused(
            "h:1",
            &[(TIMEOUT, "1h")],
            "__scrape_timeout__ is longer than __scrape_interval__",
        );
    }
}
