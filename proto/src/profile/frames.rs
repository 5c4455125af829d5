//! A stack as people read it: one frame for each call, inlined ones included.

use std::borrow::Cow;

use super::{FunctionId, Line, Location, LocationId, Profile, StackId};

/// One call on a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The function's name; without symbols `[binary]`, or the address if even that is unknown.
    pub name: Cow<'a, str>,
    /// Its source file, or the empty string.
    pub file: &'a str,
    /// The line in it, 0 if unknown.
    pub line: i64,
    /// The function, if there are symbols.
    pub function: Option<FunctionId>,
}

impl Profile {
    /// The frames of a stack, leaf first. Handles that lead nowhere give no frame.
    pub fn frames(&self, stack: StackId) -> impl DoubleEndedIterator<Item = Frame<'_>> {
        let locations = self
            .stacks
            .get(stack.0 as usize)
            .map_or(&[][..], |stack| stack);
        locations
            .iter()
            .flat_map(|location| self.frames_of_location(*location))
    }

    /// The frames of one location, innermost first.
    pub fn frames_of_location(&self, id: LocationId) -> impl DoubleEndedIterator<Item = Frame<'_>> {
        let location = self.locations.get(id.0 as usize);
        let lines = location.map_or(&[][..], |location| &location.lines);
        let bare = location.filter(|location| location.lines.is_empty());
        let bare = bare.map(|location| self.bare_frame(location));
        lines.iter().map(|line| self.line_frame(line)).chain(bare)
    }

    fn line_frame(&self, line: &Line) -> Frame<'_> {
        let function = self
            .functions
            .get(line.function.0 as usize)
            .copied()
            .unwrap_or_default();
        Frame {
            name: Cow::Borrowed(self.strings.get(function.name)),
            file: self.strings.get(function.filename),
            line: line.line,
            function: Some(line.function),
        }
    }

    fn bare_frame(&self, location: &Location) -> Frame<'_> {
        let mapping = location
            .mapping
            .and_then(|id| self.mappings.get(id.0 as usize));
        let path = mapping.map_or("", |mapping| self.strings.get(mapping.filename));
        let name = match path.rsplit('/').next() {
            Some(binary) if !binary.is_empty() => format!("[{binary}]"),
            _ => format!("{:#x}", location.address),
        };
        Frame {
            name: Cow::Owned(name),
            file: "",
            line: 0,
            function: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Function, Mapping, ProfileBuilder};

    #[test]
    fn inlined_calls_come_before_their_caller_and_bare_addresses_are_named() {
        let mut builder = ProfileBuilder::new();
        let mut line = |name: &str| {
            let name = builder.string(name);
            let function = builder.function(Function {
                name,
                ..Function::default()
            });
            Line {
                function,
                line: 1,
                column: 0,
            }
        };
        let lines = smallvec::smallvec![line("inlined"), line("caller")];
        let filename = builder.string("/usr/lib/libc.so.6");
        let mapping = Some(builder.mapping(Mapping {
            filename,
            ..Mapping::default()
        }));
        let symbolised = builder.location(Location {
            lines,
            ..Location::default()
        });
        let bare = builder.location(Location {
            mapping,
            address: 9,
            ..Location::default()
        });
        let unknown = builder.location(Location {
            address: 31,
            ..Location::default()
        });
        let stack = builder.stack(&[symbolised, bare, unknown]);
        let profile = builder.finish();
        let names: Vec<_> = profile.frames(stack).map(|frame| frame.name).collect();
        assert_eq!(names, ["inlined", "caller", "[libc.so.6]", "0x1f"]);
        let root = profile.frames(stack).next_back().map(|frame| frame.name);
        assert_eq!(root.as_deref(), Some("0x1f"));
    }
}
