//! `alerting`: who is told of findings, with Prometheus' keys where it has them.

use std::collections::HashSet;
use std::time::Duration;

use exporter::alert::{AlertReceiver, ReceiverUrl, Silences, Speech};
use hyper::Uri;
use proto::finding::Severity;

use super::otlp::{self, default_name, headers};
use super::scalar::{Wrong, duration, non_empty, one_of};
use super::table::Table;
use super::yaml::Node;
use super::{groups, http, relabeling, scrape, silences};
use crate::relabel::Rule;

const TARGETS_ONLY: &str = "Alertmanagers are named by static_configs";
const RELABEL_ALL: &str = "alert_relabel_configs of alerting holds for all Alertmanagers";
const SEVERITIES: [(&str, Severity); 3] = [
    ("info", Severity::Info),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];

/// Who is told of findings, and of which.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertingConfig {
    /// Alertmanagers and webhooks.
    pub receivers: Vec<AlertReceiver>,
    /// `alert_relabel_configs`: applied to the labels of what Alertmanagers get.
    pub relabel: Vec<Rule>,
    /// What is held back.
    pub silences: Silences,
    /// How often an Alertmanager is told again of what fires.
    pub resend_interval: Duration,
    /// Our own address as people reach it; empty if there is none.
    pub external_url: String,
}

impl AlertingConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let mut names = HashSet::new();
        let alertmanagers = table.tables("alertmanagers", |table| {
            let receivers = alertmanagers(table);
            for receiver in &receivers {
                if !names.insert(receiver.name.clone()) {
                    let problem = format!("a second Alertmanager {:?}", receiver.name);
                    table.fail("static_configs", problem, "each one once");
                }
            }
            receivers
        });
        let webhooks = table.tables("webhooks", |table| {
            let receiver = webhook(table)?;
            if !names.insert(receiver.name.clone()) {
                let problem = format!("a second receiver {:?}", receiver.name);
                table.fail("name", problem, "a name of its own for each webhook");
            }
            Some(receiver)
        });
        let alertmanagers = alertmanagers.into_iter().flatten();
        // Prometheus sends again what fires each minute (--rules.alert.resend-delay).
        let resend = duration(Duration::from_secs(1)..=Duration::from_secs(3600));
        let external_url = table.get("external_url", |node| http::endpoint(node, "nothing"));
        let external_url = external_url.map(|url| url.to_string());
        Self {
            receivers: alertmanagers
                .chain(webhooks.into_iter().flatten())
                .collect(),
            relabel: relabeling::read(table, "alert_relabel_configs"),
            silences: silences::read_all(table),
            resend_interval: table
                .get("resend_interval", resend)
                .unwrap_or(Duration::from_secs(60)),
            external_url: external_url
                .map(|url| url.trim_end_matches('/').to_owned())
                .unwrap_or_default(),
        }
    }
}

/// The Alertmanagers of one entry: they share all but their addresses.
fn alertmanagers(table: &mut Table<'_>) -> Vec<AlertReceiver> {
    let scheme = table
        .get("scheme", one_of(&[("http", "http"), ("https", "https")]))
        .unwrap_or("http");
    let prefix = table.get("path_prefix", scrape::path).unwrap_or_default();
    let prefix = prefix.trim_end_matches('/').to_owned();
    table.get("api_version", one_of(&[("v2", ())]));
    let groups = table.tables("static_configs", groups::read);
    let common = common(table);
    foreign_keys(table);
    let targets = groups.into_iter().flat_map(|group| group.targets);
    let receivers = targets.filter_map(|target| {
        let url = format!("{scheme}://{target}{prefix}");
        let Some(uri) = url.parse::<Uri>().ok().filter(|_| !target.contains("://")) else {
            let problem = format!("wrong target {target:?}");
            table.fail("static_configs", problem, "host:port");
            return None;
        };
        Some(AlertReceiver {
            name: format!("alertmanager-{}", default_name(&uri)),
            url: ReceiverUrl(url),
            speech: Speech::Alertmanager,
            ..common.clone()
        })
    });
    receivers.collect()
}

fn foreign_keys(table: &mut Table<'_>) {
    table.refuse(&[
        ("file_sd_configs", TARGETS_ONLY),
        ("dns_sd_configs", TARGETS_ONLY),
        ("kubernetes_sd_configs", TARGETS_ONLY),
        ("consul_sd_configs", TARGETS_ONLY),
        ("http_sd_configs", TARGETS_ONLY),
        ("relabel_configs", TARGETS_ONLY),
        ("alert_relabel_configs", RELABEL_ALL),
        ("oauth2", "use authorization with a credentials_file"),
        ("sigv4", "use authorization with a credentials_file"),
        ("proxy_url", "Alertmanagers are reached directly"),
    ]);
    table.ignore(&[
        ("follow_redirects", "redirects are not followed"),
        ("enable_http2", "TLS agrees on it"),
    ]);
}

/// One webhook; `None` if it has no URL.
fn webhook(table: &mut Table<'_>) -> Option<AlertReceiver> {
    let url = table.required("url", http::ENDPOINTS, url);
    let name = table.get("name", otlp::name);
    let common = common(table);
    let url = url?;
    let uri: Uri = url.parse().ok()?;
    // Not its path: that may be a secret.
    let host = uri.authority()?.as_str();
    let host: Uri = format!("{}://{host}", uri.scheme_str()?).parse().ok()?;
    Some(AlertReceiver {
        name: name.unwrap_or_else(|| format!("webhook-{}", default_name(&host))),
        url: ReceiverUrl(url),
        speech: Speech::Webhook,
        ..common
    })
}

/// A URL with any path and query. It is not repeated: it may be a secret.
fn url(node: &Node) -> Result<String, Wrong> {
    let text = non_empty(node)?;
    http::refuse_credentials(&text, "basic_auth, authorization")?;
    let uri: Option<Uri> = text.parse().ok();
    let is_ours = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    match is_ours {
        true => Ok(text),
        false => Err(Wrong::new(
            "not a URL",
            "http://host:port/path, https://host:port/path",
        )),
    }
}

/// What every receiver has; its name, URL and speech are its own.
fn common(table: &mut Table<'_>) -> AlertReceiver {
    // Prometheus' timeout of notifications.
    let timeout = duration(Duration::from_secs(1)..=Duration::from_secs(600));
    AlertReceiver {
        name: String::new(),
        url: ReceiverUrl(String::new()),
        speech: Speech::Webhook,
        credentials: http::credentials(table),
        headers: headers(table),
        tls: table.section("tls_config", http::client_tls),
        timeout: table
            .get("timeout", timeout)
            .unwrap_or(Duration::from_secs(10)),
        min_severity: table
            .get("min_severity", one_of(&SEVERITIES))
            .unwrap_or(Severity::Info),
    }
}
