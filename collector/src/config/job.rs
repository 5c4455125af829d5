//! One `scrape_configs` entry.

use std::path::PathBuf;
use std::time::Duration;

use proto::Labels;

use super::{Global, ProfileSpec};
use crate::fetch::ClientOptions;
use crate::relabel::Rule;

/// One `scrape_configs` entry. Two equal jobs sound a target in the same way, so that a reload
/// need not touch it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// `job_name`: the default of the `job` label.
    pub name: String,
    /// The default of `__scheme__`.
    pub scheme: Scheme,
    /// The default of `__metrics_path__`.
    pub metrics_path: String,
    /// URL parameters of the metrics page, in order.
    pub params: Vec<(String, String)>,
    /// Time between two scrapes of one target.
    pub scrape_interval: Duration,
    /// Longest time for one scrape; not above `scrape_interval`.
    pub scrape_timeout: Duration,
    /// Whether the metrics page is scraped at all (profiles may be all that is wanted).
    pub metrics_enabled: bool,
    /// What is accepted of a metrics page.
    pub rules: ScrapeRules,
    /// Longest body of a metrics page or of a profile, after decompression. Bytes.
    pub body_size_limit: usize,
    /// Most targets of this job; zero: no limit. With more, all of them are refused.
    pub target_limit: usize,
    /// TLS, credentials, redirects.
    pub http: ClientOptions,
    /// `relabel_configs`: applied to a target's labels.
    pub relabel: Vec<Rule>,
    /// `metric_relabel_configs`: applied to each series.
    pub metric_relabel: Vec<Rule>,
    /// Where the targets come from.
    pub discovery: Vec<Discovery>,
    /// The profile types, enabled or not.
    pub profiles: Vec<ProfileSpec>,
}

impl Job {
    /// A job of which nothing but the name is said: no targets, no profiles.
    pub fn new(name: &str, global: &Global) -> Self {
        Self {
            name: name.to_owned(),
            scheme: Scheme::Http,
            metrics_path: "/metrics".to_owned(),
            params: Vec::new(),
            scrape_interval: global.scrape_interval,
            scrape_timeout: global.scrape_timeout,
            metrics_enabled: true,
            rules: global.rules.clone(),
            body_size_limit: global.body_size_limit,
            target_limit: global.target_limit,
            http: ClientOptions::default(),
            relabel: Vec::new(),
            metric_relabel: Vec::new(),
            discovery: Vec::new(),
            profiles: Vec::new(),
        }
    }
}

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP without TLS.
    #[default]
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it is written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What is accepted of a metrics page, with Prometheus' meaning. A limit of zero is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeRules {
    /// `honor_labels`: a metric's own label wins over the target's.
    pub honor_labels: bool,
    /// `honor_timestamps`: a sample's own timestamp is used.
    pub honor_timestamps: bool,
    /// Most samples after relabelling.
    pub sample_limit: usize,
    /// Most labels of one series.
    pub label_limit: usize,
    /// Longest label name. Bytes.
    pub label_name_length_limit: usize,
    /// Longest label value. Bytes.
    pub label_value_length_limit: usize,
}

/// Where targets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// `static_configs`.
    Static(StaticGroup),
    /// `file_sd_configs`.
    File(FileSource),
    /// `local_sd_configs`: the well-known endpoints of this machine.
    Local {
        /// Time between two looks.
        refresh_interval: Duration,
    },
    /// leadsman itself, at the address where it listens.
    Own,
}

/// Targets with labels of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticGroup {
    /// `host:port`, or `unix:///path.sock`.
    pub targets: Vec<String>,
    /// Labels they all get.
    pub labels: Labels,
}

/// Files that hold target groups, as JSON or YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSource {
    /// Absolute paths or relative to the working folder; the last component may hold `*`.
    pub patterns: Vec<PathBuf>,
    /// Time between two readings although no file seems changed.
    pub refresh_interval: Duration,
}
