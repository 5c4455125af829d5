//! Values of keys: from the text of a node to what it means, or what would be allowed.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use proto::{Labels, LabelsBuilder};

use super::units;
use super::yaml::{Node, Value};

/// Why a value cannot be, and what can.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The line, if it is not the key's.
    pub(super) line: Option<usize>,
    pub(super) problem: String,
    pub(super) allowed: String,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self {
            line: None,
            problem: problem.into(),
            allowed: allowed.into(),
        }
    }

    /// `node` is not what is allowed.
    pub(super) fn value(node: &Node, allowed: impl Into<String>) -> Self {
        let problem = match &node.value {
            Value::Null => "there is no value".to_owned(),
            Value::Scalar { text, .. } => format!("wrong value {:?}", shorten(text)),
            Value::List(_) => "wrong value (a list)".to_owned(),
            Value::Map(_) => "wrong value (a mapping)".to_owned(),
        };
        Self {
            line: Some(node.line),
            problem,
            allowed: allowed.into(),
        }
    }
}

/// At most 60 characters of what was written.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What a value is, whatever it means.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

pub(super) fn string(node: &Node) -> Result<String, Wrong> {
    text(node)
        .map(str::to_owned)
        .ok_or_else(|| Wrong::value(node, "text"))
}

pub(super) fn non_empty(node: &Node) -> Result<String, Wrong> {
    match text(node) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Wrong::value(node, "text that is not empty")),
    }
}

pub(super) fn boolean(node: &Node) -> Result<bool, Wrong> {
    match &node.value {
        Value::Scalar {
            text,
            quoted: false,
        } if text == "true" => Ok(true),
        Value::Scalar {
            text,
            quoted: false,
        } if text == "false" => Ok(false),
        Value::Scalar { quoted: true, .. } => Err(Wrong::new("text in quotes", "true, false")),
        _ => Err(Wrong::value(node, "true, false")),
    }
}

/// A whole number in `range`.
pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl Fn(&Node) -> Result<T, Wrong>
where
    T: FromStr + PartialOrd + Display,
{
    move |node| match text(node).and_then(|text| text.parse().ok()) {
        Some(number) if range.contains(&number) => Ok(number),
        _ => {
            let (least, most) = (range.start(), range.end());
            Err(Wrong::value(
                node,
                format!("a whole number from {least} to {most}"),
            ))
        }
    }
}

/// A limit, where zero means that there is none.
pub(super) fn limit(node: &Node) -> Result<usize, Wrong> {
    text(node)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Wrong::value(node, "a whole number; 0 means no limit"))
}

/// A number from 0 to 1.
pub(super) fn share(node: &Node) -> Result<f64, Wrong> {
    match text(node).and_then(|text| text.parse().ok()) {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(Wrong::value(node, "a number from 0 to 1, such as 0.2")),
    }
}

/// A length of time in `range`.
pub(super) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&Node) -> Result<Duration, Wrong> {
    move |node| match text(node).and_then(units::parse_duration) {
        Some(duration) if range.contains(&duration) => Ok(duration),
        _ => {
            let (least, most) = (range.start(), range.end());
            let (least, most) = (
                units::format_duration(*least),
                units::format_duration(*most),
            );
            let allowed = format!("a duration such as 15s or 1m30s, from {least} to {most}");
            Err(Wrong::value(node, allowed))
        }
    }
}

/// A number of bytes in `range`.
pub(super) fn size(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<u64, Wrong> {
    move |node| match text(node).and_then(units::parse_size) {
        Some(size) if range.contains(&size) => Ok(size),
        _ => {
            let (least, most) = (
                units::format_size(*range.start()),
                units::format_size(*range.end()),
            );
            let allowed = format!("a size such as 10MB or 64KiB, from {least} to {most}");
            Err(Wrong::value(node, allowed))
        }
    }
}

/// One of a few names.
pub(super) fn one_of<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&Node) -> Result<T, Wrong> {
    move |node| {
        let chosen = text(node).and_then(|text| choices.iter().find(|(name, _)| *name == text));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            Wrong::value(node, names.join(", "))
        })
    }
}

/// A list whose items are read by `item`.
pub(super) fn list<T>(
    item: impl Fn(&Node) -> Result<T, Wrong>,
) -> impl Fn(&Node) -> Result<Vec<T>, Wrong> {
    move |node| match &node.value {
        Value::List(items) => items.iter().map(&item).collect(),
        _ => Err(Wrong::value(node, "a list")),
    }
}

/// A mapping of names to values that are read by `item`, in the order of the file.
pub(super) fn mapping<T>(
    item: impl Fn(&Node) -> Result<T, Wrong>,
) -> impl Fn(&Node) -> Result<Vec<(String, T)>, Wrong> {
    move |node| match &node.value {
        Value::Map(entries) => entries
            .iter()
            .map(|entry| match item(&entry.value) {
                Ok(value) => Ok((entry.key.clone(), value)),
                Err(wrong) => Err(Wrong {
                    line: Some(entry.line),
                    problem: format!("{:?}: {}", entry.key, wrong.problem),
                    ..wrong
                }),
            })
            .collect(),
        _ => Err(Wrong::value(node, "a mapping of names to values")),
    }
}

/// Label pairs. Names that begin with `__` are for relabelling; any other is free.
pub(super) fn labels(node: &Node) -> Result<Labels, Wrong> {
    let mut builder = LabelsBuilder::default();
    for (name, value) in mapping(string)(node)? {
        if name.is_empty() {
            return Err(Wrong::value(node, "label names that are not empty"));
        }
        builder.set(name, value);
    }
    Ok(builder.build())
}
