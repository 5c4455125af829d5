//! Captures that have the same header, and the sums of their samples.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use proto::target::TargetId;

use crate::archive::intern::{Interner, Novelty};
use crate::archive::profile_buffer::Label;
use crate::archive::profile_query::captures::{Capture, StoredMapping};
use crate::archive::profile_query::samples::Sample;
use crate::archive::seen::IdHasher;

/// What captures of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Header {
    kind: String,
    is_delta: bool,
    /// Names and units.
    types: Vec<[String; 2]>,
    default_type: Option<usize>,
    period_type: [String; 2],
    texts: [String; 3],
    mappings: Vec<StoredMapping>,
}

/// Captures merged into one.
#[derive(Debug)]
pub(super) struct Group {
    capture: Capture,
    /// By stack; for each the labels, the type and the sum.
    sums: HashMap<u64, Vec<Sum>, BuildHasherDefault<IdHasher>>,
}

#[derive(Debug)]
struct Sum {
    labels: u32,
    type_idx: usize,
    value: i64,
}

/// Groups by header, and the labels of their samples.
#[derive(Debug, Default)]
pub(super) struct Groups {
    places: HashMap<Header, usize>,
    groups: Vec<Group>,
    label_sets: Interner<Arc<[Label]>>,
    /// Ids of the targets of all captures.
    targets: HashSet<TargetId>,
    n_bytes: usize,
}

/// What a sum takes in memory, and a set of labels, about. Bytes.
const A_SUM: usize = 96;
const A_SET: usize = 128;

impl Header {
    /// `capture.types` have to be in order.
    fn of(capture: &Capture) -> Self {
        let types = capture.types.iter();
        Self {
            kind: capture.kind.clone(),
            is_delta: capture.is_delta,
            types: types
                .map(|known| [known.kind.clone(), known.unit.clone()])
                .collect(),
            default_type: capture.types.iter().position(|known| known.is_default),
            period_type: capture.period_type.clone(),
            texts: capture.texts.clone(),
            mappings: capture.mappings.clone(),
        }
    }
}

impl Groups {
    /// Adds what a capture says of itself; tells where its samples go.
    pub(super) fn add(&mut self, capture: Capture) -> usize {
        self.targets.insert(capture.target.id());
        let next = self.groups.len();
        let idx = *self.places.entry(Header::of(&capture)).or_insert(next);
        match self.groups.get_mut(idx) {
            Some(group) => group.merge_header(capture),
            None => self.groups.push(Group {
                capture,
                sums: HashMap::default(),
            }),
        }
        idx
    }

    /// Adds a value of a stack.
    pub(super) fn add_value(&mut self, idx: usize, sample: Sample) {
        if let Some(group) = self.groups.get_mut(idx) {
            self.n_bytes += group.add(sample);
        }
    }

    /// The handle of some labels.
    pub(super) fn labels(&mut self, labels: &[Label]) -> u32 {
        let (handle, novelty) = self.label_sets.intern(labels);
        if novelty == Novelty::New {
            self.n_bytes += A_SET * (1 + labels.len());
        }
        handle
    }

    /// What the sums take in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// The targets of all captures.
    pub(super) fn targets(&self) -> &HashSet<TargetId> {
        &self.targets
    }

    /// Adds all groups of others.
    pub(super) fn add_all(&mut self, others: Self) {
        self.targets.extend(&others.targets);
        let mut handles: HashMap<u32, u32> = HashMap::new();
        for Group { capture, sums } in others.groups {
            let idx = self.add(capture);
            for (stack_id, sums) in sums {
                for sum in sums {
                    let labels = *handles.entry(sum.labels).or_insert_with(|| {
                        let labels = Arc::clone(others.label_sets.get(sum.labels));
                        self.labels(&labels)
                    });
                    let sample = Sample {
                        stack_id,
                        labels,
                        type_idx: sum.type_idx,
                        value: sum.value,
                    };
                    self.add_value(idx, sample);
                }
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    pub(super) fn label_sets(&self) -> &Interner<Arc<[Label]>> {
        &self.label_sets
    }
}

impl Group {
    /// The capture that the merged ones make up, without its samples.
    pub(super) fn capture(&self) -> &Capture {
        &self.capture
    }

    pub(super) fn stack_ids(&self) -> impl Iterator<Item = u64> {
        self.sums.keys().copied()
    }

    /// The sums, in an order of their own.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let samples = self.sums.iter().flat_map(|(stack_id, sums)| {
            sums.iter().map(|sum| Sample {
                stack_id: *stack_id,
                labels: sum.labels,
                type_idx: sum.type_idx,
                value: sum.value,
            })
        });
        let mut samples: Vec<Sample> = samples.collect();
        samples.sort_unstable_by_key(|sample| (sample.stack_id, sample.labels, sample.type_idx));
        samples
    }

    /// Tells what it takes in memory that was not there before. Bytes.
    fn add(&mut self, sample: Sample) -> usize {
        let sums = self.sums.entry(sample.stack_id).or_default();
        let same = sums
            .iter_mut()
            .find(|sum| (sum.labels, sum.type_idx) == (sample.labels, sample.type_idx));
        match same {
            Some(sum) => {
                sum.value = sum.value.saturating_add(sample.value);
                0
            }
            None => {
                sums.push(Sum {
                    labels: sample.labels,
                    type_idx: sample.type_idx,
                    value: sample.value,
                });
                A_SUM
            }
        }
    }

    /// As merging profiles does it: the earliest time, the sum of the durations, the longest period.
    fn merge_header(&mut self, other: Capture) {
        let capture = &mut self.capture;
        capture.time_nanos = capture.time_nanos.min(other.time_nanos);
        capture.duration_nanos = capture.duration_nanos.saturating_add(other.duration_nanos);
        capture.period = capture.period.max(other.period);
        capture.n_captures += other.n_captures;
        for comment in other.comments {
            if !capture.comments.contains(&comment) {
                capture.comments.push(comment);
            }
        }
    }
}
