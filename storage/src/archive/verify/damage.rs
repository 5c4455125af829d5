//! What a check found.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What can be done about it.
    pub remedy: &'static str,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Rows are lost, or an answer may be wrong.
    Damage,
    /// Worth knowing, and harmless.
    Notice,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path, what, remedy, ..
        } = self;
        write!(f, "{}: {what}; {remedy}", path.display())
    }
}

/// What a check found in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Files checked.
    pub n_files: usize,
    /// Rows in them.
    pub n_rows: u64,
    /// Size of the files. Bytes.
    pub n_bytes: u64,
    /// Files without a checksum, as older versions wrote them: only that they can be read is known.
    pub n_without_checksum: usize,
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Damage>,
}

impl VerifyReport {
    /// Whether nothing is damaged.
    pub fn is_healthy(&self) -> bool {
        let mut findings = self.findings.iter();
        !findings.any(|finding| finding.severity == Severity::Damage)
    }

    pub(super) fn damage(&mut self, path: &Path, what: impl Into<String>, remedy: &'static str) {
        self.find(Severity::Damage, path, what.into(), remedy);
    }

    pub(super) fn notice(&mut self, path: &Path, what: impl Into<String>, remedy: &'static str) {
        self.find(Severity::Notice, path, what.into(), remedy);
    }

    fn find(&mut self, severity: Severity, path: &Path, what: String, remedy: &'static str) {
        self.findings.push(Damage {
            severity,
            path: path.to_owned(),
            what,
            remedy,
        });
    }

    pub(super) fn add(&mut self, other: Self) {
        self.n_files += other.n_files;
        self.n_rows += other.n_rows;
        self.n_bytes += other.n_bytes;
        self.n_without_checksum += other.n_without_checksum;
        self.findings.extend(other.findings);
    }
}

/// Remedies that several findings share.
pub(super) const RESTORE: &str =
    "restore it from a copy, or move it away: the rest can be read without it";
