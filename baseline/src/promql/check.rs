//! What an expression is, without evaluating it.

use super::ast::Expr;

/// Whether it has series in it: a value for each set of labels. Or else it is one number.
pub(super) fn is_of_series(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::Time => false,
        Expr::Binary { left, right, .. } => is_of_series(left) || is_of_series(right),
        Expr::Selector(_)
        | Expr::Range { .. }
        | Expr::HistogramQuantile { .. }
        | Expr::Aggregate { .. } => true,
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
