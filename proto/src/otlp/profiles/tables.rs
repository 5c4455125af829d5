//! A profile's own tables → the request's dictionary.

use opentelemetry_proto::tonic::profiles::v1development::{
    Function, Line, Mapping, Stack, ValueType,
};

use super::dictionary::{Dictionary, Value};
use crate::profile::{self, FunctionId, LabelSetId, LabelValue, LocationId, MappingId};
use crate::profile::{Profile, StackId, StrId};

/// Translates the handles of one profile. What is not asked for does not get into the dictionary;
/// what is asked for again is not looked up twice.
pub(super) struct Tables<'a> {
    profile: &'a Profile,
    pub(super) dictionary: &'a mut Dictionary,
    strings: Vec<Option<i32>>,
    mappings: Vec<Option<i32>>,
    functions: Vec<Option<i32>>,
    locations: Vec<Option<i32>>,
    stacks: Vec<Option<i32>>,
    label_sets: Vec<Option<Vec<i32>>>,
}

/// The translation of a handle, worked out the first time. A handle out of range becomes 0.
macro_rules! memoized {
    ($self:ident . $memo:ident, $id:expr, $make:expr) => {{
        let idx = $id.0 as usize;
        match $self.$memo.get(idx) {
            Some(Some(known)) => known.clone(),
            Some(None) => {
                let made = $make;
                if let Some(slot) = $self.$memo.get_mut(idx) {
                    *slot = Some(made.clone());
                }
                made
            }
            None => Default::default(),
        }
    }};
}

impl<'a> Tables<'a> {
    pub(super) fn new(profile: &'a Profile, dictionary: &'a mut Dictionary) -> Self {
        Self {
            profile,
            dictionary,
            strings: vec![None; profile.strings.len()],
            mappings: vec![None; profile.mappings.len()],
            functions: vec![None; profile.functions.len()],
            locations: vec![None; profile.locations.len()],
            stacks: vec![None; profile.stacks.len()],
            label_sets: vec![None; profile.label_sets.len()],
        }
    }

    pub(super) fn string(&mut self, id: StrId) -> i32 {
        memoized!(
            self.strings,
            id,
            self.dictionary.string(self.profile.strings.get(id))
        )
    }

    pub(super) fn value_type(&mut self, value_type: profile::ValueType) -> ValueType {
        ValueType {
            type_strindex: self.string(value_type.kind),
            unit_strindex: self.string(value_type.unit),
        }
    }

    pub(super) fn stack(&mut self, id: StackId) -> i32 {
        memoized!(self.stacks, id, {
            let locations = self
                .profile
                .stacks
                .get(id.0 as usize)
                .map_or(&[][..], |s| s);
            let location_indices = locations.iter().map(|location| self.location(*location));
            let stack = Stack {
                location_indices: location_indices.collect(),
            };
            self.dictionary.stacks.intern(stack)
        })
    }

    fn location(&mut self, id: LocationId) -> i32 {
        memoized!(self.locations, id, {
            let Some(location) = self.profile.locations.get(id.0 as usize) else {
                return 0;
            };
            let lines = location.lines.iter().map(|line| Line {
                function_index: self.function(line.function),
                line: line.line,
                column: line.column,
            });
            let lines: Vec<_> = lines.collect();
            let mapping = location.mapping.map_or(0, |mapping| self.mapping(mapping));
            let attributes = self.location_attributes(location);
            self.dictionary
                .locations
                .intern((mapping, location.address, lines, attributes))
        })
    }

    fn location_attributes(&mut self, location: &profile::Location) -> Vec<i32> {
        let mut attributes = Vec::new();
        if location.is_folded {
            let folded = Value::Bool(true);
            attributes.push(
                self.dictionary
                    .attribute("pprof.location.is_folded", folded, ""),
            );
        }
        let function = location.lines.first().map(|line| line.function.0 as usize);
        let function = function.and_then(|idx| self.profile.functions.get(idx));
        let filename = function.map_or("", |f| self.profile.strings.get(f.filename));
        if let Some(frame_type) = frame_type(filename) {
            let frame_type = Value::Text(frame_type.to_owned());
            attributes.push(
                self.dictionary
                    .attribute("profile.frame.type", frame_type, ""),
            );
        }
        attributes
    }

