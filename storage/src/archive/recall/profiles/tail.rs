//! Profiles that are in the log and in no file yet.

use std::collections::HashSet;

use proto::profile::Profile;
use proto::profile_ops::{MergeError, Merger};
use proto::target::TargetId;
use proto::{ProfileRecord, Record, UnixNanos};

use super::ProfileSelection;
use crate::archive::recall::snapshot::Tail;
use crate::archive::recall::{Recall, RecallError};
use crate::log::Entry;

/// The selected ones, merged.
pub(super) struct ProfileTail<'a> {
    recall: &'a Recall,
    selection: &'a ProfileSelection,
    /// Those that count since the one before, and the others.
    sides: [Side; 2],
    kind: Option<String>,
    targets: HashSet<TargetId>,
}

#[derive(Default)]
struct Side {
    merger: Merger,
    n_captures: u64,
    n_bytes: usize,
}

/// Some of them, merged.
pub(super) struct TailPart {
    pub(super) profile: Profile,
    pub(super) kind: String,
    pub(super) is_delta: bool,
    pub(super) n_captures: u64,
}

impl<'a> ProfileTail<'a> {
    pub(super) fn new(recall: &'a Recall, selection: &'a ProfileSelection) -> Self {
        Self {
            recall,
            selection,
            sides: Default::default(),
            kind: None,
            targets: HashSet::new(),
        }
    }

    /// The targets of all.
    pub(super) fn targets(&self) -> &HashSet<TargetId> {
        &self.targets
    }

    /// Their sums: of those that count since the one before, and of the others.
    pub(super) fn finish(self) -> Result<Vec<TailPart>, MergeError> {
        let kind = self.kind.unwrap_or_default();
        let sides = self.sides.into_iter().zip([true, false]);
        let parts = sides.filter(|(side, _)| side.n_captures > 0);
        let parts = parts.map(|(side, is_delta)| {
            Ok(TailPart {
                profile: side.merger.finish()?,
                kind: kind.clone(),
                is_delta,
                n_captures: side.n_captures,
            })
        });
        parts.collect()
    }

    fn add_profile(&mut self, record: &ProfileRecord) -> Result<(), RecallError> {
        let known = self.kind.get_or_insert_with(|| record.kind.clone());
        if *known != record.kind {
            return Err(RecallError::Kinds {
                first: known.clone(),
                second: record.kind.clone(),
            });
        }
        self.targets.insert(record.target.id());
        let [delta, whole] = &mut self.sides;
        let side = if record.is_delta { delta } else { whole };
        side.n_captures += 1;
        if wanted_types(record, self.selection).count() == record.profile.sample_types.len() {
            side.merger.add(&record.profile)?;
        } else {
            side.merger.add(&narrowed(record, self.selection))?;
        }
        let before = std::mem::replace(&mut side.n_bytes, side.merger.n_bytes());
        let n_new = side.n_bytes.saturating_sub(before);
        self.recall.allowance.take(n_new)
    }
}

impl Tail for ProfileTail<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), RecallError> {
        let Record::Profile(record) = &entry.record else {
            return Ok(());
        };
        let time = UnixNanos(record.profile.time_nanos);
        let is_wanted = self.selection.contains(time)
            && self.selection.matches(&record.target.labels, &record.kind)
            && wanted_types(record, self.selection).next().is_some();
        if is_wanted {
            self.add_profile(record)?;
        }
        Ok(())
    }
}

/// The places of the selected sample types.
fn wanted_types(
    record: &ProfileRecord,
    selection: &ProfileSelection,
) -> impl Iterator<Item = usize> {
    let profile = &record.profile;
    (0..profile.sample_types.len())
        .filter(|idx| selection.wants_type(&profile.type_id(&record.kind, *idx)))
}

/// A profile with the selected sample types alone.
fn narrowed(record: &ProfileRecord, selection: &ProfileSelection) -> Profile {
    let profile = &record.profile;
    let kept: Vec<usize> = wanted_types(record, selection).collect();
    let of = |idx: &usize| profile.sample_types.get(*idx).copied();
    let default = profile.default_sample_type.map(|idx| idx as usize);
    let default = default.and_then(|default| kept.iter().position(|idx| *idx == default));
    let mut narrowed = profile.clone();
    narrowed.sample_types = kept.iter().filter_map(of).collect();
    narrowed.default_sample_type = default.map(|idx| idx as u32);
    narrowed.values = profile
        .samples()
        .flat_map(|(_, _, values)| kept.iter().filter_map(|idx| values.get(*idx).copied()))
        .collect();
    narrowed
}
