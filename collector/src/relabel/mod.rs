//! Prometheus' relabelling.

mod md5;
mod rule;

pub use rule::{Action, Keep, Rule, RuleError, RuleParts, apply};
