//! A place in a text: what stands there, and moving on. Does not know what expressions are.

use super::error::ParseError;

/// Longest piece of the text that a message repeats. Characters.
const MAX_FOUND: usize = 20;

/// A text and how much of it is read.
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Bytes that are read.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where it is. Bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is not read.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Moves on by `n` bytes.
    pub(super) fn skip(&mut self, n: usize) {
        self.at += n;
    }

    /// Moves on to what is neither space nor a comment (from `#` to the end of its line).
    pub(super) fn skip_space(&mut self) {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// The word that stands here, colons included; empty if there is none.
    pub(super) fn word(&self) -> &'a str {
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        rest.get(..end.unwrap_or(rest.len())).unwrap_or("")
    }

    /// Whether `word` stands here, in capital or small letters, as PromQL has its keywords.
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.word().eq_ignore_ascii_case(word)
    }

    /// Reads `sign` if it stands here, and the space behind it.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len();
            self.skip_space();
        }
        is_there
    }

    /// Reads `sign`, which has to stand here, and the space behind it.
    pub(super) fn expect(&mut self, sign: &str, expected: &str) -> Result<(), ParseError> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// The column of a byte: characters, from 1.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text.get(..at).map_or(0, |read| read.chars().count()) + 1
    }

    /// Something else than `expected` stands here.
    pub(super) fn unexpected(&self, expected: impl Into<String>) -> ParseError {
        ParseError::Unexpected {
            column: self.column(self.at),
            found: self.found(),
            expected: expected.into(),
        }
    }

    /// `what` stands at byte `at` and is not supported.
    pub(super) fn unsupported(
        &self,
        at: usize,
        what: impl Into<String>,
        instead: &'static str,
    ) -> ParseError {
        ParseError::Unsupported {
            column: self.column(at),
            what: what.into(),
            instead,
        }
    }

    /// What stands at byte `at` cannot be.
    pub(super) fn wrong(
        &self,
        at: usize,
        problem: impl Into<String>,
        allowed: &'static str,
    ) -> ParseError {
        ParseError::Wrong {
            column: self.column(at),
            problem: problem.into(),
            allowed,
        }
    }

    /// What stands here, for a message: a word or a character.
    fn found(&self) -> String {
        let word = self.word();
        if word.chars().count() > MAX_FOUND {
            let start: String = word.chars().take(MAX_FOUND).collect();
            return format!("{start}…");
        }
        match self.rest().chars().next() {
            _ if !word.is_empty() => word.to_owned(),
            Some(character) => character.to_string(),
            None => "the end".to_owned(),
        }
    }
}
