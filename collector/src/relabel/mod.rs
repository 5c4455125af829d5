//! Prometheus' relabelling.
//!
//! Names and actions are Prometheus'; so are the results, but for `\d`, `\w` and `\b` in a regex,
//! which know all of Unicode here.

mod md5;
mod rule;
#[cfg(test)]
mod tests;

pub use rule::{Action, Keep, Rule, RuleError, RuleParts, apply};
