//! The matching captures of one day, with what they are put together from.

use std::collections::HashMap;

use proto::{Labels, ProfileRecord};

use super::ProfileQuery;
use super::assemble;
use super::captures::{self, Capture, Captures};
use super::samples::{Place, Samples};
use super::stacks::Stacks;
use crate::archive::ArchiveError;
use crate::archive::day::Day;
use crate::archive::files;
use crate::archive::reading;
use crate::archive::seen::IdSet;
use crate::archive::table::Table;

/// Profiles of a day, each put together when its turn comes.
pub(super) struct DayProfiles {
    captures: std::vec::IntoIter<Capture>,
    samples: Samples,
    stacks: Stacks,
    next_idx: usize,
    /// What made the day unreadable, to be told once.
    error: Option<ArchiveError>,
}

impl DayProfiles {
    /// Reads what the query asks for of a day.
    pub(super) fn read(query: &ProfileQuery, day: Day) -> Self {
        match Self::try_read(query, day) {
            Ok(profiles) => profiles,
            Err(error) => Self {
                error: Some(error),
                ..Self::of(Vec::new())
            },
        }
    }

    fn of(captures: Vec<Capture>) -> Self {
        Self {
            captures: captures.into_iter(),
            samples: Samples::default(),
            stacks: Stacks::default(),
            next_idx: 0,
            error: None,
        }
    }

    fn try_read(query: &ProfileQuery, day: Day) -> Result<Self, ArchiveError> {
        let root = &query.path;
        let (profiles, profile_samples) = query.tables();
        let mut captures = Captures::new();
        for file in files::files(root, profiles, day)? {
            let path = file.path(root);
            let rows = reading::open(&path, &captures::COLUMNS)?;
            let is_wanted = |labels: &Labels, kind: &str, time| query.matches(labels, kind, time);
            captures::read(rows, &path, &is_wanted, &mut captures)?;
        }
        let mut captures: Vec<Capture> = captures.into_values().collect();
        let places = sort_types(&mut captures);

        let mut samples = Samples::default();
        samples.by_capture.resize_with(captures.len(), Vec::new);
        for file in files::files(root, profile_samples, day)? {
            samples.read(&file.path(root), &places)?;
        }
        let wanted: IdSet = samples
            .by_capture
            .iter()
            .flatten()
            .map(|s| s.stack_id)
            .collect();
        let mut stacks = Stacks::default();
        for file in files::files(root, Table::Stacks, day)? {
            stacks.read(&file.path(root), &wanted)?;
        }
        Ok(Self {
            samples,
            stacks,
            ..Self::of(captures)
        })
    }
}

/// Brings the types of each capture in order, and says where the samples of each go.
fn sort_types(captures: &mut [Capture]) -> HashMap<u64, Place> {
    let mut places = HashMap::new();
    for (capture_idx, capture) in captures.iter_mut().enumerate() {
        capture.types.sort_by_key(|sample_type| sample_type.idx);
        for (type_idx, sample_type) in capture.types.iter().enumerate() {
            places.insert(
                sample_type.profile_id,
                Place {
                    capture_idx,
                    type_idx,
                },
            );
        }
    }
    places
}

impl Iterator for DayProfiles {
    type Item = Result<ProfileRecord, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let capture = self.captures.next()?;
        let samples = self.samples.by_capture.get_mut(self.next_idx);
        let samples = samples.map(std::mem::take).unwrap_or_default();
        self.next_idx += 1;
        Some(assemble::profile(
            &capture,
            &samples,
            &self.samples.label_sets,
            &self.stacks,
        ))
    }
}
