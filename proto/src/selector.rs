//! PromQL's vector selectors: `name{label="value",other=~"a.*"}`, and whether labels match.
//!
//! Only the selector: no ranges, offsets or functions.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod parse;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::Labels;
use crate::labels::METRIC_NAME;
use crate::pattern;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`: the whole value matches the regular expression.
    Regex,
    /// `!~`
    NotRegex,
}

/// What a label must be. A label that is not there is the empty text, as in Prometheus.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    /// Of `value`, if `op` is one of the two that need it.
    regex: Option<Regex>,
}

/// Matchers that all have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// In the order in which they were written.
    pub matchers: Vec<Matcher>,
}

/// Why a selector cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It is not written as PromQL has it.
    #[error("expected {expected} at column {column} of {text}")]
    Syntax {
        /// What may stand there.
        expected: &'static str,
        /// Where, in characters from 1.
        column: usize,
        /// The whole selector.
        text: String,
    },
    /// A regular expression that is none, or that Go reads in another way.
    #[error("regular expression {pattern:?} of label {label}: {reason}")]
    Pattern {
        /// The label it is for.
        label: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Matcher {
    /// A matcher of the label `name` (`__name__` for the metric's).
    ///
    /// # Errors
    /// If `value` has to be a regular expression and is none.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Self, SelectorError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                let compiled = pattern::anchored(&value);
                Some(compiled.map_err(|reason| SelectorError::Pattern {
                    label: name.clone(),
                    pattern: value.clone(),
                    reason,
                })?)
            }
        };
        Ok(Self {
            name,
            op,
            value,
            regex,
        })
    }

    /// A matcher of a label that has one value.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            regex: None,
        }
    }

    /// The label it looks at.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// What it compares with: a text or a regular expression.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The one value that matches, if there is only one.
    pub fn only_value(&self) -> Option<&str> {
        (self.op == MatchOp::Equal).then_some(self.value.as_str())
    }

    /// Whether a value of its label matches.
    pub fn matches_value(&self, value: &str) -> bool {
        let is_match = || {
            self.regex
                .as_ref()
                .is_some_and(|regex| regex.is_match(value))
        };
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => is_match(),
            MatchOp::NotRegex => !is_match(),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl Selector {
    /// What has all of these labels, whatever else it has: of a target's labels, that target.
    pub fn of(labels: &Labels) -> Self {
        let pairs = labels.iter();
        Self {
            matchers: pairs
                .map(|(name, value)| Matcher::equal(name, value))
                .collect(),
        }
    }

    /// Whether all matchers hold for labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        let holds =
            |matcher: &Matcher| matcher.matches_value(labels.get(&matcher.name).unwrap_or(""));
        self.matchers.iter().all(holds)
    }

    /// The one value that a label must have, if a matcher says so.
    pub fn only_value(&self, name: &str) -> Option<&str> {
        let of_name = self.matchers.iter().filter(|matcher| matcher.name == name);
        of_name.filter_map(Matcher::only_value).next()
    }
}

impl Selector {
    /// The selector at the start of `text`, and its length in bytes: for texts in which more follows.
    ///
    /// # Errors
    /// If `text` does not start with one; columns count from the start of `text`.
    pub fn prefix(text: &str) -> Result<(Self, usize), SelectorError> {
        parse::prefix(text)
    }

    /// All series of a metric. Not a `From`: a command line would take that for the way to read text.
    pub fn named(name: &str) -> Self {
        Self {
            matchers: vec![Matcher::equal(METRIC_NAME, name)],
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        parse::selector(text)
    }
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}

/// A text in double quotes, as PromQL reads it.
pub fn quoted(text: &str) -> String {
    parse::quoted(text)
}

/// A label's name as a selector has it: in quotes if there are other characters than letters of
/// ASCII, digits and `_` in it.
pub fn label_name(name: &str) -> Cow<'_, str> {
    parse::name(name)
}

/// Prints as PromQL; reads back as the same selector.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (idx, matcher) in self.matchers.iter().enumerate() {
            let comma = if idx == 0 { "" } else { "," };
            let Matcher {
                name, op, value, ..
            } = matcher;
            write!(
                f,
                "{comma}{}{op}{}",
                parse::name(name),
                parse::quoted(value)
            )?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels() -> Labels {
        Labels::from_pairs([("__name__", "up"), ("job", "etcd"), ("zone", "b\n")])
    }

    #[track_caller]
    fn check(selector: &str, matches: bool) {
        let selector: Selector = selector.parse().unwrap();
        assert_eq!(selector.matches(&labels()), matches, "{selector}");
    }

    #[test]
    fn every_matcher_has_to_hold() {
        check("up", true);
        check("down", false);
        check(r#"up{job="etcd"}"#, true);
        check(r#"up{job="etcd",zone!="b\n"}"#, false);
        check(r#"{job=~"e.*",}"#, true);
        check(r#"{job=~"e"}"#, false);
        check(r#"{job!~"e"}"#, true);
        check(r#"{job=~"etc\\w"}"#, true);
        check(r"{job=~`etc\w`}", true);
        check(r#" up { job = 'etcd' } "#, true);
        check(r#"{"up"}"#, true);
        check(r#"{"job"="etcd"}"#, true);
        check("{}", true);
    }

    #[test]
    fn a_label_that_is_not_there_is_empty() {
        check(r#"{other=""}"#, true);
        check(r#"{other!=""}"#, false);
        check(r#"{other=~".*"}"#, true);
        check(r#"{other=~".+"}"#, false);
        check(r#"{other!="x"}"#, true);
    }

    #[track_caller]
    fn check_refused(selector: &str, message: &str) {
        let error = selector.parse::<Selector>().unwrap_err().to_string();
        assert_eq!(error, message);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        check_refused("up{job", r"expected =, !=, =~ or !~ at column 7 of up{job");
        check_refused(
            "up{job=etcd}",
            "expected a quoted value at column 8 of up{job=etcd}",
        );
        check_refused(
            r#"up{a="b" c="d"}"#,
            r#"expected , or } at column 10 of up{a="b" c="d"}"#,
        );
        check_refused(
            "up[5m]",
            "expected the end of the selector at column 3 of up[5m]",
        );
        check_refused(
            r#"up{a="b}"#,
            r#"expected the closing quote at column 9 of up{a="b}"#,
        );
        check_refused(
            r#"{a="\q"}"#,
            r#"expected an escape sequence of Go at column 5 of {a="\q"}"#,
        );
        check_refused("", "expected a metric name or { at column 1 of ");
        check_refused(
            r#"{a=~"("}"#,
            r#"regular expression "(" of label a: unclosed group"#,
        );
    }

    #[test]
    fn a_selector_ends_where_it_ends() {
        for (text, length) in [("up + 1", 2), (r#"up {a="b"}[5m]"#, 10), ("{} {}", 2)] {
            let (selector, end) = Selector::prefix(text).unwrap();
            assert_eq!(end, length, "{text}");
            assert_eq!(text[..end].parse(), Ok(selector));
        }
        assert!(Selector::prefix("5m").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(pairs in prop::collection::vec(("[a-z_.é]{1,4}", ".{0,8}"), 0..4)) {
            let matchers = pairs.into_iter().map(|(name, value)| Matcher::equal(name, value));
            let selector = Selector { matchers: matchers.collect() };
            prop_assert_eq!(selector.to_string().parse::<Selector>(), Ok(selector));
        }

        #[test]
        fn nothing_that_is_typed_panics(text in ".{0,40}") {
            let _ = text.parse::<Selector>();
        }
    }
}
