//! `judging`: how often signals are computed, and how patient the judge is.

use std::time::Duration;

use baseline::assess::Options;

use super::scalar::duration;
use super::table::Table;
use super::web::base_of_links;

const HOUR: Duration = Duration::from_secs(3600);

/// How often signals are computed, and how patient the judge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgingConfig {
    /// Time between two values of a signal; with a longer scrape interval each scrape gives one.
    pub signal_interval: Duration,
    /// Time between two looks at weeks.
    pub review_interval: Duration,
    /// When a trouble begins to fire, and when it is over.
    pub patience: Options,
    /// Where Grafana with our dashboards is: scheme and host, without a slash at the end.
    pub grafana_url: Option<String>,
}

impl JudgingConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Options::default();
        Self {
            signal_interval: table
                .get("signal_interval", duration(Duration::from_secs(1)..=HOUR))
                .unwrap_or(Duration::from_secs(60)),
            review_interval: table
                .get(
                    "review_interval",
                    duration(Duration::from_secs(1)..=24 * HOUR),
                )
                .unwrap_or(HOUR),
            patience: Options {
                hold: table
                    .get("hold", duration(Duration::ZERO..=24 * HOUR))
                    .unwrap_or(default.hold),
                calm: table
                    .get("calm", duration(Duration::ZERO..=24 * HOUR))
                    .unwrap_or(default.calm),
            },
            grafana_url: table.get("grafana_url", base_of_links),
        }
    }
}
