//! Cuts a page of text into its lines. A series is found here, and read in `series`.

use std::borrow::Cow;

use super::super::number;
use super::series::{self, unescape_help};
use super::{Dialect, Problem, seconds_to_millis};
use crate::UnixMillis;

const BAD_TIMESTAMP: Problem = "bad timestamp";
use crate::metrics::MetricKind;

/// One line of a page.
pub(super) enum Item<'a> {
    /// A line of metadata.
    Meta {
        name: Cow<'a, str>,
        field: MetaField<'a>,
    },
    /// A comment or an empty line.
    Ignored,
    /// A sample.
    Sample(SampleLine<'a>),
    /// The end of the page. OpenMetrics' is only complete behind `# EOF`.
    End { is_complete: bool },
}

/// What a line of metadata says.
pub(super) enum MetaField<'a> {
    Type(MetricKind),
    Help(Cow<'a, str>),
    Unit(&'a str),
}

/// A sample's line, its series not read.
pub(super) struct SampleLine<'a> {
    /// Everything up to the value.
    pub(super) piece: &'a [u8],
    pub(super) value: f64,
    pub(super) after: AfterValue<'a>,
}

/// What may follow a value.
#[derive(Default)]
pub(super) struct AfterValue<'a> {
    pub(super) timestamp: Option<UnixMillis>,
    pub(super) exemplar: Option<ExemplarText<'a>>,
}

/// An exemplar, its labels not read.
pub(super) struct ExemplarText<'a> {
    /// The labels in their braces.
    pub(super) labels: &'a [u8],
    pub(super) value: f64,
    pub(super) time: Option<UnixMillis>,
}

/// Goes through a page line by line.
pub(super) struct Lexer<'a> {
    dialect: Dialect,
    body: &'a [u8],
    rest: &'a [u8],
    is_complete: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(dialect: Dialect, body: &'a [u8]) -> Self {
        Self {
            dialect,
            body,
            rest: body,
            is_complete: dialect == Dialect::Prometheus,
        }
    }

    /// Bytes consumed so far.
    pub(super) fn offset(&self) -> usize {
        self.body.len() - self.rest.len()
    }

    /// Reads the next line.
    pub(super) fn next_item(&mut self) -> Result<Item<'a>, Problem> {
        match (self.rest.first(), self.dialect) {
            (None, _) => Ok(Item::End {
                is_complete: self.is_complete,
            }),
            (Some(_), Dialect::OpenMetrics) if self.is_complete => Err("data after # EOF"),
            (Some(b'\n'), Dialect::OpenMetrics) => Err("empty line"),
            (Some(b'\n' | b' ' | b'\t'), Dialect::Prometheus) => {
                // Blanks before a line, or all of one.
                let n_blanks = self.rest.iter().take_while(|byte| is_blank(**byte)).count();
                self.rest = self.rest.get(n_blanks..).unwrap_or_default();
                self.rest = self.rest.strip_prefix(b"\n").unwrap_or(self.rest);
                Ok(Item::Ignored)
            }
            (Some(b'#'), _) => self.comment(),
            (Some(_), _) => self.sample().map(Item::Sample),
        }
    }

    fn sample(&mut self) -> Result<SampleLine<'a>, Problem> {
        let length = piece_length(self.dialect, self.rest)?;
        let (piece, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or("line is cut short")?;
        let (value, rest) = number::take(rest).ok_or("value is not a number")?;
        let (after, rest) = after_value(self.dialect, rest)?;
        self.rest = rest;
        Ok(SampleLine {
            piece,
            value,
            after,
        })
    }

    fn comment(&mut self) -> Result<Item<'a>, Problem> {
        let end = memchr::memchr(b'\n', self.rest);
        let (line, rest) = match end.and_then(|end| self.rest.split_at_checked(end)) {
            Some((line, rest)) => (line, rest.get(1..).unwrap_or_default()),
            None => (
                self.rest,
                self.rest.get(self.rest.len()..).unwrap_or_default(),
            ),
        };
        self.rest = rest;
        if self.dialect == Dialect::OpenMetrics && line == b"# EOF" {
            self.is_complete = true;
            return Ok(Item::Ignored);
        }
        match keyword(self.dialect, line) {
            Some((keyword, after)) => self.meta(keyword, after),
            None if self.dialect == Dialect::OpenMetrics => Err("comment is no metadata"),
            None => Ok(Item::Ignored),
        }
    }

    fn meta(&mut self, keyword: &[u8], after: &'a [u8]) -> Result<Item<'a>, Problem> {
        let (name, text) = series::metadata_name(self.dialect, after)?;
        let text = std::str::from_utf8(text).map_err(|_| "invalid UTF-8")?;
        let field = match keyword {
            b"HELP" => MetaField::Help(unescape_help(text)),
            b"TYPE" => MetaField::Type(kind(self.dialect, text).ok_or("unknown metric type")?),
            _ => MetaField::Unit(text),
        };
        Ok(Item::Meta { name, field })
    }
}

