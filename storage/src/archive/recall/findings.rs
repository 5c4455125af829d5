//! Findings by target, time and state.
//!
//! The table is small: days are read one by one, in order of time, and a finding that is not
//! wanted is dropped at once.

use std::sync::Arc;

use proto::finding::{FindingId, FindingState};
use proto::selector::Selector;
use proto::{Finding, Record, UnixMillis};

use super::scan::{Ids, Scan};
use super::snapshot::{Days, Listing, Tail};
use super::{Recall, RecallError};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::finding_rows::findings_of;
use crate::archive::table::Table;
use crate::log::Entry;

/// Findings of an answer at most, some kilobytes each.
const MAX_FINDINGS: usize = 100_000;

/// Which findings to read.
#[derive(Clone, Debug)]
pub struct FindingQuery {
    /// What the labels of their targets must be.
    pub selector: Selector,
    /// States that began at this time or later.
    pub from: Option<UnixMillis>,
    /// States that began before this time.
    pub to: Option<UnixMillis>,
    /// These states; all if empty.
    pub states: Vec<FindingState>,
    /// Those about this trouble.
    pub id: Option<FindingId>,
    /// How many at most.
    pub limit: usize,
}

impl Default for FindingQuery {
    fn default() -> Self {
        Self {
            selector: Selector::default(),
            from: None,
            to: None,
            states: Vec::new(),
            id: None,
            limit: MAX_FINDINGS,
        }
    }
}

impl FindingQuery {
    fn days(&self) -> Days {
        Days {
            first: self.from.and_then(Day::of),
            last: self
                .to
                .and_then(|to| Day::of(UnixMillis(to.0.saturating_sub(1)))),
        }
    }

    pub(super) fn check_limit(&self, n_findings: usize) -> Result<(), RecallError> {
        let limit = self.limit;
        if n_findings > limit {
            return Err(RecallError::TooManyFindings { limit });
        }
        Ok(())
    }

    fn wants(&self, finding: &Finding) -> bool {
        self.id.is_none_or(|id| finding.id == id)
            && self.from.is_none_or(|from| finding.time >= from)
            && self.to.is_none_or(|to| finding.time < to)
            && (self.states.is_empty() || self.states.contains(&finding.state))
            && self.selector.matches(&finding.target.labels)
    }
}

/// Findings, and what could not be read.
#[derive(Debug, Default)]
pub struct FindingAnswer {
    /// In order of the times at which their states began.
    pub findings: Vec<Arc<Finding>>,
    /// What could not be read. Its findings are missing.
    pub left_out: Vec<ArchiveError>,
}

impl Recall {
    /// The findings that a query wants.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or more match than the query's limit.
    pub fn findings(&self, query: &FindingQuery) -> Result<FindingAnswer, RecallError> {
        let tail = || FindingTail::new(query);
        self.snapshot(&[Table::Findings], query.days(), tail, |listing, tail| {
            let mut findings = Vec::new();
            let left_out = self.read_findings(query, listing, &mut findings)?;
            findings.extend(tail.findings);
            query.check_limit(findings.len())?;
            // Stable: what is of one moment stays in the order in which it was logged.
            findings.sort_by_key(|finding| finding.time);
            Ok(FindingAnswer { findings, left_out })
        })
    }

    /// Gives the findings in files to `into`, in order of time; returns what could not be read.
    fn read_findings(
        &self,
        query: &FindingQuery,
        listing: &Listing,
        into: &mut Vec<Arc<Finding>>,
    ) -> Result<Vec<ArchiveError>, RecallError> {
        let mut left_out = Vec::new();
        for day in listing.days(&[Table::Findings]) {
            let mut of_day = Vec::new();
            for file in listing.of(Table::Findings, day) {
                match self.findings_in(query, file, &mut of_day) {
                    Err(error) if error.is_gone() => return Err(error.into()),
                    Err(error) => left_out.push(error),
                    Ok(()) => {}
                }
            }
            of_day.sort_by_key(|finding| finding.time);
            into.append(&mut of_day);
            query.check_limit(into.len())?;
        }
        Ok(left_out)
    }

    /// Adds what a query wants of a file.
    pub(super) fn findings_in(
        &self,
        query: &FindingQuery,
        file: &TablePath,
        into: &mut Vec<Arc<Finding>>,
    ) -> Result<(), ArchiveError> {
        let id = query.id.map(|id| Ids::new([id.0]));
        self.scan_findings(file, id.as_ref(), |finding| {
            if query.wants(&finding) {
                into.push(Arc::new(finding));
            }
        })
    }

    /// Reads the whole rows of a file, or those about some troubles.
    pub(super) fn scan_findings(
        &self,
        file: &TablePath,
        ids: Option<&Ids>,
        mut each: impl FnMut(Finding),
    ) -> Result<(), ArchiveError> {
        let schema = Table::Findings.schema();
        let columns: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let scan = Scan {
            columns: &columns,
            text: None,
            ids: ids.map(|ids| ("finding_id", ids)),
        };
        let path = self.files.describe(file);
        for batch in scan.open(&*self.files, file)? {
            findings_of(batch?, &path)?.into_iter().for_each(&mut each);
        }
        Ok(())
    }
}

/// Wanted findings that are in the log and in no file yet.
pub(super) struct FindingTail<'a> {
    query: &'a FindingQuery,
    /// In the order in which they were logged.
    pub(super) findings: Vec<Arc<Finding>>,
}

impl<'a> FindingTail<'a> {
    pub(super) fn new(query: &'a FindingQuery) -> Self {
        Self {
            query,
            findings: Vec::new(),
        }
    }
}

impl Tail for FindingTail<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), RecallError> {
        if let Record::Finding(finding) = entry.record
            && self.query.wants(&finding)
        {
            self.findings.push(finding);
        }
        Ok(())
    }
}
