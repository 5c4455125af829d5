//! Reads a series: `name{label="value"}`, or with quoted names `{"name","label"="value"}`.

use std::borrow::Cow;

use super::super::resolve::RawSeries;
use super::Problem;
use super::lexer::{is_blank, quoted_length, trim_start};
use crate::labels::METRIC_NAME;

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Reads a sample's line up to its value.
pub(super) fn parse(piece: &[u8]) -> Result<RawSeries<'_>, Problem> {
    let (name, rest) = bare_name(piece, IsMetric);
    let rest = trim_start(rest);
    let mut labels = match rest.first() {
        None => Vec::new(),
        Some(b'{') => parse_labels(rest)?,
        Some(_) => return Err("bad character in the metric's name"),
    };
    let in_braces = labels.iter().position(|(name, _)| name == METRIC_NAME);
    let in_braces = in_braces.map(|idx| labels.remove(idx).1);
    let name = match (name.is_empty(), in_braces) {
        (false, None) => Cow::Borrowed(as_str(name)?),
        (true, Some(name)) => name,
        (true, None) => return Err("metric has no name"),
        (false, Some(_)) => return Err("metric has two names"),
    };
    Ok(RawSeries { name, labels })
}

/// Reads labels in their braces. A quoted text without a value is the metric's name.
pub(super) fn parse_labels(braces: &[u8]) -> Result<Vec<Pair<'_>>, Problem> {
    let mut rest = trim_start(
        braces
            .strip_prefix(b"{")
            .ok_or("labels do not start with {")?,
    );
    let mut labels: Vec<Pair<'_>> = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"}") {
            let is_end = trim_start(after).is_empty();
            return if is_end {
                Ok(labels)
            } else {
                Err("unexpected text after the labels")
            };
        }
        let (pair, after) = parse_pair(rest)?;
        if labels.iter().any(|(name, _)| *name == pair.0) {
            return Err("label is there twice");
        }
        labels.push(pair);
        let after = trim_start(after);
        rest = match after.strip_prefix(b",") {
            Some(after) => trim_start(after),
            None if after.starts_with(b"}") => after,
            None => return Err("expected a comma or } after a label"),
        };
    }
}

fn parse_pair(input: &[u8]) -> Result<(Pair<'_>, &[u8]), Problem> {
    let (name, rest, is_quoted) = match input.strip_prefix(b"\"") {
        Some(text) => {
            let (name, rest) = quoted(text)?;
            (name, trim_start(rest), true)
        }
        None => {
            let (name, rest) = bare_name(input, IsLabel);
            (Cow::Borrowed(as_str(name)?), trim_start(rest), false)
        }
    };
    if is_quoted && matches!(rest.first(), Some(b',' | b'}')) {
        return Ok(((METRIC_NAME.into(), name), rest));
    }
    if name.is_empty() {
        return Err("bad name of a label");
    }
    let rest = trim_start(
        rest.strip_prefix(b"=")
            .ok_or("expected = after the name of a label")?,
    );
    let text = rest
        .strip_prefix(b"\"")
        .ok_or("value of a label is not in quotes")?;
    let (value, rest) = quoted(text)?;
    Ok(((name, value), rest))
}

/// The name of a line of metadata, and the text behind it.
pub(super) fn metadata_name(input: &[u8]) -> Result<(Cow<'_, str>, &[u8]), Problem> {
    let (name, rest) = match input.strip_prefix(b"\"") {
        Some(text) => quoted(text)?,
        None => {
            let (name, rest) = bare_name(input, IsMetric);
            (Cow::Borrowed(as_str(name)?), rest)
        }
    };
    match rest.split_first() {
        _ if name.is_empty() => Err("metadata without a metric's name"),
        None => Ok((name, rest)),
        Some((byte, _)) if is_blank(*byte) => Ok((name, trim_start(rest))),
        Some(_) => Err("bad character in the metric's name"),
    }
}

/// Reads a quoted text behind its first quote.
fn quoted(input: &[u8]) -> Result<(Cow<'_, str>, &[u8]), Problem> {
    let length = quoted_length(input)?;
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
        let series = parse(piece.as_bytes()).unwrap();
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
        check(r#"{__name__="m",a="}"} "#, r#"m [("a", "}")]"#);
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
            "m{a=\"1\" b=\"2\"} ",
            "m{a=1} ",
            "m{,} ",
            "m{a:b=\"1\"} ",
            "m{a=\"1\"}x ",
        ] {
            assert!(parse(piece.as_bytes()).is_err(), "{piece}");
        }
    }
}
