//! Names of archive files: `WRITER-FROM-TO.parquet`.
//!
//! A writer's positions only grow, so no two files of a table and day get the same name, not
//! from one leadsman and not from many that share a bucket.

use std::fmt;

use crate::Position;

/// Who writes: random, made once for an archive's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WriterId(pub(super) u64);

impl WriterId {
    /// Reads the 16 hexadecimal digits back.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_plain
            .then(|| u64::from_str_radix(text, 16).ok().map(Self))
            .flatten()
    }
}

impl fmt::Display for WriterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Name of a file: who wrote it, and which part of that writer's log it holds (`from` itself
/// left out, `to` included).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileName {
    pub(super) writer: WriterId,
    pub(super) from: Position,
    pub(super) to: Position,
}

impl FileName {
    /// Whether this file was made from the other one, among others: it holds a longer stretch of
    /// the same log, and so all its rows.
    pub(super) fn supersedes(self, other: Self) -> bool {
        self != other
            && self.writer == other.writer
            && self.from <= other.from
            && other.to <= self.to
    }

    /// Reads a name back; `None` for files that are not ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix(".parquet")?.split('-');
        let writer = WriterId::parse(parts.next()?)?;
        let from = Position(parts.next()?.parse().ok()?);
        let to = Position(parts.next()?.parse().ok()?);
        let name = Self { writer, from, to };
        (parts.next().is_none() && name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}.parquet", self.writer, self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_do_not() {
        let name = FileName {
            writer: WriterId(0xab),
            from: Position(0),
            to: Position(4711),
        };
        assert_eq!(name.to_string(), "00000000000000ab-0-4711.parquet");
        assert_eq!(FileName::parse(&name.to_string()), Some(name));
        for other in [
            "00000000000000ab-0-04711.parquet",
            "x-0-1.parquet",
            "a.parquet",
            "../-1-2",
        ] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
