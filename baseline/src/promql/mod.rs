//! The part of PromQL in which signals are defined.
//!
//! Signals are computed page by page as they arrive, so only what one target's series answer over
//! a short window is known: selectors, `rate` and `increase`, `histogram_quantile`, aggregations
//! and arithmetic. The same text is what Prometheus evaluates in the rules and dashboards that are
//! generated from the catalogue.

mod ast;

pub use ast::{Aggregation, BinaryOperator, Expr, MatchOperator, Matcher, RangeFunction, Selector};
