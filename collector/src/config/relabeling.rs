//! Reads `relabel_configs` and `metric_relabel_configs`.

use super::scalar::{integer, list, non_empty, one_of, string};
use super::table::Table;
use crate::relabel::{Action, Rule, RuleError, RuleParts};

/// The rules at `key`, in order.
pub(super) fn read(table: &mut Table<'_>, key: &'static str) -> Vec<Rule> {
    table.tables(key, read_rule).into_iter().flatten().collect()
}

fn read_rule(table: &mut Table<'_>) -> Option<Rule> {
    let parts = RuleParts {
        source_labels: table.get("source_labels", list(non_empty)),
        separator: table.get("separator", string),
        target_label: table.get("target_label", non_empty),
        regex: table.get("regex", string),
        modulus: table.get("modulus", integer(1..=u64::MAX)),
        replacement: table.get("replacement", string),
        action: table.get("action", one_of(&Action::ALL)),
    };
    if parts.action.is_none() && table.has("action") {
        return None;
    }
    let error = match Rule::try_from(parts) {
        Ok(rule) => return Some(rule),
        Err(error) => error,
    };
    match &error {
        RuleError::Regex { .. } => table.fail("regex", error.to_string(), "RE2 syntax"),
        // Its value is wrong, and that has been said.
        RuleError::Missing { part, .. } if table.has(part) => {}
        RuleError::Missing { part, .. } => table.fail(part, error.to_string(), "a value"),
        RuleError::Useless { part, .. } => table.fail(part, error.to_string(), "leaving it out"),
    }
    None
}
