//! Profiles for tests: a short way to write one down, and a way to make up many.

use std::ops::Range;

use proptest::prelude::*;

use crate::profile::{
    Function, LabelValue, Line, Location, LocationId, Mapping, MappingId, Profile, ProfileBuilder,
    SampleLabel, ValueType,
};

/// A profile of `(kind, unit)` sample types and `("root;…;leaf", values)` samples.
pub(crate) fn sample_profile(types: &[(&str, &str)], samples: &[(&str, &[i64])]) -> Profile {
    let mut builder = ProfileBuilder::new();
    let sample_types = types.iter().map(|(kind, unit)| ValueType {
        kind: builder.string(kind),
        unit: builder.string(unit),
    });
    let sample_types = sample_types.collect();
    builder.profile_mut().sample_types = sample_types;
    for (frames, values) in samples {
        let leaf_first = frames.rsplit(';');
        let locations: Vec<_> = leaf_first
            .map(|name| location(&mut builder, name))
            .collect();
        let stack = builder.stack(&locations);
        let labels = builder.label_set(&[]);
        builder.push_sample(stack, labels, values);
    }
    builder.finish()
}

fn location(builder: &mut ProfileBuilder, name: &str) -> LocationId {
    let name = builder.string(name);
    let function = builder.function(Function {
        name,
        system_name: name,
        ..Function::default()
    });
    let lines = smallvec::smallvec![Line {
        function,
        line: 0,
        column: 0,
    }];
    builder.location(Location {
        lines,
        ..Location::default()
    })
}

/// Profiles with two sample types over a small world of functions, so that much is shared
/// between two of them; with inlining, labels, bare addresses and two binaries that move.
pub(crate) fn any_profile() -> impl Strategy<Value = Profile> {
    profile_with(0..5)
}

/// The same with so many locations on each stack.
pub(crate) fn profile_with(depth: Range<usize>) -> impl Strategy<Value = Profile> {
    let places = prop::collection::vec((0u8..6, 0u8..4, prop::option::of(0usize..2)), depth);
    let labels = prop::collection::vec((0u8..3, -2i64..3, any::<bool>()), 0..3);
    let large = prop_oneof![4 => -5i64..1_000_000, 1 => Just(0)];
    let values = (large, -5i64..5);
    let samples = prop::collection::vec((places, labels, values), 0..12);
    (samples, 0u64..3, 0i64..3, prop::option::of(0u32..2)).prop_map(
        |(samples, slide, time_nanos, default_sample_type)| {
            let mut world = World::new(slide * 0x10_0000);
            let header = world.builder.profile_mut();
            header.time_nanos = time_nanos;
            header.duration_nanos = 10;
            header.default_sample_type = default_sample_type;
            for (places, labels, (first, second)) in samples {
                world.add(&places, &labels, &[first, second]);
            }
            world.builder.finish()
        },
    )
}

/// A function, how many lines are inlined there, and the binary.
type Place = (u8, u8, Option<usize>);

struct World {
    builder: ProfileBuilder,
    /// Binaries and where they begin.
    mappings: [(MappingId, u64); 2],
}

impl World {
    fn new(start: u64) -> Self {
        let mut builder = ProfileBuilder::new();
        let mut value_type = |kind, unit| ValueType {
            kind: builder.string(kind),
            unit: builder.string(unit),
        };
        let sample_types = vec![
            value_type("alloc_space", "bytes"),
            value_type("inuse", "count"),
        ];
        let period_type = value_type("space", "bytes");
        let header = builder.profile_mut();
        (header.sample_types, header.period_type) = (sample_types, period_type);
        let mappings = [
            mapping(&mut builder, "/usr/bin/etcd", start),
            mapping(&mut builder, "/usr/lib/libc.so.6", start + 0x1000_0000),
        ];
        Self { builder, mappings }
    }

    fn add(&mut self, places: &[Place], labels: &[(u8, i64, bool)], values: &[i64]) {
        let locations: Vec<_> = places.iter().map(|place| self.location(*place)).collect();
        let stack = self.builder.stack(&locations);
        let labels: Vec<_> = labels.iter().map(|label| self.label(*label)).collect();
        let labels = self.builder.label_set(&labels);
        self.builder.push_sample(stack, labels, values);
    }

    fn location(&mut self, (function, n_lines, binary): Place) -> LocationId {
        let lines = (0..n_lines)
            .map(|line| self.line(function + line))
            .collect();
        let mapping = binary.map(|idx| self.mappings[idx]);
        self.builder.location(Location {
            mapping: mapping.map(|(id, _)| id),
            address: u64::from(function) * 16 + mapping.map_or(0, |(_, start)| start),
            lines,
            is_folded: false,
        })
    }

    fn line(&mut self, idx: u8) -> Line {
        let name = self.builder.string(&format!("function{idx}"));
        let filename = self.builder.string("file.go");
        let function = Function {
            name,
            system_name: name,
            filename,
            start_line: idx.into(),
        };
        Line {
            function: self.builder.function(function),
            line: i64::from(idx) + 1,
            column: 0,
        }
    }

    fn label(&mut self, (key, number, is_text): (u8, i64, bool)) -> SampleLabel {
        let text = self.builder.string(&format!("value{number}"));
        let unit = self.builder.string("bytes");
        let value = if is_text {
            LabelValue::Str(text)
        } else {
            LabelValue::Num(number, unit)
        };
        SampleLabel {
            key: self.builder.string(&format!("key{key}")),
            value,
        }
    }
}

fn mapping(builder: &mut ProfileBuilder, file: &str, start: u64) -> (MappingId, u64) {
    let mapping = Mapping {
        memory_start: start,
        memory_limit: start + 0x8000,
        filename: builder.string(file),
        ..Mapping::default()
    };
    (builder.mapping(mapping), start)
}
