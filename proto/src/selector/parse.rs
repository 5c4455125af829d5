//! The text of a selector → matchers, and quoting back.

use std::borrow::Cow;

use super::{MatchOp, Matcher, Selector, SelectorError};
use crate::labels::METRIC_NAME;

/// Reads a whole selector.
pub(super) fn selector(text: &str) -> Result<Selector, SelectorError> {
    let mut input = Input { text, at: 0 };
    let selector = one(&mut input)?;
    input.skip_space();
    if input.rest().is_empty() {
        Ok(selector)
    } else {
        Err(input.expected("the end of the selector"))
    }
}

/// Reads a selector and tells where it ends.
pub(super) fn prefix(text: &str) -> Result<(Selector, usize), SelectorError> {
    let mut input = Input { text, at: 0 };
    let selector = one(&mut input)?;
    Ok((selector, input.at))
}

fn one(input: &mut Input<'_>) -> Result<Selector, SelectorError> {
    let mut matchers = Vec::new();
    input.skip_space();
    if let Some(name) = input.identifier(Colons::Allowed) {
        matchers.push(Matcher::equal(METRIC_NAME, name));
    } else if !input.rest().starts_with('{') {
        return Err(input.expected("a metric name or {"));
    }
    let end = input.at;
    input.skip_space();
    if input.take("{") {
        braces(input, &mut matchers)?;
    } else {
        input.at = end;
    }
    Ok(Selector { matchers })
}

fn braces(input: &mut Input<'_>, matchers: &mut Vec<Matcher>) -> Result<(), SelectorError> {
    loop {
        input.skip_space();
        if input.take("}") {
            return Ok(());
        }
        matchers.push(matcher(input)?);
        input.skip_space();
        if !input.take(",") && !input.rest().starts_with('}') {
            return Err(input.expected(", or }"));
        }
    }
}

/// `label="value"`, or a metric's name in quotes.
fn matcher(input: &mut Input<'_>) -> Result<Matcher, SelectorError> {
    let (name, is_quoted) = match input.identifier(Colons::Refused) {
        Some(name) => (name.to_owned(), false),
        None => match input.quoted()? {
            Some(name) => (name, true),
            None => return Err(input.expected("a label name or }")),
        },
    };
    input.skip_space();
    if is_quoted && input.rest().starts_with([',', '}']) {
        return Ok(Matcher::equal(METRIC_NAME, name));
    }
    let ops = [
        ("=~", MatchOp::Regex),
        ("!~", MatchOp::NotRegex),
        ("!=", MatchOp::NotEqual),
        ("=", MatchOp::Equal),
    ];
    let op = ops.iter().find(|(sign, _)| input.take(sign));
    let (_, op) = op.ok_or_else(|| input.expected("=, !=, =~ or !~"))?;
    input.skip_space();
    let value = input.quoted()?;
    let value = value.ok_or_else(|| input.expected("a quoted value"))?;
    Matcher::new(name, *op, value)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colons {
    Allowed,
    Refused,
}

struct Input<'a> {
    text: &'a str,
    /// Bytes that are read.
    at: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn expected(&self, expected: &'static str) -> SelectorError {
        let read = self.text.get(..self.at).unwrap_or("");
        SelectorError::Syntax {
            expected,
            column: read.chars().count() + 1,
            text: self.text.to_owned(),
        }
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_there = self.rest().starts_with(sign);
        self.at += if is_there { sign.len() } else { 0 };
        is_there
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn identifier(&mut self, colons: Colons) -> Option<&'a str> {
        let rest = self.rest();
        let is_other = |c: char| !(is_identifier(c) || c == ':' && colons == Colons::Allowed);
        let (name, _) = rest.split_at_checked(rest.find(is_other).unwrap_or(rest.len()))?;
        let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
        self.at += if is_name { name.len() } else { 0 };
        is_name.then_some(name)
    }

    /// A quoted text; `None` if there is no quote.
    fn quoted(&mut self) -> Result<Option<String>, SelectorError> {
        let quotes = ['"', '\'', '`'];
        let Some(quote) = quotes
            .into_iter()
            .find(|quote| self.rest().starts_with(*quote))
        else {
            return Ok(None);
        };
        self.next();
        let mut bytes = Vec::new();
        loop {
            match self.next() {
                None => return Err(self.expected("the closing quote")),
                Some(end) if end == quote => break,
                Some('\\') if quote != '`' => self.escape(quote, &mut bytes)?,
                Some(plain) => push(&mut bytes, plain),
            }
        }
        // Escapes may make up bytes that are no UTF-8; no label has those.
        let text = String::from_utf8(bytes).map_err(|_| self.expected("UTF-8 before the quote"))?;
        Ok(Some(text))
    }

    /// What follows a backslash, as `strconv.UnquoteChar` of Go reads it.
    fn escape(&mut self, quote: char, bytes: &mut Vec<u8>) -> Result<(), SelectorError> {
        let start = self.at - 1;
        let next = self.next();
        let byte = match next {
            Some('a') => Some(7),
            Some('b') => Some(8),
            Some('f') => Some(12),
            Some('n') => Some(b'\n'),
            Some('r') => Some(b'\r'),
            Some('t') => Some(b'\t'),
            Some('v') => Some(11),
            Some('x') => self.byte(2, 16),
            Some('0'..='7') => {
                self.at -= 1;
                self.byte(3, 8)
            }
            _ => None,
        };
        let scalar = match next {
            Some('u') => self.scalar(4),
            Some('U') => self.scalar(8),
            Some(other) if other == quote || other == '\\' => Some(other),
            _ => None,
        };
        bytes.extend(byte);
        if let Some(scalar) = scalar {
            push(bytes, scalar);
        }
        if byte.is_none() && scalar.is_none() {
            self.at = start;
            return Err(self.expected("an escape sequence of Go"));
        }
        Ok(())
    }

    fn number(&mut self, n_digits: usize, radix: u32) -> Option<u32> {
        let digits = self.rest().get(..n_digits)?;
        let is_plain = digits.chars().all(|digit| digit.is_digit(radix));
        self.at += n_digits;
        is_plain.then(|| u32::from_str_radix(digits, radix).ok())?
    }

    fn byte(&mut self, n_digits: usize, radix: u32) -> Option<u8> {
        self.number(n_digits, radix)?.try_into().ok()
    }

    fn scalar(&mut self, n_digits: usize) -> Option<char> {
        char::from_u32(self.number(n_digits, 16)?)
    }
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A label's name, quoted if it has to be.
pub(super) fn name(name: &str) -> Cow<'_, str> {
    let is_plain = !name.is_empty()
        && name.chars().all(is_identifier)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(quoted(name))
    }
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '"' | '\\' => out.extend(['\\', c]),
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}
