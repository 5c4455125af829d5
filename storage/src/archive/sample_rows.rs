//! Buffered samples → rows of `profile_samples`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_schema::ArrowError;

use super::columns::ListLengths;
use super::profile_buffer::{Label, LabelValue, ProfileBuffer, ProfileDay, SampleRow};
use super::schema;

/// Places of a day's samples in the order they are written in: by series, stack, labels, time.
/// What one stack did over time stands together, and so do values that hardly change.
pub(super) fn sample_order(day: &ProfileDay) -> Vec<SampleRow> {
    let mut rows = day.samples.clone();
    rows.sort_by_cached_key(|row| {
        let profile = day.profiles.get(row.profile_idx as usize);
        let time = profile
            .and_then(|profile| day.captures.get(profile.capture_idx))
            .map_or(0, |capture| capture.header.time_nanos);
        (
            profile.map_or(0, |profile| profile.series_id),
            row.stack_id,
            row.labels,
            time,
        )
    });
    rows
}

/// The columns of some samples of a day.
pub(super) fn sample_columns(
    buffer: &ProfileBuffer,
    day: &ProfileDay,
    rows: &[SampleRow],
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut columns = SampleColumns::default();
    for row in rows {
        let Some(profile) = day.profiles.get(row.profile_idx as usize) else {
            continue;
        };
        let ids = [profile.series_id, profile.id, row.stack_id];
        columns.push(ids, row.value, buffer.labels(row.labels));
    }
    columns.finish()
}

/// Rows on their way into arrays.
#[derive(Default)]
pub(super) struct SampleColumns {
    /// series_id, profile_id, stack_id
    ids: [Int64Builder; 3],
    value: Int64Builder,
    keys: StringBuilder,
    strings: StringBuilder,
    numbers: Int64Builder,
    units: StringBuilder,
    n_labels: ListLengths,
}

impl SampleColumns {
    /// Adds a row: series, profile, stack.
    pub(super) fn push(&mut self, ids: [u64; 3], value: i64, labels: &[Label]) {
        for (builder, id) in self.ids.iter_mut().zip(ids) {
            builder.append_value(id.cast_signed());
        }
        self.value.append_value(value);
        for label in labels {
            let (string, number) = match &label.value {
                LabelValue::Str(string) => (Some(string), None),
                LabelValue::Num(number, unit) => (None, Some((*number, unit))),
            };
            self.keys.append_value(&label.key);
            self.strings.append_option(string);
            self.numbers.append_option(number.map(|(number, _)| number));
            self.units
                .append_option(number.map(|(_, unit)| unit).filter(|unit| !unit.is_empty()));
        }
        self.n_labels.push(labels.len());
    }

    /// The columns, in the schema's order.
    pub(super) fn finish(mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let labels: Vec<ArrayRef> = vec![
            Arc::new(self.keys.finish()),
            Arc::new(self.strings.finish()),
            Arc::new(self.numbers.finish()),
            Arc::new(self.units.finish()),
        ];
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(self.ids.map(|mut ids| Arc::new(ids.finish()) as ArrayRef));
        columns.push(Arc::new(self.value.finish()));
        columns.push(
            self.n_labels
                .finish_structs(schema::sample_label_fields(), labels)?,
        );
        Ok(columns)
    }
}
