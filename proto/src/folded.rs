//! Folded stacks, as Brendan Gregg's `stackcollapse` scripts and inferno write and read them:
//! one line for each stack, `root;caller;leaf 42`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt::Write;

use crate::profile::{
    Function, LabelSetId, Line, Location, LocationId, Profile, ProfileBuilder, StackId, ValueType,
};

/// What a stack without frames is called.
const NO_FRAMES: &str = "[unknown]";

/// Why text is not folded stacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldedError {
    /// A line does not end in a count.
    #[error("line {line_number}: expected `frame;frame;frame count`")]
    Line {
        /// Counted from 1.
        line_number: usize,
    },
    /// There is no line at all.
    #[error("no stacks")]
    Empty,
}

/// Writes one sample type, a line for each stack with a value above zero, in order of the
/// stacks. Labels, files and lines are left out; a `;` inside a name becomes `:`, an end of line
/// becomes a space.
pub fn write(profile: &Profile, type_idx: usize) -> String {
    let mut sums: HashMap<StackId, i64> = HashMap::new();
    for (stack, _, values) in profile.samples() {
        let sum = sums.entry(stack).or_default();
        *sum = sum.saturating_add(values.get(type_idx).copied().unwrap_or(0));
    }
    // Stacks that differ in lines or addresses only have the same text.
    let mut lines: BTreeMap<String, i64> = BTreeMap::new();
    for (stack, value) in sums {
        let sum = lines.entry(stack_text(profile, stack)).or_default();
        *sum = sum.saturating_add(value);
    }
    lines.into_iter().filter(|(_, value)| *value > 0).fold(
        String::new(),
        |mut out, (text, value)| {
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "{text} {value}");
            out
        },
    )
}

/// Reads folded stacks as a profile of the sample type `samples` in `count`. Equal stacks are
/// summed, empty lines skipped.
///
/// # Errors
/// If a line does not end in a whole number, or there is none.
pub fn parse(text: &[u8]) -> Result<Profile, FoldedError> {
    let mut builder = ProfileBuilder::new();
    let samples = ValueType {
        kind: builder.string("samples"),
        unit: builder.string("count"),
    };
    builder.profile_mut().sample_types = vec![samples];
    for (line_number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = String::from_utf8_lossy(line);
        if line.trim().is_empty() {
            continue;
        }
        let sample = line.trim_end().rsplit_once([' ', '\t']);
        let sample = sample.and_then(|(frames, count)| Some((frames, count.parse().ok()?)));
        let (frames, count) = sample.ok_or(FoldedError::Line { line_number })?;
        let leaf_first = frames.trim().rsplit(';').filter(|name| !name.is_empty());
        let locations: Vec<_> = leaf_first
            .map(|name| location(&mut builder, name))
            .collect();
        let stack = builder.stack(&locations);
        builder.add_sample(stack, LabelSetId::default(), &[count]);
    }
    if builder.profile().n_samples() == 0 {
        return Err(FoldedError::Empty);
    }
    Ok(builder.finish())
}

fn stack_text(profile: &Profile, stack: StackId) -> String {
    let mut text = String::new();
    for frame in profile.frames(stack).rev() {
        if !text.is_empty() {
            text.push(';');
        }
        text.extend(frame.name.chars().map(|character| match character {
            ';' => ':',
            '\n' | '\r' => ' ',
            other => other,
        }));
    }
    if text.is_empty() {
        NO_FRAMES.to_owned()
    } else {
        text
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile_ops::strategies::any_profile;
    use proptest::prelude::*;

    #[test]
    fn stacks_are_written_root_first_and_sorted() {
        let profile = parse(b"main;b 2\nmain;a 1\n\nmain;b 3\n").unwrap();
        assert_eq!(write(&profile, 0), "main;a 1\nmain;b 5\n");
        assert_eq!(profile.total(0), 6);
    }

    #[test]
    fn names_may_hold_spaces_and_arguments() {
        let text = "java;void f(int, long) 3\n";
        assert_eq!(write(&parse(text.as_bytes()).unwrap(), 0), text);
    }

    #[test]
    fn a_line_without_a_count_is_named() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), expected);
        };
        check("a;b 1\na;b\n", "line 2: expected `frame;frame;frame count`");
        check("a 1.5\n", "line 1: expected `frame;frame;frame count`");
        check("\n", "no stacks");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(profile in any_profile()) {
            let text = write(&profile, 0);
            if let Ok(back) = parse(text.as_bytes()) {
                prop_assert_eq!(write(&back, 0), text);
            } else {
                prop_assert_eq!(text, "");
            }
        }

        #[test]
        fn parse_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }
}
