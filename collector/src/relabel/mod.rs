//! Prometheus' relabelling.
//!
//! Names, actions and results are Prometheus'. The few regexes that Go reads in another way are
//! refused.

mod md5;
mod rule;
#[cfg(test)]
mod tests;

pub use rule::{Action, Keep, Rule, RuleError, RuleParts, apply};
