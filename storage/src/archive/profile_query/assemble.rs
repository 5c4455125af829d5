//! A capture, its samples and their stacks → a profile of the model.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use proto::ProfileRecord;
use proto::profile::{
    Function, LabelSetId, LabelValue as ModelValue, Line, Lines, Location, Mapping, MappingId,
    Profile, ProfileBuilder, SampleLabel, StackId, ValueType,
};

use super::captures::Capture;
use super::samples::Sample;
use super::stacks::Stacks;
use crate::archive::ArchiveError;
use crate::archive::frames::{Frame, FrameFunction, FrameMapping};
use crate::archive::intern::Interner;
use crate::archive::profile_buffer::{Label, LabelValue};
use crate::archive::table::Table;

/// Puts a profile together.
pub(in crate::archive) fn profile(
    capture: &Capture,
    samples: &[Sample],
    label_sets: &Interner<Arc<[Label]>>,
    stacks: &Stacks,
) -> Result<ProfileRecord, ArchiveError> {
    let mut assembly = Assembly {
        builder: builder(capture),
        stacks,
        capture,
    };
    let (mut stack_ids, mut label_ids) = (HashMap::new(), HashMap::new());
    let mut values = vec![0; capture.types.len()];
    for sample in samples {
        let stack = match stack_ids.get(&sample.stack_id) {
            Some(stack) => *stack,
            None => assembly.stack(sample.stack_id)?,
        };
        stack_ids.insert(sample.stack_id, stack);
        let labels: LabelSetId = *label_ids
            .entry(sample.labels)
            .or_insert_with(|| assembly.labels(label_sets.get(sample.labels)));
        values.fill(0);
        values
            .iter_mut()
            .skip(sample.type_idx)
            .take(1)
            .for_each(|value| *value = sample.value);
        assembly.builder.add_sample(stack, labels, &values);
    }
    Ok(ProfileRecord {
        target: capture.target.clone(),
        kind: capture.kind.clone(),
        is_delta: capture.is_delta,
        profile: assembly.builder.finish(),
    })
}

/// A builder with everything but samples.
pub(in crate::archive) fn builder(capture: &Capture) -> ProfileBuilder {
    let mut builder = ProfileBuilder::new();
    let [period_kind, period_unit] = &capture.period_type;
    let [drop_frames, keep_frames, doc_url] = &capture.texts;
    let types = capture.types.iter().map(|sample_type| ValueType {
        kind: builder.string(&sample_type.kind),
        unit: builder.string(&sample_type.unit),
    });
    let header = Profile {
        sample_types: types.collect(),
        default_sample_type: capture
            .types
            .iter()
            .position(|t| t.is_default)
            .map(|idx| idx as u32),
        time_nanos: capture.time_nanos,
        duration_nanos: capture.duration_nanos,
        period_type: ValueType {
            kind: builder.string(period_kind),
            unit: builder.string(period_unit),
        },
        period: capture.period,
        comments: capture
            .comments
            .iter()
            .map(|text| builder.string(text))
            .collect(),
        drop_frames: builder.string(drop_frames),
        keep_frames: builder.string(keep_frames),
        doc_url: builder.string(doc_url),
        ..Profile::default()
    };
    let strings = std::mem::take(&mut builder.profile_mut().strings);
    *builder.profile_mut() = Profile { strings, ..header };
    for stored in &capture.mappings {
        let filename = builder.string(&stored.file);
        let build_id = builder.string(&stored.build_id);
        builder.mapping(Mapping {
            filename,
            build_id,
            ..stored.mapping
        });
    }
    builder
}

struct Assembly<'a> {
    builder: ProfileBuilder,
    stacks: &'a Stacks,
    capture: &'a Capture,
}

impl Assembly<'_> {
    fn stack(&mut self, id: u64) -> Result<StackId, ArchiveError> {
        let stacks = self.stacks;
        let Some(handles) = stacks.by_id.get(&id) else {
            let what = format!("stack {} is missing", id.cast_signed());
            return Err(ArchiveError::damaged(Path::new(Table::Stacks.name()), what));
        };
        let mut locations = Vec::with_capacity(handles.len());
        let mut lines = Lines::new();
        for handle in handles {
            let frame = stacks.frames.frame(*handle);
            lines.extend(frame.function.as_ref().map(|function| self.line(function)));
            if !frame.is_inlined {
                let location = self.location(frame, std::mem::take(&mut lines));
                locations.push(self.builder.location(location));
            }
        }
        Ok(self.builder.stack(&locations))
    }

    fn location(&mut self, frame: &Frame, lines: Lines) -> Location {
        Location {
            mapping: frame.mapping.and_then(|mapping| self.mapping(mapping)),
            address: frame.address,
            lines,
            is_folded: frame.is_folded,
        }
    }

    fn line(&mut self, function: &FrameFunction) -> Line {
        let frames = &self.stacks.frames;
        let mut string = |id| self.builder.string(frames.text(id));
        let (name, system_name) = (string(function.name), string(function.system_name));
        let (filename, start_line) = (string(function.file), function.start_line);
        let known = Function {
            name,
            system_name,
            filename,
            start_line,
        };
        Line {
            function: self.builder.function(known),
            line: function.line,
            column: function.column,
        }
    }

    /// The capture's mapping that a frame means.
    fn mapping(&mut self, wanted: FrameMapping) -> Option<MappingId> {
        let frames = &self.stacks.frames;
        let (file, build_id) = (frames.text(wanted.file), frames.text(wanted.build_id));
        let stored = self.capture.mappings.iter().find(|stored| {
            stored.mapping.memory_start == wanted.start
                && stored.file == file
                && stored.build_id == build_id
        })?;
        let (filename, build_id) = (self.builder.string(file), self.builder.string(build_id));
        Some(self.builder.mapping(Mapping {
            filename,
            build_id,
            ..stored.mapping
        }))
    }

    fn labels(&mut self, labels: &[Label]) -> LabelSetId {
        let builder = &mut self.builder;
        let labels = labels.iter().map(|label| SampleLabel {
            key: builder.string(&label.key),
            value: match &label.value {
                LabelValue::Str(text) => ModelValue::Str(builder.string(text)),
                LabelValue::Num(number, unit) => ModelValue::Num(*number, builder.string(unit)),
            },
        });
        let labels: Vec<SampleLabel> = labels.collect();
        self.builder.label_set(&labels)
    }
}