    fn function(&mut self, id: FunctionId) -> i32 {
        memoized!(self.functions, id, {
            let Some(function) = self.profile.functions.get(id.0 as usize) else {
                return 0;
            };
            let function = Function {
                name_strindex: self.string(function.name),
                system_name_strindex: self.string(function.system_name),
                filename_strindex: self.string(function.filename),
                start_line: function.start_line,
            };
            self.dictionary.functions.intern(function)
        })
    }

    fn mapping(&mut self, id: MappingId) -> i32 {
        memoized!(self.mappings, id, {
            let Some(mapping) = self.profile.mappings.get(id.0 as usize) else {
                return 0;
            };
            let mapping = Mapping {
                memory_start: mapping.memory_start,
                memory_limit: mapping.memory_limit,
                file_offset: mapping.file_offset,
                filename_strindex: self.string(mapping.filename),
                attribute_indices: self.mapping_attributes(mapping),
            };
            self.dictionary.mappings.intern(mapping)
        })
    }

    fn mapping_attributes(&mut self, mapping: &profile::Mapping) -> Vec<i32> {
        let mut attributes = Vec::new();
        let build_id = self.profile.strings.get(mapping.build_id);
        if !build_id.is_empty() {
            // A Go build id is four base64 hashes joined by slashes, a GNU one is hexadecimal.
            let key = match build_id.contains('/') {
                true => "process.executable.build_id.go",
                false => "process.executable.build_id.gnu",
            };
            attributes.push(
                self.dictionary
                    .attribute(key, Value::Text(build_id.to_owned()), ""),
            );
        }
        let flags = [
            ("pprof.mapping.has_functions", mapping.has_functions),
            ("pprof.mapping.has_filenames", mapping.has_filenames),
            ("pprof.mapping.has_line_numbers", mapping.has_line_numbers),
            ("pprof.mapping.has_inline_frames", mapping.has_inline_frames),
        ];
        for (key, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
            attributes.push(self.dictionary.attribute(key, Value::Bool(true), ""));
        }
        attributes
    }

    /// The attributes of a sample. Keys are unique in OTLP and may repeat in pprof: the values of
    /// a repeated key become an array.
    pub(super) fn label_set(&mut self, id: LabelSetId) -> Vec<i32> {
        memoized!(self.label_sets, id, {
            let labels = self
                .profile
                .label_sets
                .get(id.0 as usize)
                .map_or(&[][..], |set| set);
            let mut merged: Vec<(StrId, Vec<Value>, StrId)> = Vec::new();
            for label in labels {
                let (value, unit) = match label.value {
                    LabelValue::Str(text) => (
                        Value::Text(self.profile.strings.get(text).to_owned()),
                        StrId::default(),
                    ),
                    LabelValue::Num(number, unit) => (Value::Int(number), unit),
                };
                match merged.iter_mut().find(|(key, _, _)| *key == label.key) {
                    Some((_, values, _)) => values.push(value),
                    None => merged.push((label.key, vec![value], unit)),
                }
            }
            merged
                .into_iter()
                .map(|(key, values, unit)| self.label(key, values, unit))
                .collect::<Vec<_>>()
        })
    }

    fn label(&mut self, key: StrId, mut values: Vec<Value>, unit: StrId) -> i32 {
        let value = match (values.pop(), values.is_empty()) {
            (Some(only), true) => only,
            (last, _) => Value::Array(values.into_iter().chain(last).collect()),
        };
        let strings = &self.profile.strings;
        self.dictionary
            .attribute(strings.get(key), value, strings.get(unit))
    }
}

/// `profile.frame.type` by the ending of the source file, where that is telling.
fn frame_type(filename: &str) -> Option<&'static str> {
    match filename.rsplit_once('.')?.1 {
        "go" => Some("go"),
        "rs" => Some("rust"),
        "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" => Some("native"),
        _ => None,
    }
}
