//! The shape of an expression.

use std::time::Duration;

/// An expression of the part of PromQL that one target's pages can answer as they come.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// `time()`: seconds since 1970 at which the expression is evaluated.
    Time,
    /// The latest values of series.
    Selector(Selector),
    /// What series did over a window that ends now.
    Range {
        /// `rate` or `increase`.
        function: RangeFunction,
        /// Of which series.
        of: Selector,
        /// Length of the window.
        window: Duration,
    },
    /// `histogram_quantile(q, of)` over series with the label `le`.
    HistogramQuantile {
        /// 0 to 1.
        q: f64,
        /// Rates of buckets, `le` among their labels.
        of: Box<Expr>,
    },
    /// `sum by (labels) (of)` and its like.
    Aggregate {
        /// How many values become one.
        operator: Aggregation,
        /// Labels that are kept; those of the target are always kept.
        by: Vec<String>,
        /// What is aggregated.
        of: Box<Expr>,
    },
    /// `left operator right`.
    Binary {
        /// What is done with each pair of values whose labels are the same.
        operator: BinaryOperator,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
}

/// `name{matchers}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Name of the metric.
    pub name: String,
    /// All of them must hold.
    pub matchers: Vec<Matcher>,
}

/// A condition on one label; a label that is not there is the empty text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// Name of the label.
    pub label: String,
    /// How it is compared.
    pub operator: MatchOperator,
    /// With what: a text, or a regular expression that must match the whole value.
    pub value: String,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOperator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    DoesNotMatch,
}

/// A function of a counter over a window; both know resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeFunction {
    /// Per second.
    Rate,
    /// Over the whole window.
    Increase,
}

/// How many values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// `sum`
    Sum,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `avg`
    Avg,
    /// `count`: how many values there are.
    Count,
}

/// What is done with two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `or`: the left side, and of the right side what the left does not have.
    Or,
}
