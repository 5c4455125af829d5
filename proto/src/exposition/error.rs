//! Why a page is refused.

use crate::Labels;

/// A page that was refused whole. Nothing of it is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A line is not in the format.
    #[error("line {line}: {problem}, at {excerpt:?}")]
    Syntax {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
        /// The start of what could not be read.
        excerpt: String,
    },
    /// A protobuf message is not in the format.
    #[error("family {family:?}: {problem}")]
    Message {
        /// The metric family, as far as it is known.
        family: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An OpenMetrics page was cut short.
    #[error("page does not end with # EOF")]
    MissingEof,
    /// Relabelling left a series without a name.
    #[error("series {labels} has no name after relabelling")]
    NameMissing {
        /// What is left of it.
        labels: Labels,
    },
    /// More samples than `sample_limit`.
    #[error("more than {limit} samples (sample_limit)")]
    SampleLimit {
        /// The limit.
        limit: usize,
    },
    /// A series has more labels than `label_limit`.
    #[error("metric {metric} has {found} labels, more than {limit} (label_limit)")]
    LabelLimit {
        /// Name of the metric.
        metric: String,
        /// Number of its labels.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The name of a label is longer than `label_name_length_limit`.
    #[error(
        "metric {metric} has a label name of {found} bytes, more than {limit} (label_name_length_limit)"
    )]
    LabelNameLength {
        /// Name of the metric.
        metric: String,
        /// Length of the name in bytes.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The value of a label is longer than `label_value_length_limit`.
    #[error(
        "metric {metric} has a value of {found} bytes for label {label}, more than {limit} (label_value_length_limit)"
    )]
    LabelValueLength {
        /// Name of the metric.
        metric: String,
        /// Name of the label.
        label: String,
        /// Length of the value in bytes.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

impl PageError {
    /// A short, stable word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Message { .. } => "syntax",
            Self::MissingEof => "missing_eof",
            Self::NameMissing { .. } => "name_missing",
            Self::SampleLimit { .. } => "sample_limit",
            Self::LabelLimit { .. } => "label_limit",
            Self::LabelNameLength { .. } => "label_name_length_limit",
            Self::LabelValueLength { .. } => "label_value_length_limit",
        }
    }
}
