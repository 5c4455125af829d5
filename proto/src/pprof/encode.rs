//! [`Profile`] → pprof bytes.

use super::wire::Writer;
use crate::profile::{
    Function, LabelValue, Line, Location, Mapping, Profile, SampleLabel, ValueType,
};

/// Encodes a profile as an uncompressed pprof message; equal profiles give equal bytes.
///
/// Ids are the handles plus one. An empty string as a label's value cannot be told from a number
/// of 0 in pprof and comes back as such.
pub fn encode(profile: &Profile) -> Vec<u8> {
    let mut out = Writer::default();
    let mut scratch = Scratch::default();
    put_samples(&mut out, &mut scratch, profile);
    for (id, mapping) in (1..).zip(&profile.mappings) {
        out.message(3, &mut scratch.outer, |writer| {
            put_mapping(writer, id, mapping);
        });
    }
    for (id, location) in (1..).zip(&profile.locations) {
        let Scratch { outer, inner } = &mut scratch;
        out.message(4, outer, |writer| put_location(writer, inner, id, location));
    }
    for (id, function) in (1..).zip(&profile.functions) {
        out.message(5, &mut scratch.outer, |writer| {
            put_function(writer, id, function);
        });
    }
    for text in profile.strings.iter() {
        out.bytes(6, text.as_bytes());
    }
    put_header(&mut out, &mut scratch, profile);
    out.bytes
}

/// Buffers for messages inside messages: two deep at the most.
#[derive(Default)]
struct Scratch {
    outer: Writer,
    inner: Writer,
}

fn put_samples(out: &mut Writer, scratch: &mut Scratch, profile: &Profile) {
    for value_type in &profile.sample_types {
        out.message(1, &mut scratch.outer, |writer| {
            put_value_type(writer, *value_type);
        });
    }
    for (stack, labels, values) in profile.samples() {
        let locations = profile
            .stacks
            .get(stack.0 as usize)
            .map_or(&[][..], |stack| stack);
        let labels = profile
            .label_sets
            .get(labels.0 as usize)
            .map_or(&[][..], |labels| labels);
        let Scratch { outer, inner } = &mut *scratch;
        out.message(2, outer, |writer| {
            writer.packed(
                1,
                locations.iter().map(|location| u64::from(location.0) + 1),
            );
            writer.packed(2, values.iter().map(|value| *value as u64));
            for label in labels {
                writer.message(3, inner, |writer| put_label(writer, label));
            }
        });
    }
}

fn put_header(out: &mut Writer, scratch: &mut Scratch, profile: &Profile) {
    out.number(7, profile.drop_frames.0.into());
    out.number(8, profile.keep_frames.0.into());
    out.number(9, profile.time_nanos as u64);
    out.number(10, profile.duration_nanos as u64);
    if profile.period_type != ValueType::default() {
        out.message(11, &mut scratch.outer, |writer| {
            put_value_type(writer, profile.period_type);
        });
    }
    out.number(12, profile.period as u64);
    out.packed(13, profile.comments.iter().map(|comment| comment.0.into()));
    let default_type = profile.default_sample_type.unwrap_or(u32::MAX) as usize;
    let default_kind = profile
        .sample_types
        .get(default_type)
        .map_or(0, |known| known.kind.0);
    out.number(14, default_kind.into());
    out.number(15, profile.doc_url.0.into());
}

fn put_value_type(writer: &mut Writer, value_type: ValueType) {
    writer.number(1, value_type.kind.0.into());
    writer.number(2, value_type.unit.0.into());
}

fn put_label(writer: &mut Writer, label: &SampleLabel) {
    writer.number(1, label.key.0.into());
    match label.value {
        LabelValue::Str(text) => writer.number(2, text.0.into()),
        LabelValue::Num(number, unit) => {
            writer.number(3, number as u64);
            writer.number(4, unit.0.into());
        }
    }
}

fn put_mapping(writer: &mut Writer, id: u64, mapping: &Mapping) {
    writer.number(1, id);
    writer.number(2, mapping.memory_start);
    writer.number(3, mapping.memory_limit);
    writer.number(4, mapping.file_offset);
    writer.number(5, mapping.filename.0.into());
    writer.number(6, mapping.build_id.0.into());
    writer.number(7, mapping.has_functions.into());
    writer.number(8, mapping.has_filenames.into());
    writer.number(9, mapping.has_line_numbers.into());
    writer.number(10, mapping.has_inline_frames.into());
}

fn put_location(writer: &mut Writer, scratch: &mut Writer, id: u64, location: &Location) {
    writer.number(1, id);
    writer.number(
        2,
        location
            .mapping
            .map_or(0, |mapping| u64::from(mapping.0) + 1),
    );
    writer.number(3, location.address);
    for line in &location.lines {
        writer.message(4, scratch, |writer| put_line(writer, *line));
    }
    writer.number(5, location.is_folded.into());
}

fn put_line(writer: &mut Writer, line: Line) {
    writer.number(1, u64::from(line.function.0) + 1);
    writer.number(2, line.line as u64);
    writer.number(3, line.column as u64);
}

fn put_function(writer: &mut Writer, id: u64, function: &Function) {
    writer.number(1, id);
    writer.number(2, function.name.0.into());
    writer.number(3, function.system_name.0.into());
    writer.number(4, function.filename.0.into());
    writer.number(5, function.start_line as u64);
}
