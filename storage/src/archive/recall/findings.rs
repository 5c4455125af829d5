//! Findings by target, time and state, and those that are open now.
//!
//! The table is small: days are read one by one, in order of time, and a finding that is not
//! wanted is dropped at once.

use std::collections::HashMap;
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
        self.collect_findings(query, || All {
            query,
            findings: Vec::new(),
        })
    }

    /// The last finding of every trouble that is not resolved, of targets that match, however long
    /// ago it was.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed.
    pub fn open_findings(&self, selector: &Selector) -> Result<FindingAnswer, RecallError> {
        let query = FindingQuery {
            selector: selector.clone(),
            ..FindingQuery::default()
        };
        self.collect_findings(&query, || Open {
            query: &query,
            last: HashMap::new(),
            n_open: 0,
        })
    }

    fn collect_findings<C: Collect>(
        &self,
        query: &FindingQuery,
        collector: impl Fn() -> C,
    ) -> Result<FindingAnswer, RecallError> {
        let tail = || FindingTail {
            query,
            findings: Vec::new(),
        };
        self.snapshot(&[Table::Findings], query.days(), tail, |listing, tail| {
            let mut collector = collector();
            let left_out = self.read_findings(query, listing, &mut collector)?;
            for finding in tail.findings {
                collector.add(finding)?;
            }
            let mut findings = collector.finish();
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
        into: &mut impl Collect,
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
            for finding in of_day {
                into.add(finding)?;
            }
        }
        Ok(left_out)
    }

    fn findings_in(
        &self,
        query: &FindingQuery,
        file: &TablePath,
        into: &mut Vec<Arc<Finding>>,
    ) -> Result<(), ArchiveError> {
        let schema = Table::Findings.schema();
        let columns: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let id = query.id.map(|id| Ids::new([id.0]));
        let scan = Scan {
            columns: &columns,
            text: None,
            ids: id.as_ref().map(|id| ("finding_id", id)),
        };
        let path = self.files.describe(file);
        for batch in scan.open(&*self.files, file)? {
            let findings = findings_of(batch?, &path)?.into_iter();
            into.extend(
                findings
                    .filter(|finding| query.wants(finding))
                    .map(Arc::new),
            );
        }
        Ok(())
    }
}

/// What becomes of the findings that are read, one after the other.
trait Collect {
    fn add(&mut self, finding: Arc<Finding>) -> Result<(), RecallError>;
    fn finish(self) -> Vec<Arc<Finding>>;
}

struct All<'a> {
    query: &'a FindingQuery,
    findings: Vec<Arc<Finding>>,
}

impl Collect for All<'_> {
    fn add(&mut self, finding: Arc<Finding>) -> Result<(), RecallError> {
        let limit = self.query.limit;
        if self.findings.len() >= limit {
            return Err(RecallError::TooManyFindings { limit });
        }
        self.findings.push(finding);
        Ok(())
    }

    fn finish(self) -> Vec<Arc<Finding>> {
        self.findings
    }
}

/// Where each trouble stands.
struct Open<'a> {
    query: &'a FindingQuery,
    /// The time of the last finding of a trouble, and the finding if it is open.
    last: HashMap<FindingId, (UnixMillis, Option<Arc<Finding>>)>,
    n_open: usize,
}

impl Collect for Open<'_> {
    fn add(&mut self, finding: Arc<Finding>) -> Result<(), RecallError> {
        let (time, is_open) = (finding.time, finding.is_open());
        let (last, open) = self.last.entry(finding.id).or_insert((time, None));
        if *last > time {
            return Ok(());
        }
        self.n_open -= usize::from(open.is_some());
        self.n_open += usize::from(is_open);
        *last = time;
        *open = is_open.then_some(finding);
        let limit = self.query.limit;
        if self.n_open > limit {
            return Err(RecallError::TooManyFindings { limit });
        }
        Ok(())
    }

    fn finish(self) -> Vec<Arc<Finding>> {
        let last = self.last.into_values();
        let mut findings: Vec<_> = last.filter_map(|(_, open)| open).collect();
        findings.sort_by_key(|finding| finding.id);
        findings
    }
}

/// Wanted findings that are in the log and in no file yet.
struct FindingTail<'a> {
    query: &'a FindingQuery,
    findings: Vec<Arc<Finding>>,
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
