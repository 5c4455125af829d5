//! The findings that are open now.
//!
//! A trouble may have begun years ago, so every file is looked at: first three columns, which tell
//! where each trouble stands, then the whole rows of those that are open.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::{Int64Array, StringArray, StructArray, TimestampMillisecondArray};
use proto::finding::FindingState;
use proto::selector::Selector;
use proto::{Finding, UnixMillis};

use super::findings::FindingTail;
use super::scan::{Ids, Scan};
use super::snapshot::{Days, Listing};
use super::{FindingAnswer, FindingQuery, Recall, RecallError, parallel};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::Columns;
use crate::archive::table::Table;

/// Where a trouble stands.
#[derive(Debug)]
struct Standing {
    /// When its last state began.
    time: UnixMillis,
    place: Place,
}

/// Where the finding is that tells it.
#[derive(Debug)]
enum Place {
    /// It is resolved: nobody needs it.
    Over,
    Files(Day),
    Log(Arc<Finding>),
}

/// Where each trouble stands, by id.
#[derive(Debug, Default)]
struct Standings(HashMap<u64, Standing>);

/// A change of state, as little of it as is needed.
type Change = (u64, UnixMillis, FindingState);

impl Standings {
    /// Takes the next change, in order of time.
    fn add(&mut self, (id, time, state): Change, place: Place) {
        let place = match state {
            FindingState::Resolved => Place::Over,
            _ => place,
        };
        let known = self.0.get(&id);
        if known.is_none_or(|known| known.time <= time) {
            self.0.insert(id, Standing { time, place });
        }
    }
}

impl Recall {
    /// The last finding of every trouble that is not resolved, of targets that match, however long
    /// ago it was.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or more are open than anybody wants to see.
    pub fn open_findings(&self, selector: &Selector) -> Result<FindingAnswer, RecallError> {
        let query = FindingQuery {
            selector: selector.clone(),
            ..FindingQuery::default()
        };
        let tail = || FindingTail::new(&query);
        self.snapshot(
            &[Table::Findings],
            Days::default(),
            tail,
            |listing, tail| self.open_in(&query, listing, tail.findings),
        )
    }

    fn open_in(
        &self,
        query: &FindingQuery,
        listing: &Listing,
        tail: Vec<Arc<Finding>>,
    ) -> Result<FindingAnswer, RecallError> {
        let days = listing.days(&[Table::Findings]);
        let changes = parallel::map(&days, |day| self.changes_of(listing, *day))?;
        let (mut standings, mut left_out) = (Standings::default(), Vec::new());
        for (day, (changes, errors)) in days.iter().zip(changes) {
            left_out.extend(errors);
            for change in changes {
                standings.add(change, Place::Files(*day));
            }
        }
        for finding in tail {
            let change = (finding.id.0, finding.time, finding.state);
            standings.add(change, Place::Log(finding));
        }
        let (mut findings, mut in_files) = (Vec::new(), BTreeMap::<Day, HashMap<_, _>>::new());
        for (id, standing) in standings.0 {
            match standing.place {
                Place::Over => {}
                Place::Log(finding) => findings.push(finding),
                Place::Files(day) => {
                    in_files.entry(day).or_default().insert(id, standing.time);
                }
            }
        }
        for (day, wanted) in in_files {
            let files = listing.of(Table::Findings, day);
            left_out.extend(self.read_wanted(files, &wanted, &mut findings)?);
            query.check_limit(findings.len())?;
        }
        findings.retain(|finding| query.selector.matches(&finding.target.labels));
        query.check_limit(findings.len())?;
        findings.sort_by_key(|finding| (finding.time, finding.id));
        Ok(FindingAnswer { findings, left_out })
    }

    /// The changes of a day in order of time, and what could not be read.
    fn changes_of(
        &self,
        listing: &Listing,
        day: Day,
    ) -> Result<(Vec<Change>, Vec<ArchiveError>), RecallError> {
        let (mut changes, mut left_out) = (Vec::new(), Vec::new());
        for file in listing.of(Table::Findings, day) {
            match self.changes_in(file, &mut changes) {
                Err(error) if error.is_gone() => return Err(error.into()),
                Err(error) => left_out.push(error),
                Ok(()) => {}
            }
        }
        changes.sort_by_key(|(_, time, _)| *time);
        Ok((changes, left_out))
    }

    fn changes_in(&self, file: &TablePath, into: &mut Vec<Change>) -> Result<(), ArchiveError> {
        let scan = Scan {
            columns: &["finding_id", "time", "state"],
            text: None,
            ids: None,
        };
        let path = self.files.describe(file);
        for batch in scan.open(&*self.files, file)? {
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let ids: &Int64Array = columns.get("finding_id")?;
            let times: &TimestampMillisecondArray = columns.get("time")?;
            let states: &StringArray = columns.get("state")?;
            for row in 0..columns.len() {
                let state = FindingState::parse(states.value(row));
                let state = state.ok_or_else(|| columns.wrong("state"))?;
                let id = ids.value(row).cast_unsigned();
                into.push((id, UnixMillis(times.value(row)), state));
            }
        }
        Ok(())
    }

    /// Adds the findings of these troubles whose state began at these times.
    fn read_wanted(
        &self,
        files: &[TablePath],
        wanted: &HashMap<u64, UnixMillis>,
        into: &mut Vec<Arc<Finding>>,
    ) -> Result<Vec<ArchiveError>, RecallError> {
        let ids = Ids::new(wanted.keys().copied());
        let (mut found, mut left_out) = (HashMap::new(), Vec::new());
        for file in files {
            let read = self.scan_findings(file, Some(&ids), |finding| {
                if finding.is_open() && wanted.get(&finding.id.0) == Some(&finding.time) {
                    // Of one moment the last one counts.
                    found.insert(finding.id, Arc::new(finding));
                }
            });
            match read {
                Err(error) if error.is_gone() => return Err(error.into()),
                Err(error) => left_out.push(error),
                Ok(()) => {}
            }
        }
        into.extend(found.into_values());
        Ok(left_out)
    }
}
