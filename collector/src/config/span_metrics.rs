//! `span_metrics`: what is counted of received spans.

use std::time::Duration;

use baseline::span_metrics::Limits;

use super::global::INTERVALS;
use super::scalar::{boolean, duration, integer};
use super::table::Table;

/// What is counted of received spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanMetricsConfig {
    /// Whether they are counted.
    pub enabled: bool,
    /// Time between two samples of each count.
    pub interval: Duration,
    /// How much is counted apart.
    pub limits: Limits,
}

impl SpanMetricsConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Limits::default();
        Self {
            enabled: table.get("enabled", boolean).unwrap_or(true),
            interval: table
                .get("interval", duration(INTERVALS))
                .unwrap_or(Duration::from_secs(15)),
            limits: Limits {
                max_services: table
                    .get("max_services", integer(1..=1000))
                    .unwrap_or(default.max_services),
                max_operations: table
                    .get("max_operations", integer(1..=10_000))
                    .unwrap_or(default.max_operations),
            },
        }
    }
}
