//! Captures → rows of `profiles`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::TimestampMicrosecondBuilder;
use arrow_array::builder::{BooleanBuilder, Int32Builder, Int64Builder, StringBuilder};
use arrow_schema::ArrowError;
use proto::profile::{Mapping, ValueType};

use super::capture::{Capture, ProfileRow};
use super::columns::{LabelsColumn, ListLengths, micros_builder};
use super::profile_buffer::ProfileDay;
use super::schema;

/// The columns of a day's `profiles`, sorted by series and time.
pub(super) fn profile_columns(day: &ProfileDay) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut rows: Vec<(&ProfileRow, &Capture)> = Vec::with_capacity(day.profiles.len());
    for row in &day.profiles {
        rows.extend(
            day.captures
                .get(row.capture_idx)
                .map(|capture| (row, capture)),
        );
    }
    rows.sort_by_key(|(row, capture)| (row.series_id, capture.header.time_nanos));
    let mut columns = ProfileColumns::new();
    for (row, capture) in rows {
        columns.push(row, capture);
    }
    columns.finish()
}

/// Rows on their way into arrays.
pub(super) struct ProfileColumns {
    /// profile_id, capture_id, series_id
    ids: [Int64Builder; 3],
    time: TimestampMicrosecondBuilder,
    /// time_nanos, duration_nanos
    nanos: [Int64Builder; 2],
    /// job, instance
    who: [StringBuilder; 2],
    labels: LabelsColumn,
    /// scheme, address, kind
    how: [StringBuilder; 3],
    type_idx: Int32Builder,
    /// sample_type, sample_unit
    sample_type: [StringBuilder; 2],
    is_default_type: BooleanBuilder,
    /// period_type, period_unit
    period_type: [StringBuilder; 2],
    period: Int64Builder,
    is_delta: BooleanBuilder,
    /// total, n_samples
    counts: [Int64Builder; 2],
    comments: StringBuilder,
    n_comments: ListLengths,
    /// drop_frames, keep_frames, doc_url
    texts: [StringBuilder; 3],
    mappings: MappingColumns,
}

