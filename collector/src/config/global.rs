//! `global`: what holds for every job that does not say otherwise.

use std::ops::RangeInclusive;
use std::time::Duration;

use proto::Labels;

use super::ScrapeRules;
use super::scalar::{boolean, duration, labels, limit, size};
use super::table::Table;

/// Any time between two soundings.
pub(super) const INTERVALS: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(86_400);
/// Any length of a body.
const BODY_SIZES: RangeInclusive<u64> = 1024..=4 << 30;

/// What holds for every job that does not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Time between two scrapes of one target.
    pub scrape_interval: Duration,
    /// Longest time for one scrape.
    pub scrape_timeout: Duration,
    /// Labels that every target gets, unless it has them.
    pub external_labels: Labels,
    /// What is accepted of a metrics page.
    pub rules: ScrapeRules,
    /// Longest body after decompression. Bytes.
    pub body_size_limit: usize,
    /// Most targets of one job; zero: no limit.
    pub target_limit: usize,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_secs(15),
            scrape_timeout: Duration::from_secs(10),
            external_labels: Labels::default(),
            rules: ScrapeRules {
                honor_labels: false,
                honor_timestamps: true,
                // A large API server shows some 200,000 samples.
                sample_limit: 500_000,
                label_limit: 128,
                label_name_length_limit: 1024,
                label_value_length_limit: 64 << 10,
            },
            body_size_limit: 64 << 20,
            target_limit: 0,
        }
    }
}

impl Global {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let scrape_interval = table
            .get("scrape_interval", duration(INTERVALS))
            .unwrap_or(default.scrape_interval);
        let scrape_timeout = timeout(table, scrape_interval, default.scrape_timeout);
        let global = Self {
            scrape_interval,
            scrape_timeout,
            external_labels: table.get("external_labels", labels).unwrap_or_default(),
            rules: read_limits(table, &default.rules),
            body_size_limit: read_body_size_limit(table, default.body_size_limit),
            target_limit: table
                .get("target_limit", limit)
                .unwrap_or(default.target_limit),
        };
        table.ignore(&[
            ("evaluation_interval", "rules are not evaluated here"),
            ("rule_query_offset", "rules are not evaluated here"),
            ("query_log_file", "there are no PromQL queries here"),
            ("scrape_protocols", "every format is asked for"),
            ("keep_dropped_targets", "dropped targets are not kept"),
            (
                "scrape_native_histograms",
                "native histograms are always taken",
            ),
            ("metric_name_validation_scheme", "every UTF-8 name is valid"),
        ]);
        global
    }
}

/// `scrape_timeout`: not above the interval, to which the default is cut.
pub(super) fn timeout(table: &mut Table<'_>, interval: Duration, default: Duration) -> Duration {
    let timeout = table.get("scrape_timeout", duration(INTERVALS));
    if timeout.is_some_and(|timeout| timeout > interval) {
        let interval = super::units::format_duration(interval);
        table.fail(
            "scrape_timeout",
            "longer than scrape_interval",
            &format!("at most {interval}"),
        );
    }
    timeout.unwrap_or(default.min(interval))
}

/// The limits of a metrics page, and whose labels and timestamps count.
pub(super) fn read_rules(table: &mut Table<'_>, default: &ScrapeRules) -> ScrapeRules {
    ScrapeRules {
        honor_labels: table
            .get("honor_labels", boolean)
            .unwrap_or(default.honor_labels),
        honor_timestamps: table
            .get("honor_timestamps", boolean)
            .unwrap_or(default.honor_timestamps),
        ..read_limits(table, default)
    }
}

pub(super) fn read_body_size_limit(table: &mut Table<'_>, default: usize) -> usize {
    let limit = table.get("body_size_limit", size(BODY_SIZES));
    limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(default)
}

fn read_limits(table: &mut Table<'_>, default: &ScrapeRules) -> ScrapeRules {
    let mut read = |key, default| table.get(key, limit).unwrap_or(default);
    ScrapeRules {
        sample_limit: read("sample_limit", default.sample_limit),
        label_limit: read("label_limit", default.label_limit),
        label_name_length_limit: read("label_name_length_limit", default.label_name_length_limit),
        label_value_length_limit: read(
            "label_value_length_limit",
            default.label_value_length_limit,
        ),
        ..default.clone()
    }
}
