//! Profiles of two sample types, read back through the dictionary.

use std::sync::Arc;

use opentelemetry_proto::tonic::profiles::v1development::{
    Profile as OtlpProfile, ProfilesDictionary, Sample,
};
use proptest::prelude::*;

use super::dictionary::Value;
use super::*;
use crate::profile::{
    Function, LabelSetId, LabelValue, Line, Location, Mapping, ProfileBuilder, SampleLabel,
    ValueType,
};
use crate::{Labels, Target};

/// A heap profile: `alloc` and `inuse`, the default named if there is one; each sample is the
/// names of its frames, leaf first, and its values.
fn record(default: Option<u32>, samples: &[(&[&str], [i64; 2])]) -> ProfileRecord {
    let mut builder = ProfileBuilder::new();
    let (alloc, inuse, bytes) = (
        builder.string("alloc"),
        builder.string("inuse"),
        builder.string("bytes"),
    );
    let profile = builder.profile_mut();
    profile.sample_types = vec![
        ValueType {
            kind: alloc,
            unit: bytes,
        },
        ValueType {
            kind: inuse,
            unit: bytes,
        },
    ];
    profile.default_sample_type = default;
    profile.time_nanos = 1_700_000_000_000_000_000;
    let comment = builder.string("a comment");
    builder.profile_mut().comments = vec![comment];
    let (build_id, filename) = (builder.string("abc/def"), builder.string("main.go"));
    let mapping = builder.mapping(Mapping {
        build_id,
        has_functions: true,
        ..Mapping::default()
    });
    for (frames, values) in samples {
        let stack: Vec<_> = frames
            .iter()
            .map(|name| {
                let name = builder.string(name);
                let function = builder.function(Function {
                    name,
                    filename,
                    ..Default::default()
                });
                let lines = smallvec::smallvec![Line {
                    function,
                    line: 7,
                    column: 0,
                }];
                builder.location(Location {
                    mapping: Some(mapping),
                    lines,
                    ..Default::default()
                })
            })
            .collect();
        let stack = builder.stack(&stack);
        builder.push_sample(stack, LabelSetId::default(), values);
    }
    let labels = [("job", "etcd"), ("instance", "a:1"), ("cluster", "demo")];
    let target = Arc::new(Target {
        labels: Labels::from_pairs(labels),
        scheme: "http".to_owned(),
        address: "a:1".to_owned(),
    });
    let kind = "memory".to_owned();
    ProfileRecord {
        target,
        kind,
        is_delta: false,
        profile: builder.finish(),
    }
}

/// The function names of a sample's stack, leaf first.
/// All samples of a record.
fn whole(record: &ProfileRecord) -> Part {
    Part::whole(Arc::new(record.clone()))
}

fn frames(dictionary: &ProfilesDictionary, sample: &Sample) -> Vec<String> {
    let stack = &dictionary.stack_table[sample.stack_index as usize];
    let locations = stack.location_indices.iter();
    let lines = locations.map(|idx| &dictionary.location_table[*idx as usize].lines[0]);
    lines
        .map(|line| {
            let function = &dictionary.function_table[line.function_index as usize];
            dictionary.string_table[function.name_strindex as usize].clone()
        })
        .collect()
}

fn type_name<'a>(dictionary: &'a ProfilesDictionary, profile: &OtlpProfile) -> &'a str {
    let sample_type = profile.sample_type.as_ref().expect("sample type");
    &dictionary.string_table[sample_type.type_strindex as usize]
}

/// (type, frames, value) of everything in a request.
fn contents(
    dictionary: &ProfilesDictionary,
    resources: &[ResourceProfiles],
) -> Vec<(String, String, i64)> {
    let scopes = resources
        .iter()
        .flat_map(|resource| &resource.scope_profiles);
    scopes
        .flat_map(|scope| &scope.profiles)
        .flat_map(|profile| profile.samples.iter().map(move |sample| (profile, sample)))
        .map(|(profile, sample)| {
            let name = type_name(dictionary, profile).to_owned();
            (name, frames(dictionary, sample).join(";"), sample.values[0])
        })
        .collect()
}

#[test]
fn each_sample_type_is_a_profile_and_the_default_comes_first() {
    let record = record(None, &[(&["leaf", "main"], [10, 3]), (&["main"], [5, 0])]);
    let (dictionary, resources) = to_resource_profiles(&[whole(&record)]);
    let expected = [
        ("inuse", "leaf;main", 3),
        ("alloc", "leaf;main", 10),
        ("alloc", "main", 5),
    ];
    let expected = expected.map(|(kind, frames, value)| (kind.into(), frames.into(), value));
    assert_eq!(contents(&dictionary, &resources), expected);
}

#[test]
fn scope_and_profile_say_what_the_division_loses() {
    let record = record(Some(0), &[(&["main"], [10, 3])]);
    let (dictionary, resources) = to_resource_profiles(&[whole(&record)]);
    let scoped = &resources[0].scope_profiles[0];
    let attributes = &scoped.scope.as_ref().expect("scope").attributes;
    assert_eq!(
        attributes[0],
        resource::text("pprof.scope.default_sample_type", "alloc")
    );
    let order = [0, 1].map(Value::Int).to_vec();
    assert_eq!(attributes[1].key, "pprof.scope.sample_type_order");
    assert_eq!(attributes[1].value, Value::Array(order).into_any());
    let keys: Vec<_> = scoped.profiles[0]
        .attribute_indices
        .iter()
        .map(|idx| dictionary.attribute_table[*idx as usize].key_strindex)
        .map(|idx| &*dictionary.string_table[idx as usize])
        .collect();
    assert_eq!(keys, ["leadsman.profile.kind", "pprof.profile.comment"]);
}