impl ProfileColumns {
    pub(super) fn new() -> Self {
        Self {
            ids: std::array::from_fn(|_| Int64Builder::new()),
            time: micros_builder(),
            nanos: std::array::from_fn(|_| Int64Builder::new()),
            who: std::array::from_fn(|_| StringBuilder::new()),
            labels: LabelsColumn::default(),
            how: std::array::from_fn(|_| StringBuilder::new()),
            type_idx: Int32Builder::new(),
            sample_type: std::array::from_fn(|_| StringBuilder::new()),
            is_default_type: BooleanBuilder::new(),
            period_type: std::array::from_fn(|_| StringBuilder::new()),
            period: Int64Builder::new(),
            is_delta: BooleanBuilder::new(),
            counts: std::array::from_fn(|_| Int64Builder::new()),
            comments: StringBuilder::new(),
            n_comments: ListLengths::default(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            mappings: MappingColumns::default(),
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &ProfileRow, capture: &Capture) {
        let header = &capture.header;
        let value_type = header
            .sample_types
            .get(row.type_idx)
            .copied()
            .unwrap_or_default();
        let names = |pair: ValueType| [capture.text(pair.kind), capture.text(pair.unit)];
        let is_default = header
            .default_sample_type
            .is_some_and(|idx| idx as usize == row.type_idx);
        let target = &capture.target;

        push_ids(&mut self.ids, [row.id, capture.id, row.series_id]);
        self.time.append_value(header.time_nanos.div_euclid(1000));
        push_numbers(&mut self.nanos, [header.time_nanos, header.duration_nanos]);
        push_texts(&mut self.who, [target.job(), target.instance()]);
        self.labels.push(&target.labels);
        push_texts(
            &mut self.how,
            [&target.scheme, &target.address, &capture.kind],
        );
        self.type_idx.append_value(row.type_idx as i32);
        push_texts(&mut self.sample_type, names(value_type));
        self.is_default_type.append_value(is_default);
        push_texts(&mut self.period_type, names(header.period_type));
        self.period.append_value(header.period);
        self.is_delta.append_value(capture.is_delta);
        push_numbers(&mut self.counts, [row.total, row.n_samples]);
        for comment in &header.comments {
            self.comments.append_value(capture.text(*comment));
        }
        self.n_comments.push(header.comments.len());
        let texts = [header.drop_frames, header.keep_frames, header.doc_url];
        push_texts(&mut self.texts, texts.map(|id| capture.text(id)));
        self.mappings.push(capture);
    }

    /// The columns, in the schema's order.
    pub(super) fn finish(mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(self.ids.map(|mut ids| Arc::new(ids.finish()) as ArrayRef));
        columns.push(Arc::new(self.time.finish()));
        columns.extend(
            self.nanos
                .map(|mut nanos| Arc::new(nanos.finish()) as ArrayRef),
        );
        columns.extend(finish_texts(self.who));
        columns.push(self.labels.finish()?);
        columns.extend(finish_texts(self.how));
        columns.push(Arc::new(self.type_idx.finish()));
        columns.extend(finish_texts(self.sample_type));
        columns.push(Arc::new(self.is_default_type.finish()));
        columns.extend(finish_texts(self.period_type));
        columns.push(Arc::new(self.period.finish()));
        columns.push(Arc::new(self.is_delta.finish()));
        columns.extend(
            self.counts
                .map(|mut counts| Arc::new(counts.finish()) as ArrayRef),
        );
        columns.push(self.n_comments.finish(Arc::new(self.comments.finish()))?);
        columns.extend(finish_texts(self.texts));
        columns.push(self.mappings.finish()?);
        Ok(columns)
    }
}

#[derive(Default)]
struct MappingColumns {
    /// memory_start, memory_limit, file_offset
    addresses: [Int64Builder; 3],
    /// file, build_id
    texts: [StringBuilder; 2],
    /// has_functions, has_filenames, has_line_numbers, has_inline_frames
    flags: [BooleanBuilder; 4],
    lengths: ListLengths,
}

impl MappingColumns {
    fn push(&mut self, capture: &Capture) {
        for mapping in &capture.header.mappings {
            let Mapping {
                memory_start,
                memory_limit,
                file_offset,
                ..
            } = *mapping;
            push_ids(
                &mut self.addresses,
                [memory_start, memory_limit, file_offset],
            );
            let texts = [mapping.filename, mapping.build_id].map(|id| capture.text(id));
            push_texts(&mut self.texts, texts);
            let flags = [
                mapping.has_functions,
                mapping.has_filenames,
                mapping.has_line_numbers,
                mapping.has_inline_frames,
            ];
            for (builder, flag) in self.flags.iter_mut().zip(flags) {
                builder.append_value(flag);
            }
        }
        self.lengths.push(capture.header.mappings.len());
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(
            self.addresses
                .map(|mut column| Arc::new(column.finish()) as ArrayRef),
        );
        columns.extend(finish_texts(self.texts));
        columns.extend(
            self.flags
                .map(|mut column| Arc::new(column.finish()) as ArrayRef),
        );
        self.lengths
            .finish_structs(schema::mapping_fields(), columns)
    }
}

fn push_ids<const N: usize>(builders: &mut [Int64Builder; N], ids: [u64; N]) {
    push_numbers(builders, ids.map(u64::cast_signed));
}

fn push_numbers<const N: usize>(builders: &mut [Int64Builder; N], numbers: [i64; N]) {
    for (builder, number) in builders.iter_mut().zip(numbers) {
        builder.append_value(number);
    }
}

fn push_texts<const N: usize>(builders: &mut [StringBuilder; N], texts: [&str; N]) {
    for (builder, text) in builders.iter_mut().zip(texts) {
        builder.append_value(text);
    }
}

fn finish_texts<const N: usize>(builders: [StringBuilder; N]) -> [ArrayRef; N] {
    builders.map(|mut builder| Arc::new(builder.finish()) as ArrayRef)
}
