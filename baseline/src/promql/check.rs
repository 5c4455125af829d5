//! What an expression is, without evaluating it.

use super::ast::{Expr, Selector};

impl Expr {
    /// Whether it is of series: a value for each set of labels. Or else it is one number.
    pub fn is_of_series(&self) -> bool {
        match self {
            Self::Number(_) | Self::Time => false,
            Self::Binary { left, right, .. } => left.is_of_series() || right.is_of_series(),
            Self::Selector(_)
            | Self::Range { .. }
            | Self::HistogramQuantile { .. }
            | Self::Aggregate { .. } => true,
        }
    }

    /// Every selector in it, from left to right.
    pub fn selectors(&self) -> Vec<&Selector> {
        match self {
            Self::Number(_) | Self::Time => Vec::new(),
            Self::Selector(selector) | Self::Range { of: selector, .. } => vec![selector],
            Self::HistogramQuantile { of, .. } | Self::Aggregate { of, .. } => of.selectors(),
            Self::Binary { left, right, .. } => [left.selectors(), right.selectors()].concat(),
        }
    }
}

/// Whether the label `le`, by which buckets are told apart, is aggregated away.
pub(super) fn loses_buckets(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::Time | Expr::Selector(_) | Expr::Range { .. } => false,
        Expr::HistogramQuantile { .. } => true,
        Expr::Aggregate { by, of, .. } => {
            !by.iter().any(|label| label == "le") || loses_buckets(of)
        }
        Expr::Binary { left, right, .. } => loses_buckets(left) || loses_buckets(right),
    }
}