#[test]
fn index_zero_of_every_table_is_the_zero_value() {
    let record = record(None, &[(&["leaf", "main"], [10, 3])]);
    let (dictionary, _) = to_resource_profiles(&[whole(&record)]);
    assert_eq!(dictionary.string_table[0], "");
    assert_eq!(dictionary.mapping_table[0], Default::default());
    assert_eq!(dictionary.location_table[0], Default::default());
    assert_eq!(dictionary.function_table[0], Default::default());
    assert_eq!(dictionary.link_table, [Default::default()]);
    assert_eq!(dictionary.attribute_table[0], Default::default());
    assert_eq!(dictionary.stack_table[0], Default::default());
}

#[test]
fn equal_samples_are_added_and_profiles_share_the_dictionary() {
    let first = record(None, &[(&["main"], [1, 1]), (&["main"], [2, 2])]);
    let mut second = first.clone();
    second.profile.time_nanos += 1;
    let (dictionary, resources) = to_resource_profiles(&[whole(&first), whole(&second)]);
    assert_eq!(resources.len(), 1);
    assert_eq!(resources[0].scope_profiles.len(), 2);
    assert_eq!(dictionary.function_table.len(), 2);
    assert_eq!(
        contents(&dictionary, &resources)[0],
        ("inuse".into(), "main".into(), 3)
    );
    let ids = resources[0]
        .scope_profiles
        .iter()
        .map(|scope| &scope.profiles[0].profile_id);
    let ids: std::collections::HashSet<_> = ids.collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_profile_has_a_period_even_if_pprof_gave_none() {
    let record = record(None, &[(&["main"], [1, 1])]);
    let (dictionary, resources) = to_resource_profiles(&[whole(&record)]);
    let profile = &resources[0].scope_profiles[0].profiles[0];
    assert_eq!(
        (profile.period, profile.period_type),
        (1, profile.sample_type)
    );
    assert_eq!(type_name(&dictionary, profile), "inuse");
}

#[test]
fn all_labels_of_the_target_are_on_the_resource() {
    let record = record(None, &[(&["main"], [1, 1])]);
    let (_, resources) = to_resource_profiles(&[whole(&record)]);
    let resource = resources[0].resource.as_ref().expect("resource");
    let keys: Vec<_> = resource
        .attributes
        .iter()
        .map(|attribute| &*attribute.key)
        .collect();
    let expected = [
        "service.name",
        "service.instance.id",
        "server.address",
        "server.port",
        "url.scheme",
    ];
    assert_eq!(keys, [&expected[..], &["cluster"]].concat());
}

#[test]
fn numbers_keep_their_unit_and_repeated_keys_become_an_array() {
    let mut record = record(None, &[(&["main"], [1, 1])]);
    let strings = &mut record.profile.strings;
    let (size, unit, user, text) = (
        strings.push("size"),
        strings.push("kB"),
        strings.push("user"),
        strings.push("x"),
    );
    let label = |key, value| SampleLabel { key, value };
    record.profile.label_sets.push(Box::new([
        label(size, LabelValue::Num(64, unit)),
        label(user, LabelValue::Str(text)),
        label(user, LabelValue::Str(user)),
    ]));
    record.profile.sample_labels = vec![LabelSetId(1)];
    let (dictionary, resources) = to_resource_profiles(&[whole(&record)]);
    let sample = &resources[0].scope_profiles[0].profiles[0].samples[0];
    let shown: Vec<_> = sample
        .attribute_indices
        .iter()
        .map(|idx| &dictionary.attribute_table[*idx as usize])
        .map(|attribute| {
            let string = |idx: i32| dictionary.string_table[idx as usize].clone();
            let (key, unit) = (
                string(attribute.key_strindex),
                string(attribute.unit_strindex),
            );
            (
                key,
                unit,
                format!(
                    "{:?}",
                    attribute.value.as_ref().and_then(|v| v.value.as_ref())
                ),
            )
        })
        .collect();
    insta::assert_debug_snapshot!(shown, @r#"
    [
        (
            "size",
            "kB",
            "Some(IntValue(64))",
        ),
        (
            "user",
            "",
            "Some(ArrayValue(ArrayValue { values: [AnyValue { value: Some(StringValue(\"x\")) }, AnyValue { value: Some(StringValue(\"user\")) }] }))",
        ),
    ]
    "#);
}

#[test]
fn an_empty_profile_is_not_sent() {
    assert!(to_requests(&[whole(&record(None, &[]))], 1 << 20).is_empty());
}

proptest! {
    #[test]
    fn requests_keep_to_the_limit_and_add_up_to_the_profile(
        values in prop::collection::vec((0i64..1000, 0i64..1000), 1..60), limit in 900usize..3000,
    ) {
        let names: Vec<String> = (0..values.len()).map(|idx| format!("function_{idx}")).collect();
        let stacks: Vec<[&str; 2]> = names.iter().map(|name| [&**name, "main"]).collect();
        let samples: Vec<(&[&str], [i64; 2])> =
            stacks.iter().zip(&values).map(|(stack, (a, b))| (&stack[..], [*a, *b])).collect();
        let record = record(None, &samples);
        let requests = to_requests(&[whole(&record), whole(&record)], limit);
        let mut totals = [0, 0];
        for request in &requests {
            let bytes = &*request.fragment.bytes;
            prop_assert!(bytes.len() <= limit, "{} > {limit}", bytes.len());
            let request = ExportProfilesServiceRequest::decode(bytes).unwrap();
            let dictionary = request.dictionary.unwrap();
            for (kind, _, value) in contents(&dictionary, &request.resource_profiles) {
                totals[usize::from(kind == "inuse")] += value;
            }
        }
        let sums = [0, 1].map(|idx| 2 * record.profile.total(idx));
        prop_assert_eq!(totals, sums);
    }
}