/// `HELP`, `TYPE` or, in OpenMetrics, `UNIT` of a comment, and what follows it.
fn keyword(dialect: Dialect, line: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = skip_gap(dialect, line.strip_prefix(b"#")?)?;
    let (keyword, after) = text.split_at_checked(4)?;
    let is_keyword = match keyword {
        b"HELP" | b"TYPE" => true,
        b"UNIT" => dialect == Dialect::OpenMetrics,
        _ => false,
    };
    let after = skip_gap(dialect, after)?;
    is_keyword.then_some((keyword, after))
}

fn kind(dialect: Dialect, text: &str) -> Option<MetricKind> {
    Some(match (text, dialect) {
        ("counter", _) => MetricKind::Counter,
        ("gauge", _) => MetricKind::Gauge,
        ("histogram", _) => MetricKind::Histogram,
        ("summary", _) => MetricKind::Summary,
        ("untyped", Dialect::Prometheus) | ("unknown", Dialect::OpenMetrics) => MetricKind::Unknown,
        ("gaugehistogram", Dialect::OpenMetrics) => MetricKind::GaugeHistogram,
        ("info", Dialect::OpenMetrics) => MetricKind::Info,
        ("stateset", Dialect::OpenMetrics) => MetricKind::StateSet,
        _ => return None,
    })
}

/// Reads from behind a value to behind the end of the line.
pub(super) fn after_value(
    dialect: Dialect,
    input: &[u8],
) -> Result<(AfterValue<'_>, &[u8]), Problem> {
    let (after, rest) = match dialect {
        Dialect::Prometheus => after_prometheus_value(input)?,
        Dialect::OpenMetrics => after_openmetrics_value(input)?,
    };
    match rest.split_first() {
        None => Ok((after, rest)),
        Some((b'\n', rest)) => Ok((after, rest)),
        Some(_) => Err("unexpected text after the value"),
    }
}

/// Perhaps a timestamp in milliseconds, with any blanks.
fn after_prometheus_value(input: &[u8]) -> Result<(AfterValue<'_>, &[u8]), Problem> {
    let rest = trim_start(input);
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return Ok((AfterValue::default(), rest));
    }
    let end = rest.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = rest
        .split_at_checked(end.unwrap_or(rest.len()))
        .unwrap_or((rest, &[]));
    let millis = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    let timestamp = Some(UnixMillis(millis.ok_or(BAD_TIMESTAMP)?));
    Ok((
        AfterValue {
            timestamp,
            exemplar: None,
        },
        trim_start(rest),
    ))
}

/// Perhaps a timestamp in seconds, perhaps an exemplar, each behind one blank.
fn after_openmetrics_value(input: &[u8]) -> Result<(AfterValue<'_>, &[u8]), Problem> {
    let mut after = AfterValue::default();
    let mut rest = input;
    if let Some(tail) = rest
        .strip_prefix(b" ")
        .filter(|tail| !tail.starts_with(b"#"))
    {
        let (time, tail) = seconds(tail)?;
        after.timestamp = Some(time);
        rest = tail;
    }
    if let Some(tail) = rest.strip_prefix(b" # ") {
        let (exemplar, tail) = exemplar(tail)?;
        after.exemplar = Some(exemplar);
        rest = tail;
    }
    Ok((after, rest))
}

fn seconds(input: &[u8]) -> Result<(UnixMillis, &[u8]), Problem> {
    let (seconds, rest) = number::take(input).ok_or(BAD_TIMESTAMP)?;
    Ok((seconds_to_millis(seconds).ok_or(BAD_TIMESTAMP)?, rest))
}

