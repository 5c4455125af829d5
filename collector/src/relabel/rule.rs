//! One rule, and how a list of them is applied.

use std::fmt;

use proto::LabelsBuilder;
use regex::Regex;

use super::md5;

/// What becomes of a target or a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays.
    Yes,
    /// A rule dropped it.
    No,
}

/// Applies `rules` in order; the first that drops ends it.
pub fn apply(rules: &[Rule], labels: &mut LabelsBuilder) -> Keep {
    if rules.iter().all(|rule| rule.apply(labels) == Keep::Yes) {
        Keep::Yes
    } else {
        Keep::No
    }
}

/// What a rule does, with Prometheus' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets `target_label` to the expanded replacement if the regex matches.
    Replace,
    /// Drops what the regex does not match.
    Keep,
    /// Drops what the regex matches.
    Drop,
    /// Drops unless the joined source labels equal `target_label`.
    KeepEqual,
    /// Drops if the joined source labels equal `target_label`.
    DropEqual,
    /// Sets `target_label` to a hash of the joined source labels, modulo `modulus`.
    HashMod,
    /// Copies each label whose name matches to the name that `replacement` expands to.
    LabelMap,
    /// Removes the labels whose name matches.
    LabelDrop,
    /// Removes the labels whose name does not match.
    LabelKeep,
    /// Sets `target_label` to the joined source labels in lower case.
    Lowercase,
    /// Sets `target_label` to the joined source labels in upper case.
    Uppercase,
}

impl Action {
    /// Every action by its name in the configuration.
    pub const ALL: [(&'static str, Self); 11] = [
        ("replace", Self::Replace),
        ("keep", Self::Keep),
        ("drop", Self::Drop),
        ("keepequal", Self::KeepEqual),
        ("dropequal", Self::DropEqual),
        ("hashmod", Self::HashMod),
        ("labelmap", Self::LabelMap),
        ("labeldrop", Self::LabelDrop),
        ("labelkeep", Self::LabelKeep),
        ("lowercase", Self::Lowercase),
        ("uppercase", Self::Uppercase),
    ];

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, action)| *action == self)
            .map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule as it is written: what is absent has Prometheus' default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleParts {
    /// Names of the labels that are joined.
    pub source_labels: Option<Vec<String>>,
    /// Joins them; `;` by default.
    pub separator: Option<String>,
    /// What is set; may hold `$1` for `replace`.
    pub target_label: Option<String>,
    /// Matched against the whole; `(.*)` by default.
    pub regex: Option<String>,
    /// For `hashmod`.
    pub modulus: Option<u64>,
    /// Expanded with the regex' groups; `$1` by default.
    pub replacement: Option<String>,
    /// `replace` by default.
    pub action: Option<Action>,
}

/// Why a rule cannot be.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The regex cannot be compiled.
    #[error("{regex:?} is not a regular expression: {reason}")]
    Regex {
        /// As written.
        regex: String,
        /// What is wrong.
        reason: String,
    },
    /// The action needs a part that is not there.
    #[error("action {action} needs {part}")]
    Missing {
        /// The action.
        action: Action,
        /// The key.
        part: &'static str,
    },
    /// The action has no use for a part that is there.
    #[error("action {action} has no use for {part}")]
    Useless {
        /// The action.
        action: Action,
        /// The key.
        part: &'static str,
    },
}

/// A rule that can be applied.
#[derive(Clone, Debug)]
pub struct Rule {
    action: Action,
    source_labels: Vec<String>,
    separator: String,
    target_label: String,
    regex: Regex,
    modulus: u64,
    replacement: String,
}

/// Equal rules do the same; a regex is its source.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
            && self.source_labels == other.source_labels
            && self.separator == other.separator
            && self.target_label == other.target_label
            && self.regex.as_str() == other.regex.as_str()
            && self.modulus == other.modulus
            && self.replacement == other.replacement
    }
}

impl TryFrom<RuleParts> for Rule {
    type Error = RuleError;

    fn try_from(parts: RuleParts) -> Result<Self, RuleError> {
        check(&parts)?;
        let pattern = parts.regex.as_deref().unwrap_or("(.*)");
        let regex = proto::pattern::anchored(pattern).map_err(|reason| RuleError::Regex {
            regex: pattern.to_owned(),
            reason,
        })?;
        Ok(Self {
            action: parts.action.unwrap_or(Action::Replace),
            source_labels: parts.source_labels.unwrap_or_default(),
            separator: parts.separator.unwrap_or_else(|| ";".to_owned()),
            target_label: parts.target_label.unwrap_or_default(),
            regex,
            modulus: parts.modulus.unwrap_or(0),
            replacement: parts.replacement.unwrap_or_else(|| "$1".to_owned()),
        })
    }
}

