//! Profiles that are not in a file yet.
//!
//! A capture is taken apart on the way in: its tables of strings and frames are shared with all
//! the others in the buffer, and a stack that a file of its day already holds is not kept. What
//! a repeated capture adds is its samples, 24 bytes each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proto::profile::{self as model, Profile, SampleLabel};
use proto::{ProfileRecord, UnixNanos};

use super::capture::{Capture, ProfileRow};
use super::content_hash;
use super::day::Day;
use super::frames::FrameTable;
use super::intern::{Interner, Novelty};
use super::merged_samples::MergedSamples;
use crate::Position;

/// Profiles by day, and the tables they share.
#[derive(Debug, Default)]
pub(super) struct ProfileBuffer {
    days: BTreeMap<Day, ProfileDay>,
    pub(super) frames: FrameTable,
    label_sets: Interner<Arc<[Label]>>,
    n_bytes: usize,
    n_outside: usize,
}

/// The profiles of a day.
#[derive(Debug, Default)]
pub(super) struct ProfileDay {
    pub(super) captures: Vec<Capture>,
    pub(super) profiles: Vec<ProfileRow>,
    pub(super) samples: Vec<SampleRow>,
    /// Stacks by id, as handles of frames, leaf first.
    pub(super) stacks: HashMap<u64, Box<[u32]>>,
}

/// A value of a stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleRow {
    pub(super) stack_id: u64,
    pub(super) value: i64,
    /// Index into the day's profiles.
    pub(super) profile_idx: u32,
    /// Handle of [`ProfileBuffer::labels`].
    pub(super) labels: u32,
}

/// A label of a sample, with its texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label {
    pub(super) key: Arc<str>,
    pub(super) value: LabelValue,
}

/// The value of a [`Label`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum LabelValue {
    Str(Arc<str>),
    Num(i64, Arc<str>),
}

impl ProfileBuffer {
    /// Adds a capture whose entry in the log ends at `end`. `is_archived` tells of a stack
    /// whether a file of the day holds it. A capture whose time has no day, or that has no
    /// sample type, is counted and left out.
    pub(super) fn push(
        &mut self,
        end: Position,
        record: &ProfileRecord,
        is_archived: impl Fn(Day, u64) -> bool,
    ) {
        let day = Day::of_nanos(UnixNanos(record.profile.time_nanos));
        let Some(day) = day.filter(|_| !record.profile.sample_types.is_empty()) else {
            self.n_outside += 1;
            return;
        };
        let samples = self.merge_samples(day, &record.profile, is_archived);
        let into = self.days.entry(day).or_default();
        let capture = Capture::new(content_hash::capture_id(end, record), record);
        self.n_bytes += capture.n_bytes();
        self.n_bytes += into.add(capture, &samples);
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes + self.frames.n_bytes()
    }

    /// Captures left out because their time has no day, or for want of a sample type.
    pub(super) fn n_outside(&self) -> usize {
        self.n_outside
    }

    /// The days in order.
    pub(super) fn days(&self) -> impl Iterator<Item = (Day, &ProfileDay)> {
        self.days.iter().map(|(day, profiles)| (*day, profiles))
    }

    /// The labels of a handle.
    pub(super) fn labels(&self, handle: u32) -> &[Label] {
        self.label_sets.get(handle)
    }

    /// Sums up samples with the same stack and labels, and keeps stacks that are new.
    fn merge_samples(
        &mut self,
        day: Day,
        profile: &Profile,
        is_archived: impl Fn(Day, u64) -> bool,
    ) -> MergedSamples {
        let stack_ids = self.intern_stacks(day, profile, is_archived);
        let label_sets = self.intern_label_sets(profile);
        let mut merged = MergedSamples::new(profile.sample_types.len());
        for (stack, labels, values) in profile.samples() {
            let stack_id = stack_ids.get(stack.0 as usize).copied().unwrap_or_default();
            let labels = label_sets
                .get(labels.0 as usize)
                .copied()
                .unwrap_or_default();
            merged.add(stack_id, labels, values);
        }
        merged
    }

    fn intern_stacks(
        &mut self,
        day: Day,
        profile: &Profile,
        is_archived: impl Fn(Day, u64) -> bool,
    ) -> Vec<u64> {
        let hashes = content_hash::location_hashes(profile);
        let known = &mut self.days.entry(day).or_default().stacks;
        let mut stack_ids = Vec::with_capacity(profile.stacks.len());
        for stack in &profile.stacks {
            let id = content_hash::stack_id(stack, &hashes);
            stack_ids.push(id);
            if !known.contains_key(&id) && !is_archived(day, id) {
                let frames = self.frames.intern_stack(profile, stack);
                self.n_bytes += 64 + 4 * frames.len();
                known.insert(id, frames);
            }
        }
        stack_ids
    }

    fn intern_label_sets(&mut self, profile: &Profile) -> Vec<u32> {
        let mut handles = Vec::with_capacity(profile.label_sets.len());
        for set in &profile.label_sets {
            let labels = set
                .iter()
                .map(|label| intern_label(&mut self.frames, profile, label));
            let labels: Vec<Label> = labels.collect();
            let (handle, novelty) = self.label_sets.intern(labels.as_slice());
            self.n_bytes += if novelty == Novelty::New {
                64 + 64 * labels.len()
            } else {
                0
            };
            handles.push(handle);
        }
        handles
    }
}

fn intern_label(frames: &mut FrameTable, profile: &Profile, label: &SampleLabel) -> Label {
    let mut text = |id| frames.intern_text(profile.strings.get(id));
    let key = text(label.key);
    let value = match label.value {
        model::LabelValue::Str(value) => LabelValue::Str(text(value)),
        model::LabelValue::Num(value, unit) => LabelValue::Num(value, text(unit)),
    };
    Label { key, value }
}

impl ProfileDay {
    /// Adds a capture's rows; tells what they take. Bytes.
    fn add(&mut self, capture: Capture, samples: &MergedSamples) -> usize {
        let first_profile = self.profiles.len() as u32;
        let n_samples_before = self.samples.len();
        let mut profiles = capture.profile_rows(self.captures.len());
        for (stack_id, labels, values) in samples.iter() {
            for (type_idx, value) in values_to_keep(values) {
                let profile_idx = first_profile + type_idx as u32;
                self.samples.push(SampleRow {
                    stack_id,
                    value,
                    profile_idx,
                    labels,
                });
                if let Some(profile) = profiles.get_mut(type_idx) {
                    profile.count(value);
                }
            }
        }
        self.profiles.extend(profiles);
        self.captures.push(capture);
        (self.samples.len() - n_samples_before) * size_of::<SampleRow>()
    }
}

/// Zeros are left out, unless a sample has nothing else: then one of them keeps it.
fn values_to_keep(values: &[i64]) -> impl Iterator<Item = (usize, i64)> {
    let is_all_zero = values.iter().all(|value| *value == 0);
    let pairs = values.iter().copied().enumerate();
    pairs.filter(move |(type_idx, value)| *value != 0 || (is_all_zero && *type_idx == 0))
}