fn exemplar(input: &[u8]) -> Result<(ExemplarText<'_>, &[u8]), Problem> {
    const PROBLEM: Problem = "bad exemplar";
    let length = braces_length(Dialect::OpenMetrics, input)?;
    let (labels, rest) = input.split_at_checked(length).ok_or(PROBLEM)?;
    let (value, rest) = number::take(rest.strip_prefix(b" ").ok_or(PROBLEM)?).ok_or(PROBLEM)?;
    let Some(tail) = rest.strip_prefix(b" ") else {
        return Ok((
            ExemplarText {
                labels,
                value,
                time: None,
            },
            rest,
        ));
    };
    let (time, rest) = seconds(tail)?;
    Ok((
        ExemplarText {
            labels,
            value,
            time: Some(time),
        },
        rest,
    ))
}

/// The metric's name of a line that starts with it, as nearly all do.
pub(super) fn plain_name(piece: &[u8]) -> Option<&str> {
    let end = memchr::memchr3(b'{', b' ', b'\t', piece).filter(|end| *end > 0)?;
    std::str::from_utf8(piece.get(..end)?).ok()
}

/// Length of a sample's line up to its value.
fn piece_length(dialect: Dialect, line: &[u8]) -> Result<usize, Problem> {
    const PROBLEM: Problem = "line has no value";
    let mut idx = memchr::memchr3(b'{', b' ', b'\t', line).ok_or(PROBLEM)?;
    if dialect == Dialect::Prometheus {
        idx += count_blanks(line, idx);
    }
    if line.get(idx) == Some(&b'{') {
        idx += braces_length(dialect, line.get(idx..).unwrap_or_default())?;
    }
    match (dialect, line.get(idx)) {
        (Dialect::Prometheus, _) => Ok(idx + count_blanks(line, idx)),
        (Dialect::OpenMetrics, Some(b' ')) => Ok(idx + 1),
        (Dialect::OpenMetrics, _) => Err("expected a blank before the value"),
    }
}

/// Length of a pair of braces and what is between; braces in quotes do not count.
fn braces_length(dialect: Dialect, input: &[u8]) -> Result<usize, Problem> {
    const PROBLEM: Problem = "labels do not end";
    let mut idx = 0;
    loop {
        let rest = input.get(idx..).unwrap_or_default();
        let found = memchr::memchr3(b'"', b'}', b'\n', rest).ok_or(PROBLEM)?;
        idx += found + 1;
        match rest.get(found) {
            Some(b'}') => return Ok(idx),
            Some(b'"') => idx += quoted_length(dialect, input.get(idx..).unwrap_or_default())?,
            _ => return Err(PROBLEM),
        }
    }
}

/// Length of a quoted text behind its first quote, the last quote included. Only the older format
/// has line breaks in it, and no format one behind a backslash.
pub(super) fn quoted_length(dialect: Dialect, input: &[u8]) -> Result<usize, Problem> {
    let mut idx = 0;
    loop {
        let rest = input.get(idx..).unwrap_or_default();
        let found = match dialect {
            Dialect::Prometheus => memchr::memchr2(b'"', b'\\', rest),
            Dialect::OpenMetrics => memchr::memchr3(b'"', b'\\', b'\n', rest),
        };
        let found = found.ok_or("quotes do not end")?;
        match (rest.get(found), rest.get(found + 1)) {
            (Some(b'"'), _) => return Ok(idx + found + 1),
            (Some(b'\\'), Some(escaped)) if *escaped != b'\n' => idx += found + 2,
            _ => return Err("quotes do not end on their line"),
        }
    }
}

fn count_blanks(line: &[u8], start: usize) -> usize {
    let rest = line.get(start..).unwrap_or_default();
    rest.len() - trim_start(rest).len()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Behind the gap between two words: one blank in OpenMetrics, any number in the older format.
pub(super) fn skip_gap(dialect: Dialect, input: &[u8]) -> Option<&[u8]> {
    match dialect {
        Dialect::OpenMetrics => input.strip_prefix(b" "),
        Dialect::Prometheus => Some(trim_start(input)).filter(|rest| rest.len() < input.len()),
    }
}

/// Behind blanks where there need not be any; OpenMetrics allows none there.
pub(super) fn skip_blanks(dialect: Dialect, input: &[u8]) -> &[u8] {
    if dialect == Dialect::Prometheus {
        trim_start(input)
    } else {
        input
    }
}

/// Without blanks at the start.
pub(super) fn trim_start(mut input: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t', rest)) = input.split_first() {
        input = rest;
    }
    input
}
