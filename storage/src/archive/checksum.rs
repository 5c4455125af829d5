//! A checksum of a file's content, made while it is written.
//!
//! The Parquet library writes no checksums of pages. XXH3 over everything before the page indexes
//! and the footer finds each flipped bit in them, at the speed of memory; what comes after must
//! read back as what it says.

use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// Length and hash of a file's first bytes, as it stands in the footer: `LENGTH:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    n_bytes: u64,
    hash: u64,
}

impl Checksum {
    /// Reads the footer's text back.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (n_bytes, hash) = text.split_once(':')?;
        Some(Self {
            n_bytes: n_bytes.parse().ok()?,
            hash: u64::from_str_radix(hash, 16).ok()?,
        })
    }

    /// Whether a file begins with the bytes that this is of.
    pub(super) fn is_of(self, file: impl Read) -> io::Result<bool> {
        let mut content = file.take(self.n_bytes);
        let mut sum = Summing::new(io::sink());
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = content.read(&mut chunk)?;
            match chunk.get(..n) {
                Some(bytes) if n > 0 => sum.write_all(bytes)?,
                _ => return Ok(sum.checksum() == self),
            }
        }
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{:016x}", self.n_bytes, self.hash)
    }
}

/// Sums up what passes through it.
pub(super) struct Summing<W> {
    inner: W,
    n_bytes: u64,
    hash: Xxh3,
}

impl<W> Summing<W> {
    /// Has seen nothing yet.
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            n_bytes: 0,
            hash: Xxh3::new(),
        }
    }

    /// Of everything so far.
    pub(super) fn checksum(&self) -> Checksum {
        Checksum {
            n_bytes: self.n_bytes,
            hash: self.hash.digest(),
        }
    }

    /// What it writes to.
    pub(super) fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..n).unwrap_or(bytes));
        self.n_bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_of_the_bytes_it_saw_and_no_others() {
        let mut summing = Summing::new(Vec::new());
        summing.write_all(b"rows").unwrap();
        let sum = summing.checksum();
        assert_eq!(Checksum::parse(&sum.to_string()), Some(sum));
        assert!(sum.is_of(&b"rows and a footer"[..]).unwrap());
        for other in [&b"rowt and a footer"[..], b"row"] {
            assert!(!sum.is_of(other).unwrap());
        }
    }
}
