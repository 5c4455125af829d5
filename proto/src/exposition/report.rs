//! The series that a scrape has about itself: `up` and `scrape_*`, at the end of every layout.

use std::sync::Arc;

use super::ScrapeFacts;
use super::known::Counts;
use crate::labels::METRIC_NAME;
use crate::metrics::{Family, Layout, MetricKind, Series, SeriesId};
use crate::{LabelsBuilder, Target};

/// Number of these series.
pub(super) const N_REPORTS: usize = 5;

/// Name, help and unit of each (Prometheus' `reportSample`, scrape/scrape.go).
const REPORTS: [(&str, &str, &str); N_REPORTS] = [
    (
        "up",
        "Whether the last scrape of the target succeeded (1) or failed (0).",
        "",
    ),
    (
        "scrape_duration_seconds",
        "How long the scrape took.",
        "seconds",
    ),
    (
        "scrape_samples_scraped",
        "Samples that the target exposed.",
        "",
    ),
    (
        "scrape_samples_post_metric_relabeling",
        "Samples that were left after metric_relabel_configs.",
        "",
    ),
    (
        "scrape_series_added",
        "Series that the scrape before did not have.",
        "",
    ),
];

/// The families of the reports.
pub(super) fn families() -> impl Iterator<Item = Family> {
    REPORTS.iter().map(|(name, help, unit)| Family {
        name: (*name).to_owned(),
        kind: MetricKind::Gauge,
        help: (*help).to_owned(),
        unit: (*unit).to_owned(),
    })
}

/// The reports' series, whose families start at `first_family_idx`.
pub(super) fn series(target: &Target, first_family_idx: usize) -> impl Iterator<Item = Series> {
    REPORTS.iter().enumerate().map(move |(idx, (name, ..))| {
        let mut builder = LabelsBuilder::from(&target.labels);
        builder.set(METRIC_NAME, *name);
        let labels = builder.build();
        let family_idx = (first_family_idx + idx) as u32;
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx,
        }
    })
}

/// The layout of a target whose page is not known, or not there.
pub(super) fn layout(target: &Arc<Target>) -> Layout {
    Layout::new(
        Arc::clone(target),
        families().collect(),
        series(target, 0).collect(),
    )
}

/// Their values, in the same order.
pub(super) fn values(is_up: bool, scrape: ScrapeFacts, counts: Counts) -> [f64; N_REPORTS] {
    [
        f64::from(u8::from(is_up)),
        scrape.duration_seconds,
        counts.n_scraped as f64,
        counts.n_post_relabel as f64,
        counts.n_added as f64,
    ]
}
