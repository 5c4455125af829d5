//! Entry points for fuzzing: whatever the text is, these return.

use std::path::Path;

use proto::{Labels, LabelsBuilder};

use crate::config::parse;
use crate::fetch::outcome_in_pieces;
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

/// Reads what a server sends as an answer of HTTP/1.1, whole and in pieces of `step` bytes.
///
/// # Panics
/// If it makes a difference how it is cut.
pub fn http_answer(bytes: &[u8], step: u8) {
    let whole = outcome_in_pieces(bytes, usize::MAX);
    let in_pieces = outcome_in_pieces(bytes, usize::from(step).max(1));
    assert_eq!(whole, in_pieces, "in pieces of {step} bytes");
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
        fn an_answer_means_the_same_however_it_is_cut(
            start in "HTTP/1\\.[01] (200|204|100|503) x\r\n",
            headers in "(Content-Length: [0-9]{1,2}\r\n|Transfer-Encoding: chunked\r\n|Connection: close\r\n){0,2}\r\n",
            body in "([0-9a]{1,2}(;x)?\r\n|abcde|\r\n|0\r\n\r\n){0,6}",
            step in 1_u8..20,
        ) {
            http_answer((start + &headers + &body).as_bytes(), step);
        }

        #[test]
        fn any_text_returns(text in "(global:|scrape_configs:|- |\\[|\\{|\\}|\\]|:|\n|  |\"|[a-z0-9])*") {
            config(&text);
        }
    }
}
