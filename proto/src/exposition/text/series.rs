//! Reads a series: `name{label="value"}`, or with quoted names `{"name","label"="value"}`.

use std::borrow::Cow;

use super::super::resolve::RawSeries;
use super::lexer::{quoted_length, skip_blanks, trim_start};
use super::{Dialect, Problem};
use crate::labels::METRIC_NAME;

/// Reads a sample's line up to its value.
pub(super) fn parse(dialect: Dialect, piece: &[u8]) -> Result<RawSeries<'_>, Problem> {
    let (name, rest) = bare_name(piece, IsMetric);
    let rest = trim_start(rest);
    let set = match rest.first() {
        None => LabelSet::default(),
        Some(b'{') => parse_labels(dialect, rest)?,
        Some(_) => return Err("bad character in the metric's name"),
    };
    let name = match (name.is_empty(), set.metric) {
        (false, None) => Cow::Borrowed(as_str(name)?),
        (true, Some(name)) => name,
        (true, None) => return Err("metric has no name"),
        (false, Some(_)) => return Err("metric has two names"),
    };
    if set.labels.iter().any(|(label, _)| label == METRIC_NAME) {
        return Err("label __name__ is not allowed");
    }
    Ok(RawSeries {
        name,
        labels: set.labels,
    })
}

/// What is in a pair of braces.
#[derive(Default)]
pub(super) struct LabelSet<'a> {
    /// A quoted text without a value: the name of the metric.
    metric: Option<Cow<'a, str>>,
    pub(super) labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

enum Member<'a> {
    Metric(Cow<'a, str>),
    Label(Cow<'a, str>, Cow<'a, str>),
}

/// Reads labels in their braces.
pub(super) fn parse_labels(dialect: Dialect, braces: &[u8]) -> Result<LabelSet<'_>, Problem> {
    let rest = braces
        .strip_prefix(b"{")
        .ok_or("labels do not start with {")?;
    let mut rest = skip_blanks(dialect, rest);
    let mut set = LabelSet::default();
    loop {
        if let Some(after) = rest.strip_prefix(b"}") {
            let is_end = trim_start(after).is_empty();
            return if is_end {
                Ok(set)
            } else {
                Err("unexpected text after the labels")
            };
        }
        let (member, after) = parse_member(dialect, rest)?;
        match member {
            Member::Metric(name) if set.metric.is_none() => set.metric = Some(name),
            Member::Metric(_) => return Err("metric has two names"),
            Member::Label(name, _) if set.labels.iter().any(|(known, _)| *known == name) => {
                return Err("label is there twice");
            }
            Member::Label(name, value) => set.labels.push((name, value)),
        }
        let after = skip_blanks(dialect, after);
        rest = match after.strip_prefix(b",") {
            Some(after) => skip_blanks(dialect, after),
            // Prometheus' parser of the older format does without the comma, too.
            None if dialect == Dialect::Prometheus || after.starts_with(b"}") => after,
            None => return Err("expected a comma or } after a label"),
        };
    }
}

fn parse_member(dialect: Dialect, input: &[u8]) -> Result<(Member<'_>, &[u8]), Problem> {
    let (name, rest) = match input.strip_prefix(b"\"") {
        Some(text) => {
            let (name, rest) = quoted(dialect, text)?;
            let rest = skip_blanks(dialect, rest);
            if matches!(rest.first(), Some(b',' | b'}')) {
                return Ok((Member::Metric(name), rest));
            }
            (name, rest)
        }
        None => {
            let (name, rest) = bare_name(input, IsLabel);
            (Cow::Borrowed(as_str(name)?), skip_blanks(dialect, rest))
        }
    };
    if name.is_empty() {
        return Err("bad name of a label");
    }
    let rest = rest
        .strip_prefix(b"=")
        .ok_or("expected = after the name of a label")?;
    let text = skip_blanks(dialect, rest).strip_prefix(b"\"");
    let (value, rest) = quoted(dialect, text.ok_or("value of a label is not in quotes")?)?;
    Ok((Member::Label(name, value), rest))
}

