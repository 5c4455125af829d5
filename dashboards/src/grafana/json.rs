//! JSON of which each panel is a line: a file that is read in differences, and not much longer than
//! without any line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{Formatter, PrettyFormatter};

/// What is deeper inside than this is in one line.
const DEPTH: usize = 2;

/// `value` as text.
pub(super) fn lines(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let lines = Lines {
        inner: PrettyFormatter::new(),
        depth: 0,
    };
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, lines));
    // Only maps whose keys are no text cannot be written, and there are none in our model.
    debug_assert!(written.is_ok());
    text.push(b'\n');
    String::from_utf8_lossy(&text).into_owned()
}

struct Lines {
    inner: PrettyFormatter<'static>,
    depth: usize,
}

impl Lines {
    fn is_outside(&self) -> bool {
        self.depth <= DEPTH
    }
}

/// Begins or ends something a level deeper.
macro_rules! bracket {
    ($($name:ident $bracket:literal $is_begin:literal;)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
            if $is_begin {
                self.depth += 1;
            }
            let written = if self.is_outside() {
                self.inner.$name(writer)
            } else {
                writer.write_all($bracket)
            };
            if !$is_begin {
                self.depth -= 1;
            }
            written
        }
    )*};
}

/// Begins an item of something.
macro_rules! item {
    ($($name:ident)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if self.is_outside() {
                return self.inner.$name(writer, first);
            }
            writer.write_all(if first { b"" } else { b", " })
        }
    )*};
}

impl Formatter for Lines {
    bracket! {
        begin_array b"[" true;
        end_array b"]" false;
        begin_object b"{" true;
        end_object b"}" false;
    }
    item! { begin_array_value begin_object_key }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        match self.is_outside() {
            true => self.inner.end_array_value(writer),
            false => Ok(()),
        }
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        match self.is_outside() {
            true => self.inner.end_object_value(writer),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_deep_inside_is_one_line_and_nothing_is_lost() {
        let value = json!({"a": [{"b": [1, {"c": []}], "d": "x"}, {}], "e": {"f": [2]}, "g": []});
        let text = lines(&value);
        let expected = "{\n  \"a\": [\n    {\"b\": [1, {\"c\": []}], \"d\": \"x\"},\n    {}\n  ],\n  \"e\": {\n    \"f\": [2]\n  },\n  \"g\": []\n}\n";
        assert_eq!(text, expected);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
