use proptest::prelude::*;

use super::wire::Writer;
use super::*;
use crate::profile::{
    Function, LabelValue, Line, Location, Mapping, Profile, ProfileBuilder, SampleLabel, StrId,
    ValueType,
};

/// One sample of every field there is.
fn full_profile() -> Profile {
    let mut builder = ProfileBuilder::new();
    let mut text = |text: &str| builder.string(text);
    let (cpu, nanoseconds, samples, count) = (
        text("cpu"),
        text("nanoseconds"),
        text("samples"),
        text("count"),
    );
    let [name, file, build, key, unit] = ["main.main", "main.go", "b1", "bytes", "By"].map(text);
    let header = builder.profile_mut();
    header.sample_types = vec![
        ValueType {
            kind: samples,
            unit: count,
        },
        ValueType {
            kind: cpu,
            unit: nanoseconds,
        },
    ];
    header.default_sample_type = Some(1);
    (header.time_nanos, header.duration_nanos, header.period) = (1 << 60, 10_000_000_000, 10);
    header.period_type = ValueType {
        kind: cpu,
        unit: nanoseconds,
    };
    header.comments = vec![name, StrId(0)];
    (header.drop_frames, header.keep_frames, header.doc_url) = (key, unit, file);
    let mapping = builder.mapping(Mapping {
        memory_start: 0x40_0000,
        memory_limit: u64::MAX,
        file_offset: 4096,
        filename: file,
        build_id: build,
        has_functions: true,
        has_inline_frames: true,
        ..Mapping::default()
    });
    let function = builder.function(Function {
        name,
        system_name: name,
        filename: file,
        start_line: -1,
    });
    let line = Line {
        function,
        line: 12,
        column: 3,
    };
    let location = builder.location(Location {
        mapping: Some(mapping),
        address: 0x40_1234,
        lines: smallvec::smallvec![line, Line { line: 0, ..line }],
        is_folded: true,
    });
    let bare = builder.location(Location::default());
    let stack = builder.stack(&[location, bare]);
    let labels = builder.label_set(&[
        SampleLabel {
            key,
            value: LabelValue::Num(-5, unit),
        },
        SampleLabel {
            key,
            value: LabelValue::Str(name),
        },
    ]);
    builder.push_sample(stack, labels, &[i64::MIN, 0]);
    builder.push_sample(stack, labels, &[1, 2]);
    builder.finish()
}

fn message(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    write(&mut writer);
    writer.bytes
}

#[test]
fn every_field_comes_back() {
    let profile = full_profile();
    assert_eq!(decode(&encode(&profile)), Ok(profile));
}

#[test]
fn tables_are_read_in_any_order_and_with_any_ids() {
    let location = message(|out| {
        out.number(1, 0xdead_beef);
        out.bytes(4, &message(|line| line.number(1, u64::MAX)));
    });
    let bytes = message(|out| {
        out.bytes(
            2,
            &message(|sample| {
                sample.number(1, 0xdead_beef);
                sample.number(1, 0xdead_beef);
                sample.packed(2, [7].into_iter());
            }),
        );
        out.bytes(4, &location);
        out.bytes(5, &message(|function| function.number(1, u64::MAX)));
        out.bytes(1, &message(|value_type| value_type.number(1, 1)));
        out.bytes(6, b"");
        out.bytes(6, b"count");
    });
    let profile = decode(&bytes).unwrap();
    assert_eq!(profile.strings.get(profile.sample_types[0].kind), "count");
    assert_eq!(profile.stacks[0].len(), 2);
    assert_eq!(profile.total(0), 7);
}

#[test]
fn references_that_lead_nowhere_are_refused() {
    let check = |write: &dyn Fn(&mut Writer), expected: &str| {
        let bytes = message(|out| {
            out.bytes(1, &[]);
            write(out);
        });
        assert_eq!(decode(&bytes).unwrap_err().to_string(), expected);
    };
    let sample = |locations: &[u64], n_values: usize| {
        message(|sample| {
            sample.packed(1, locations.iter().copied());
            sample.packed(2, std::iter::repeat_n(1, n_values));
        })
    };
    check(
        &|out| out.bytes(2, &sample(&[1], 1)),
        "location 1 does not exist",
    );
    check(
        &|out| out.bytes(2, &sample(&[0], 1)),
        "location 0 does not exist",
    );
    check(
        &|out| out.bytes(2, &sample(&[], 2)),
        "sample 0 has 2 values for 1 sample types",
    );
    check(
        &|out| out.bytes(5, &[]),
        "function id 0 is zero or given twice",
    );
    check(
        &|out| [1, 1].iter().for_each(|id| out.bytes(3, &[8, *id])),
        "mapping id 1 is zero or given twice",
    );
    check(
        &|out| out.bytes(4, &[8, 1, 16, 9]),
        "mapping 9 does not exist",
    );
    check(
        &|out| out.bytes(4, &[8, 1, 34, 0]),
        "function 0 does not exist",
    );
    check(&|out| out.number(14, 3), "string 3 does not exist");
    check(&|out| out.bytes(6, b"x"), "first string is not empty");
    check(
        &|out| out.bytes(11, &[0xff]),
        "malformed protobuf in ValueType",
    );
    check(&|out| out.bytes.push(0xff), "malformed protobuf in Profile");
}

#[test]
fn what_is_not_pprof_is_named() {
    let check = |body: &[u8], expected: &str| {
        assert_eq!(decode(body).unwrap_err().to_string(), expected);
    };
    check(b"", "body is empty");
    check(
        b"heap profile: 1: 2 [3: 4] @ heap/1048576\n",
        "body is heap profile text: fetch the protobuf form, that is without debug=1",
    );
    check(b"<html>404", "body is HTML, not a pprof protobuf message");
    check(
        b"\x1f\x8b\x08",
        "body is gzip data, not a pprof protobuf message",
    );
}

#[test]
fn a_cut_profile_is_refused_or_smaller_but_never_a_panic() {
    let bytes = encode(&full_profile());
    for length in 0..bytes.len() {
        if let Ok(profile) = decode(&bytes[..length]) {
            assert!(profile.n_samples() <= 2);
        }
    }
}

proptest! {
    #[test]
    fn decode_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_profile_with_flipped_bytes_never_panics_and_keeps_its_handles_valid(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encode(&full_profile());
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(profile) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&profile)), Ok(profile));
        }
    }
}
