//! Profiles that are in the log and in no file yet.

use proto::profile::Profile;
use proto::profile_ops::{MergeError, Merger};
use proto::{ProfileRecord, Record, UnixNanos};

use super::ProfileSelection;
use crate::archive::recall::RecallError;
use crate::archive::recall::snapshot::Tail;
use crate::log::Entry;

/// The selected ones, merged.
pub(super) struct ProfileTail<'a> {
    selection: &'a ProfileSelection,
    merger: Merger,
    kind: Option<String>,
    facts: TailFacts,
}

/// What is known of the merged captures.
#[derive(Clone, Copy, Debug)]
pub(super) struct TailFacts {
    pub(super) is_delta: bool,
    pub(super) n_captures: u64,
}

impl<'a> ProfileTail<'a> {
    pub(super) fn new(selection: &'a ProfileSelection) -> Self {
        Self {
            selection,
            merger: Merger::new(),
            kind: None,
            facts: TailFacts {
                is_delta: true,
                n_captures: 0,
            },
        }
    }

    /// Their kind, if there is one at all.
    pub(super) fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Their sum; `None` if there are none.
    pub(super) fn finish(self) -> Result<Option<(Profile, TailFacts)>, MergeError> {
        if self.facts.n_captures == 0 {
            return Ok(None);
        }
        Ok(Some((self.merger.finish()?, self.facts)))
    }

    fn add_profile(&mut self, record: &ProfileRecord) -> Result<(), RecallError> {
        let known = self.kind.get_or_insert_with(|| record.kind.clone());
        if *known != record.kind {
            return Err(RecallError::Kinds {
                first: known.clone(),
                second: record.kind.clone(),
            });
        }
        self.facts.is_delta &= record.is_delta;
        self.facts.n_captures += 1;
        if self.selection.sample_types.is_empty() {
            self.merger.add(&record.profile)?;
        } else {
            self.merger
                .add(&narrowed(&record.profile, self.selection))?;
        }
        Ok(())
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
            && record.profile.sample_types.iter().any(|known| {
                self.selection
                    .has_type(record.profile.strings.get(known.kind))
            });
        if is_wanted {
            self.add_profile(record)?;
        }
        Ok(())
    }
}

/// A profile with the selected sample types alone.
fn narrowed(profile: &Profile, selection: &ProfileSelection) -> Profile {
    let is_kept = |idx: &usize| {
        let known = profile.sample_types.get(*idx);
        known.is_some_and(|known| selection.has_type(profile.strings.get(known.kind)))
    };
    let kept: Vec<usize> = (0..profile.sample_types.len()).filter(is_kept).collect();
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