/// The name of a line of metadata, and the text behind it.
pub(super) fn metadata_name(
    dialect: Dialect,
    input: &[u8],
) -> Result<(Cow<'_, str>, &[u8]), Problem> {
    let (name, rest) = match input.strip_prefix(b"\"") {
        Some(text) => quoted(dialect, text)?,
        None => {
            let (name, rest) = bare_name(input, IsMetric);
            (Cow::Borrowed(as_str(name)?), rest)
        }
    };
    match rest.split_first() {
        _ if name.is_empty() => Err("metadata without a metric's name"),
        Some((b' ' | b'\t', text)) => Ok((name, text)),
        None if dialect == Dialect::Prometheus => Ok((name, rest)),
        None => Err("metadata without a text"),
        Some(_) => Err("bad character in the metric's name"),
    }
}

/// Reads a quoted text behind its first quote.
fn quoted(dialect: Dialect, input: &[u8]) -> Result<(Cow<'_, str>, &[u8]), Problem> {
    let length = quoted_length(dialect, input)?;
    let (text, rest) = input.split_at_checked(length).ok_or("quotes do not end")?;
    let text = as_str(text.strip_suffix(b"\"").unwrap_or(text))?;
    Ok((unescape(text, Quotes::Escaped), rest))
}

/// `\\` and `\n` of a help text.
pub(super) fn unescape_help(text: &str) -> Cow<'_, str> {
    unescape(text, Quotes::Plain)
}

#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    Escaped,
    Plain,
}

/// Other escapes stay as they are, as in Prometheus.
fn unescape(text: &str, quotes: Quotes) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('\\') => plain.push('\\'),
            Some('"') if quotes == Quotes::Escaped => plain.push('"'),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}

/// Where a bare name stands: metrics' names may have colons.
#[derive(Clone, Copy)]
enum NameOf {
    IsMetric,
    IsLabel,
}
use NameOf::{IsLabel, IsMetric};

fn bare_name(input: &[u8], name_of: NameOf) -> (&[u8], &[u8]) {
    let is_first = |byte: u8| {
        byte.is_ascii_alphabetic() || byte == b'_' || (byte == b':' && matches!(name_of, IsMetric))
    };
    let mut length = 0;
    while let Some(byte) = input.get(length).copied() {
        if !(is_first(byte) || (length > 0 && byte.is_ascii_digit())) {
            break;
        }
        length += 1;
    }
    input.split_at_checked(length).unwrap_or((input, &[]))
}

fn as_str(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|_| "invalid UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(piece: &str, expected: &str) {
        let series = parse(Dialect::Prometheus, piece.as_bytes()).unwrap();
        assert_eq!(
            format!("{} {:?}", series.name, series.labels),
            expected,
            "{piece}"
        );
    }

    #[test]
    fn series_are_read_as_prometheus_reads_them() {
        check("up ", "up []");
        check("up{} ", "up []");
        check(
            "a:b { x = \"1\" , y=\"2\", } ",
            r#"a:b [("x", "1"), ("y", "2")]"#,
        );
        check(
            r#"m{p="C:\\d",q="a\"b\n\z"} "#,
            r#"m [("p", "C:\\d"), ("q", "a\"b\n\\z")]"#,
        );
        check(r#"{"my.metric","a.b"="c"} "#, r#"my.metric [("a.b", "c")]"#);
        check(r#"{"m",a="}"} "#, r#"m [("a", "}")]"#);
        check(r#"m{a="1" b="2"} "#, r#"m [("a", "1"), ("b", "2")]"#);
    }

    #[test]
    fn bad_series_are_refused() {
        for piece in [
            "1a ",
            "a-b ",
            "{} ",
            "{a=\"b\"} ",
            "m{\"n\"} ",
            "m{a=\"1\",a=\"2\"} ",
            "m{__name__=\"n\"} ",
            "m{a=1} ",
            "m{,} ",
            "m{a:b=\"1\"} ",
            "m{a=\"1\"}x ",
        ] {
            assert!(
                parse(Dialect::Prometheus, piece.as_bytes()).is_err(),
                "{piece}"
            );
        }
    }
}
