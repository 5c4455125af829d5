//! Rows of `profile_samples` → samples of the captures that are asked for.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, Int64Array, ListArray, StringArray, StructArray};

use crate::archive::ArchiveError;
use crate::archive::intern::Interner;
use crate::archive::profile_buffer::{Label, LabelValue};
use crate::archive::reading::{self, Columns};

/// A value of a stack.
#[derive(Clone, Copy, Debug)]
pub(in crate::archive) struct Sample {
    pub(in crate::archive) stack_id: u64,
    /// Handle of [`Samples::label_sets`].
    pub(in crate::archive) labels: u32,
    /// Place of its sample type among the capture's.
    pub(in crate::archive) type_idx: usize,
    pub(in crate::archive) value: i64,
}

/// Where the samples of a profile go.
#[derive(Clone, Copy, Debug)]
pub(in crate::archive) struct Place {
    /// Index into [`Samples::by_capture`].
    pub(in crate::archive) capture_idx: usize,
    pub(in crate::archive) type_idx: usize,
}

/// Samples of some captures.
#[derive(Debug, Default)]
pub(in crate::archive) struct Samples {
    pub(in crate::archive) by_capture: Vec<Vec<Sample>>,
    pub(in crate::archive) label_sets: Interner<Arc<[Label]>>,
}

const COLUMNS: [&str; 4] = ["profile_id", "stack_id", "value", "labels"];

impl Samples {
    /// Adds the samples of a file that are of the profiles in `places`.
    pub(in crate::archive) fn read(
        &mut self,
        path: &Path,
        places: &HashMap<u64, Place>,
    ) -> Result<(), ArchiveError> {
        for batch in reading::open(path, &COLUMNS)? {
            let batch = StructArray::from(batch?);
            self.add(&Columns::new(&batch, path), places)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        columns: &Columns<'_>,
        places: &HashMap<u64, Place>,
    ) -> Result<(), ArchiveError> {
        let numbers = |name| Ok::<_, ArchiveError>(columns.get::<Int64Array>(name)?.values());
        let profiles = numbers("profile_id")?.iter();
        let stacks_and_values = numbers("stack_id")?.iter().zip(numbers("value")?);
        let labels = LabelRows::new(columns)?;
        for (row, (profile_id, (stack_id, value))) in profiles.zip(stacks_and_values).enumerate() {
            let Some(place) = places.get(&profile_id.cast_unsigned()) else {
                continue;
            };
            let (labels, _) = self.label_sets.intern(labels.read(row).as_slice());
            if let Some(samples) = self.by_capture.get_mut(place.capture_idx) {
                let (stack_id, type_idx) = (stack_id.cast_unsigned(), place.type_idx);
                samples.push(Sample {
                    stack_id,
                    labels,
                    type_idx,
                    value: *value,
                });
            }
        }
        Ok(())
    }
}

/// Labels of samples, row by row.
pub(in crate::archive) struct LabelRows<'a> {
    lists: &'a ListArray,
    keys: &'a StringArray,
    strings: &'a StringArray,
    numbers: &'a Int64Array,
    units: &'a StringArray,
}

impl<'a> LabelRows<'a> {
    pub(in crate::archive) fn new(columns: &Columns<'a>) -> Result<Self, ArchiveError> {
        let items = columns.items("labels")?;
        Ok(Self {
            lists: columns.get("labels")?,
            keys: items.get("key")?,
            strings: items.get("str")?,
            numbers: items.get("num")?,
            units: items.get("unit")?,
        })
    }

    pub(in crate::archive) fn read(&self, row: usize) -> Vec<Label> {
        self.items(row).map(|item| self.label(item)).collect()
    }

    /// Whether two rows have the same labels.
    pub(in crate::archive) fn are_equal(&self, left: usize, right: usize) -> bool {
        let (left, right) = (self.items(left), self.items(right));
        left.len() == right.len()
            && left
                .zip(right)
                .all(|(left, right)| self.label(left) == self.label(right))
    }

    /// Whether a row has no labels.
    pub(in crate::archive) fn is_empty(&self, row: usize) -> bool {
        self.items(row).is_empty()
    }

    fn items(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.lists.value_offsets();
        let bounds = offsets.get(row).zip(offsets.get(row + 1));
        bounds.map_or(0..0, |(start, end)| *start as usize..*end as usize)
    }

    fn label(&self, item: usize) -> Label {
        let value = if self.strings.is_valid(item) {
            LabelValue::Str(self.strings.value(item).into())
        } else {
            let unit = if self.units.is_valid(item) {
                self.units.value(item)
            } else {
                ""
            };
            LabelValue::Num(self.numbers.value(item), unit.into())
        };
        Label {
            key: self.keys.value(item).into(),
            value,
        }
    }
}
