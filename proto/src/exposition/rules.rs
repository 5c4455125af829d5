//! What a job's configuration says about its pages.

use std::fmt;
use std::sync::Arc;

use crate::LabelsBuilder;

/// `metric_relabel_configs`, as the decoder sees them.
pub trait SeriesRules: Send + Sync {
    /// Rewrites the labels of one series. Returns false to drop it.
    ///
    /// It must be a pure function of the labels: it is asked once for each series, and the
    /// answer is remembered for as long as the target exposes it.
    fn relabel(&self, labels: &mut LabelsBuilder) -> bool;
}

/// What happens when a page exposes a label that the target has too (`honor_labels`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelConflict {
    /// The page's label wins.
    HonorMetric,
    /// The target's label wins; the page's is kept as `exported_<name>`.
    #[default]
    HonorTarget,
}

/// What happens to explicit timestamps (`honor_timestamps`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampPolicy {
    /// They are the samples' times.
    #[default]
    Honor,
    /// All samples have the scrape's time.
    Ignore,
}

/// Rules and limits for the pages of one target. A limit of 0 is none.
#[derive(Clone, Default)]
pub struct PageRules {
    /// `honor_labels`.
    pub honor_labels: LabelConflict,
    /// `honor_timestamps`.
    pub timestamps: TimestampPolicy,
    /// Most samples after relabelling; one more fails the scrape.
    pub sample_limit: usize,
    /// Most labels of one series, the target's and `__name__` included.
    pub label_limit: usize,
    /// Longest name of a label, in bytes.
    pub label_name_length_limit: usize,
    /// Longest value of a label, in bytes.
    pub label_value_length_limit: usize,
    /// `metric_relabel_configs`.
    pub series: Option<Arc<dyn SeriesRules>>,
}

impl fmt::Debug for PageRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageRules")
            .field("honor_labels", &self.honor_labels)
            .field("timestamps", &self.timestamps)
            .field("sample_limit", &self.sample_limit)
            .field("label_limit", &self.label_limit)
            .field("label_name_length_limit", &self.label_name_length_limit)
            .field("label_value_length_limit", &self.label_value_length_limit)
            .field("series", &self.series.as_ref().map(|_| "…"))
            .finish()
    }
}
