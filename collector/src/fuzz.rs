//! Entry points for fuzzing: whatever the text is, these return.

use std::path::Path;

use proto::{Labels, LabelsBuilder};

use crate::config::parse;
use crate::relabel::{Rule, RuleParts, apply};

/// Reads a configuration file, and shows what is wrong with it.
///
/// # Panics
/// If it is refused without a word.
pub fn config(text: &str) {
    if let Err(errors) = parse(Path::new("/nowhere/leadsman.yml"), text) {
        assert!(!errors.to_string().is_empty(), "refused without a word");
    }
}

/// Makes a rule, and applies it to a label of this value.
pub fn relabel(regex: &str, replacement: &str, target_label: &str, value: &str) {
    let rule = Rule::try_from(RuleParts {
        source_labels: Some(vec!["source".to_owned()]),
        target_label: Some(target_label.to_owned()),
        regex: Some(regex.to_owned()),
        replacement: Some(replacement.to_owned()),
        ..RuleParts::default()
    });
    if let Ok(rule) = rule {
        let labels = Labels::from_pairs([("source", value)]);
        apply(&[rule], &mut LabelsBuilder::from(&labels));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_rule_returns(
            regex in "(\\.|\\*|\\(|\\)|\\[|\\]|\\\\[dwsbpB]|\\^|\\$|\\||-|&|[a-c])*",
            replacement in "(\\$|\\{|\\}|[0-2]|a)*",
            value in ".*",
        ) {
            relabel(&regex, &replacement, "a_$1", &value);
        }

        #[test]
        fn any_text_returns(text in "(global:|scrape_configs:|- |\\[|\\{|\\}|\\]|:|\n|  |\"|[a-z0-9])*") {
            config(&text);
        }
    }
}
