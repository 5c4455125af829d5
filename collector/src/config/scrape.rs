//! Reads one entry of `scrape_configs` into a [`Job`].

use std::collections::HashSet;
use std::time::Duration;

use super::global::{self, Global, INTERVALS};
use super::job::{Discovery, FileSource, Job, Scheme};
use super::scalar::{Wrong, boolean, duration, limit, list, mapping, non_empty, one_of};
use super::table::Table;
use super::yaml::Node;
use super::{groups, http, profiles, relabeling};

const OTHER_DISCOVERY: &str =
    "targets come from static_configs, file_sd_configs and local_sd_configs";
const NATIVE_FIRST: &str = "the classic buckets of a native histogram are left out";
/// Prometheus' other ways to find targets.
const OTHER_DISCOVERIES: [&str; 14] = [
    "http_sd_configs",
    "dns_sd_configs",
    "consul_sd_configs",
    "kubernetes_sd_configs",
    "ec2_sd_configs",
    "gce_sd_configs",
    "azure_sd_configs",
    "openstack_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "hetzner_sd_configs",
    "nomad_sd_configs",
    "puppetdb_sd_configs",
    "eureka_sd_configs",
];

/// The jobs, each with a name of its own.
pub(super) fn read_all(table: &mut Table<'_>, global: &Global) -> Vec<Job> {
    let mut names = HashSet::new();
    let jobs = table.tables("scrape_configs", |table| {
        let job = read(table, global)?;
        if !names.insert(job.name.clone()) {
            let problem = format!("a second job {:?}", job.name);
            table.fail("job_name", problem, "a name of its own for each job");
        }
        Some(job)
    });
    jobs.into_iter().flatten().collect()
}

/// One entry; `None` if it has no name.
fn read(table: &mut Table<'_>, global: &Global) -> Option<Job> {
    let name = table.required("job_name", "text that is not empty", non_empty);
    let scrape_interval = table
        .get("scrape_interval", duration(INTERVALS))
        .unwrap_or(global.scrape_interval);
    let default = Job::new(name.as_deref().unwrap_or_default(), global);
    let schemes = [("http", Scheme::Http), ("https", Scheme::Https)];
    let job = Job {
        scheme: table.get("scheme", one_of(&schemes)).unwrap_or_default(),
        metrics_path: table
            .get("metrics_path", path)
            .unwrap_or(default.metrics_path),
        params: params(table),
        scrape_interval,
        scrape_timeout: global::timeout(table, scrape_interval, global.scrape_timeout),
        metrics_enabled: table.get("metrics_enabled", boolean).unwrap_or(true),
        rules: global::read_rules(table, &global.rules),
        body_size_limit: global::read_body_size_limit(table, global.body_size_limit),
        target_limit: table
            .get("target_limit", limit)
            .unwrap_or(global.target_limit),
        http: http::client(table),
        relabel: relabeling::read(table, "relabel_configs"),
        metric_relabel: relabeling::read(table, "metric_relabel_configs"),
        discovery: discovery(table),
        profiles: profiles::read(table),
        name: default.name,
    };
    foreign_keys(table);
    name.map(|_| job)
}

/// A path that begins with a slash.
pub(super) fn path(node: &Node) -> Result<String, Wrong> {
    let path = non_empty(node)?;
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(Wrong::value(node, "a path, such as /metrics"))
    }
}

fn params(table: &mut Table<'_>) -> Vec<(String, String)> {
    let params = table
        .get("params", mapping(list(super::scalar::string)))
        .unwrap_or_default();
    let pairs = params.into_iter();
    pairs
        .flat_map(|(name, values)| values.into_iter().map(move |v| (name.clone(), v)))
        .collect()
}

fn discovery(table: &mut Table<'_>) -> Vec<Discovery> {
    let fixed = table.tables("static_configs", |group| {
        Discovery::Static(groups::read(group))
    });
    let files = table.tables("file_sd_configs", |source| {
        let files = source.required("files", "a list of *.json, *.yml, *.yaml", list(sd_file));
        let refresh = source.get("refresh_interval", duration(INTERVALS));
        Discovery::File(FileSource {
            patterns: files
                .unwrap_or_default()
                .iter()
                .map(|file| source.resolve(file))
                .collect(),
            refresh_interval: refresh.unwrap_or(Duration::from_secs(5 * 60)),
        })
    });
    let local = table.tables("local_sd_configs", |source| {
        let refresh = source.get("refresh_interval", duration(INTERVALS));
        Discovery::Local {
            refresh_interval: refresh.unwrap_or(Duration::from_secs(60)),
        }
    });
    fixed.into_iter().chain(files).chain(local).collect()
}

/// Prometheus allows an asterisk in the last component alone.
fn sd_file(node: &Node) -> Result<String, Wrong> {
    let file = non_empty(node)?;
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", &file));
    let known_type = [".json", ".yml", ".yaml"]
        .iter()
        .any(|end| name.ends_with(end));
    if known_type && !folder.contains('*') && name.matches('*').count() <= 1 {
        Ok(file)
    } else {
        let allowed = "a file that ends in .json, .yml or .yaml, with at most one * in its name";
        Err(Wrong::value(node, allowed))
    }
}

/// Keys that Prometheus and Parca know and leadsman does not.
fn foreign_keys(table: &mut Table<'_>) {
    table.ignore(&[
        ("enable_compression", "compression is always offered"),
        (
            "enable_http2",
            "HTTP/2 is spoken where the target offers it",
        ),
        ("keep_dropped_targets", "dropped targets are not kept"),
        ("normalized_addresses", "addresses are used as they are"),
        ("scrape_protocols", "every format is asked for"),
        (
            "fallback_scrape_protocol",
            "an unknown content type is read as text",
        ),
        (
            "scrape_native_histograms",
            "native histograms are always taken",
        ),
        (
            "native_histogram_bucket_limit",
            "native histograms are kept whole",
        ),
        (
            "native_histogram_min_bucket_factor",
            "native histograms are kept whole",
        ),
        ("always_scrape_classic_histograms", NATIVE_FIRST),
        ("scrape_classic_histograms", NATIVE_FIRST),
        (
            "convert_classic_histograms_to_nhcb",
            "classic histograms are kept as they are",
        ),
        ("metric_name_validation_scheme", "every UTF-8 name is valid"),
        ("metric_name_escaping_scheme", "every UTF-8 name is valid"),
        (
            "scrape_failure_log_file",
            "failures are in our own log and in `leadsman targets`",
        ),
        (
            "track_timestamps_staleness",
            "series with their own timestamps just end",
        ),
    ]);
    table.refuse(&[
        ("oauth2", "use authorization with a credentials_file"),
        ("proxy_url", "targets are reached directly"),
        ("proxy_from_environment", "targets are reached directly"),
        ("http_headers", "use authorization or basic_auth"),
    ]);
    table.refuse(&OTHER_DISCOVERIES.map(|key| (key, OTHER_DISCOVERY)));
}
