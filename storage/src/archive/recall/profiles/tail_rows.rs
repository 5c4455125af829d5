//! What records in the log say of profiles, without their samples.

use std::collections::HashMap;
use std::sync::Arc;

use proto::{ProfileRecord, Record, UnixNanos};

use super::{ProfileSelection, ProfileSeries};
use crate::archive::content_hash;
use crate::archive::recall::snapshot::Tail;
use crate::archive::recall::{Recall, RecallError};
use crate::log::Entry;

/// What a row and a series take in memory, about. Bytes.
const A_ROW: usize = size_of::<TailRow>();
const A_SERIES: usize = 1024;

/// A row as `profiles` will have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TailRow {
    pub(super) id: u64,
    pub(super) time: UnixNanos,
    pub(super) total: i64,
    pub(super) is_delta: bool,
}

/// The rows of a selection.
pub(super) struct TailRows<'a> {
    recall: &'a Recall,
    selection: &'a ProfileSelection,
    series: HashMap<u64, Arc<ProfileSeries>>,
    pub(super) rows: Vec<TailRow>,
}

impl<'a> TailRows<'a> {
    pub(super) fn new(recall: &'a Recall, selection: &'a ProfileSelection) -> Self {
        Self {
            recall,
            selection,
            series: HashMap::new(),
            rows: Vec::new(),
        }
    }

    /// The series that have rows, by id.
    pub(super) fn into_series(self) -> impl Iterator<Item = (u64, ProfileSeries)> {
        let series = self.series.into_iter();
        series.map(|(id, series)| (id, Arc::unwrap_or_clone(series)))
    }

    /// The series of an id.
    pub(super) fn series(&self, id: u64) -> Option<Arc<ProfileSeries>> {
        self.series.get(&id).cloned()
    }

    fn add_type(&mut self, record: &ProfileRecord, type_idx: usize) -> Result<(), RecallError> {
        let type_id = record.profile.type_id(&record.kind, type_idx);
        if !self.selection.wants_type(&type_id) {
            return Ok(());
        }
        let id = content_hash::profile_series_id(
            &record.target,
            &record.kind,
            &type_id.sample_type,
            &type_id.unit,
        );
        if !self.series.contains_key(&id) {
            self.recall.allowance.take(A_SERIES)?;
            let labels = record.target.labels.clone();
            let series = Arc::new(ProfileSeries { labels, type_id });
            self.series.insert(id, series);
        }
        self.recall.allowance.take(A_ROW)?;
        self.rows.push(TailRow {
            id,
            time: UnixNanos(record.profile.time_nanos),
            total: record.profile.total(type_idx),
            is_delta: record.is_delta,
        });
        Ok(())
    }
}

impl Tail for TailRows<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), RecallError> {
        let Record::Profile(record) = &entry.record else {
            return Ok(());
        };
        let is_wanted = self
            .selection
            .contains(UnixNanos(record.profile.time_nanos))
            && self.selection.matches(&record.target.labels, &record.kind);
        if is_wanted {
            for type_idx in 0..record.profile.sample_types.len() {
                self.add_type(record, type_idx)?;
            }
        }
        Ok(())
    }
}
