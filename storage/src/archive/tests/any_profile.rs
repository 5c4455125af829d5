//! Profiles at random, small ones with everything that a profile can have.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proto::profile::*;

const TEXTS: [&str; 6] = [
    "",
    "main.main",
    "runtime.mallocgc",
    "späte",
    "a\"b\n",
    "/src/x.go",
];

/// Names, files and the like: an index into [`TEXTS`].
fn text() -> impl Strategy<Value = usize> {
    0..TEXTS.len()
}

/// A location: address, mapping, lines as (function, line, column), whether it is folded.
type AnyLocation = (u64, Option<usize>, Vec<(usize, i64, i64)>, bool);

/// A sample: its stack, how many of the labels it has, its values.
type AnySample = (usize, usize, [i64; 2]);

/// Numbers and indices, wrapped around where they are used, that make a profile.
#[derive(Clone, Debug)]
struct Parts {
    mappings: Vec<([bool; 4], usize)>,
    functions: Vec<(usize, usize, usize, i64)>,
    locations: Vec<AnyLocation>,
    stacks: Vec<Vec<usize>>,
    labels: Vec<(usize, Option<i64>, usize)>,
    samples: Vec<AnySample>,
    n_types: usize,
    default_type: Option<u32>,
    numbers: (i32, i64),
    header: [usize; 2],
}

prop_compose! {
    fn parts()(
        mappings in vec((any::<[bool; 4]>(), text()), 0..3),
        functions in vec((text(), text(), text(), 0i64..3), 1..5),
        locations in vec(location(), 1..6),
        stacks in vec(vec(0usize..6, 0..5), 1..6),
        labels in vec((text(), option::of(any::<i64>()), text()), 0..4),
        samples in vec(sample(), 0..12),
        n_types in 1usize..3,
        default_type in option::of(0u32..2),
        numbers in any::<(i32, i64)>(),
        header in [text(), text()],
    ) -> Parts {
        Parts {
            mappings, functions, locations, stacks, labels, samples, n_types, default_type,
            numbers, header,
        }
    }
}

fn location() -> impl Strategy<Value = AnyLocation> {
    let address = prop_oneof![Just(0), 0u64..8, any::<u64>()];
    let line = (0usize..5, -1i64..3, 0i64..2);
    (
        address,
        option::of(0usize..3),
        vec(line, 0..4),
        any::<bool>(),
    )
}

fn sample() -> impl Strategy<Value = AnySample> {
    let value = || prop_oneof![Just(0), any::<i64>()];
    (0usize..6, 0usize..5, [value(), value()])
}

/// A profile taken some seconds before or after `time_nanos`.
pub(in crate::archive) fn any_profile(time_nanos: i64) -> impl Strategy<Value = Profile> {
    parts().prop_map(move |parts| build(&parts, time_nanos))
}

fn build(parts: &Parts, time_nanos: i64) -> Profile {
    let mut builder = ProfileBuilder::new();
    let texts = TEXTS.map(|text| builder.string(text));
    set_header(builder.profile_mut(), parts, time_nanos, texts);
    let stacks = add_stacks(&mut builder, parts, texts);
    let labels = parts.labels.iter().map(|(key, number, text)| SampleLabel {
        key: texts[*key],
        value: match number {
            Some(number) => LabelValue::Num(*number, texts[*text]),
            None => LabelValue::Str(texts[*text]),
        },
    });
    let labels: Vec<SampleLabel> = labels.collect();
    for (stack, n_labels, values) in &parts.samples {
        let set = builder.label_set(&labels[..*n_labels.min(&labels.len())]);
        builder.add_sample(stacks[stack % stacks.len()], set, &values[..parts.n_types]);
    }
    builder.finish()
}

fn set_header(profile: &mut Profile, parts: &Parts, time_nanos: i64, texts: [StrId; 6]) {
    let value_type = |kind: usize, unit: usize| ValueType {
        kind: texts[kind],
        unit: texts[unit],
    };
    let types = [value_type(1, 2), value_type(5, 0)];
    let [comment, url] = parts.header;
    profile.sample_types = types[..parts.n_types].to_vec();
    profile.default_sample_type = parts
        .default_type
        .filter(|idx| (*idx as usize) < parts.n_types);
    profile.time_nanos = time_nanos + i64::from(parts.numbers.0);
    profile.duration_nanos = i64::from(parts.numbers.0) * 7;
    profile.period = parts.numbers.1;
    profile.period_type = value_type(comment, url);
    profile.comments = vec![texts[comment], texts[2]];
    profile.keep_frames = texts[url];
    profile.doc_url = texts[comment];
}

fn add_stacks(builder: &mut ProfileBuilder, parts: &Parts, texts: [StrId; 6]) -> Vec<StackId> {
    let mappings = (0u64..).zip(&parts.mappings).map(|(idx, (has, file))| {
        builder.mapping(Mapping {
            memory_start: idx << 20, // a process has one mapping at an address
            memory_limit: (idx << 20) + 9,
            file_offset: idx,
            filename: texts[*file],
            build_id: texts[1],
            has_functions: has[0],
            has_filenames: has[1],
            has_line_numbers: has[2],
            has_inline_frames: has[3],
        })
    });
    let mappings: Vec<MappingId> = mappings.collect();
    let functions = parts
        .functions
        .iter()
        .map(|(name, system_name, file, start_line)| {
            let (name, system_name) = (texts[*name], texts[*system_name]);
            let (filename, start_line) = (texts[*file], *start_line);
            builder.function(Function {
                name,
                system_name,
                filename,
                start_line,
            })
        });
    let functions: Vec<FunctionId> = functions.collect();
    let locations = parts
        .locations
        .iter()
        .map(|(address, mapping, lines, is_folded)| {
            let lines = lines.iter().map(|(function, line, column)| Line {
                function: functions[function % functions.len()],
                line: *line,
                column: *column,
            });
            builder.location(Location {
                mapping: mapping.and_then(|idx| mappings.get(idx)).copied(),
                address: *address,
                lines: lines.collect(),
                is_folded: *is_folded,
            })
        });
    let locations: Vec<LocationId> = locations.collect();
    let stacks = parts.stacks.iter().map(|stack| {
        let stack: Vec<_> = stack
            .iter()
            .map(|idx| locations[idx % locations.len()])
            .collect();
        builder.stack(&stack)
    });
    stacks.collect()
}