/// What each action needs and what it has no use for, as Prometheus checks it.
fn check(parts: &RuleParts) -> Result<(), RuleError> {
    use Action as A;
    let action = parts.action.unwrap_or(A::Replace);
    let needs_target = matches!(
        action,
        A::Replace | A::KeepEqual | A::DropEqual | A::HashMod | A::Lowercase | A::Uppercase
    );
    if needs_target && parts.target_label.as_deref().unwrap_or("").is_empty() {
        return Err(RuleError::Missing {
            action,
            part: "target_label",
        });
    }
    if action == A::HashMod && parts.modulus.unwrap_or(0) == 0 {
        return Err(RuleError::Missing {
            action,
            part: "modulus",
        });
    }
    let by_name = matches!(action, A::LabelDrop | A::LabelKeep);
    let equal = matches!(action, A::KeepEqual | A::DropEqual);
    let letters = matches!(action, A::Lowercase | A::Uppercase);
    let useless = [
        ("source_labels", by_name && parts.source_labels.is_some()),
        ("target_label", by_name && parts.target_label.is_some()),
        ("modulus", (by_name || equal) && parts.modulus.is_some()),
        ("separator", (by_name || equal) && parts.separator.is_some()),
        (
            "replacement",
            (by_name || equal || letters) && parts.replacement.is_some(),
        ),
        ("regex", equal && parts.regex.is_some()),
    ];
    match useless.into_iter().find(|(_, is_useless)| *is_useless) {
        Some((part, _)) => Err(RuleError::Useless { action, part }),
        None => Ok(()),
    }
}

impl Rule {
    fn apply(&self, labels: &mut LabelsBuilder) -> Keep {
        match self.action {
            Action::Replace => self.replace(labels),
            Action::Keep => return keep_if(self.regex.is_match(&self.source(labels))),
            Action::Drop => return keep_if(!self.regex.is_match(&self.source(labels))),
            Action::KeepEqual => {
                return keep_if(labels.get(&self.target_label) == self.source(labels));
            }
            Action::DropEqual => {
                return keep_if(labels.get(&self.target_label) != self.source(labels));
            }
            Action::HashMod => self.hash_mod(labels),
            Action::LabelMap => self.label_map(labels),
            Action::LabelDrop => retain_names(labels, |name| !self.regex.is_match(name)),
            Action::LabelKeep => retain_names(labels, |name| self.regex.is_match(name)),
            Action::Lowercase => {
                labels.set(&self.target_label, self.source(labels).to_lowercase());
            }
            Action::Uppercase => {
                labels.set(&self.target_label, self.source(labels).to_uppercase());
            }
        }
        Keep::Yes
    }

    fn source(&self, labels: &LabelsBuilder) -> String {
        let values: Vec<_> = self
            .source_labels
            .iter()
            .map(|name| labels.get(name))
            .collect();
        values.join(&self.separator)
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let source = self.source(labels);
        let Some(captures) = self.regex.captures(&source) else {
            return;
        };
        let mut name = String::new();
        captures.expand(&self.target_label, &mut name);
        if name.is_empty() {
            return;
        }
        let mut value = String::new();
        captures.expand(&self.replacement, &mut value);
        labels.set(name, value);
    }

    /// The last eight bytes of the MD5, big-endian: the shards are those of Prometheus.
    fn hash_mod(&self, labels: &mut LabelsBuilder) {
        let digest = md5::digest(self.source(labels).as_bytes());
        let hash = digest
            .iter()
            .skip(8)
            .fold(0u64, |hash, byte| hash << 8 | u64::from(*byte));
        labels.set(&self.target_label, (hash % self.modulus).to_string());
    }

    fn label_map(&self, labels: &mut LabelsBuilder) {
        for (name, value) in labels.pairs().to_vec() {
            if let Some(captures) = self.regex.captures(&name) {
                let mut mapped = String::new();
                captures.expand(&self.replacement, &mut mapped);
                if !mapped.is_empty() {
                    labels.set(mapped, value);
                }
            }
        }
    }
}

fn keep_if(condition: bool) -> Keep {
    if condition { Keep::Yes } else { Keep::No }
}

fn retain_names(labels: &mut LabelsBuilder, mut keep: impl FnMut(&str) -> bool) {
    let gone: Vec<_> = labels
        .pairs()
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !keep(name))
        .cloned()
        .collect();
    for name in gone {
        labels.remove(&name);
    }
}
