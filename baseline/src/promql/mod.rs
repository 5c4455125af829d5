//! The part of PromQL in which signals are defined.
//!
//! Signals are computed page by page as they arrive, so only what one target's series answer over
//! a short window is known: selectors, `rate` and `increase`, `histogram_quantile`, aggregations
//! and arithmetic. The same text is what Prometheus evaluates in the rules and dashboards that are
//! generated from the catalogue.
//!
//! Reading and printing do not know which metrics there are.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod ast;
mod call;
mod check;
mod cursor;
mod display;
mod error;
mod parse;
#[cfg(test)]
mod tests;
mod unsupported;

pub use ast::{Aggregation, BinaryOperator, Expr, MatchOperator, Matcher, RangeFunction, Selector};
pub use error::ParseError;
