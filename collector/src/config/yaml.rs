//! YAML as a tree in which every key and value knows its line.
//!
//! A scalar keeps the text that was written: `1.10` as a label's value stays `1.10`, and whoever
//! reads a value decides what it is. This module does not know any key.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// Most nodes of one file, aliases expanded: what a file of a few kilobytes can blow up to.
const MAX_NODES: usize = 200_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A value and the line where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as written, escapes resolved; quoted text is never anything but text.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, the line where it stands, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Node,
}

/// Why a text is not a YAML document for us.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{message}")]
pub(crate) struct YamlError {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Parses the one document in `text`; an empty text is [`Value::Null`].
pub(crate) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut tree = Tree {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        n_nodes: 0,
        depth: 0,
    };
    let mut document = None;
    loop {
        let (event, span) = tree.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if document.is_some() => return error(span, "more than one document"),
            event => document = Some(tree.node(event, span)?),
        }
    }
    Ok(document.unwrap_or(Node {
        line: 1,
        value: Value::Null,
    }))
}

fn error<T>(span: Span, message: impl Into<String>) -> Result<T, YamlError> {
    Err(YamlError {
        line: span.start.line(),
        message: message.into(),
    })
}

struct Tree<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    n_nodes: usize,
    depth: usize,
}

impl<'a> Tree<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(scan)) => Err(YamlError {
                line: scan.marker().line(),
                message: scan.info(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, YamlError> {
        self.count(1, span)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::SequenceStart(_, anchor, _) => (self.nested(span, Self::list)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.nested(span, Self::map)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return error(span, "unexpected end"),
        };
        let node = Node {
            line: span.start.line(),
            value,
        };
        if anchor != 0 {
            self.count(n_nodes(&node), span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn nested(
        &mut self,
        span: Span,
        read: fn(&mut Self) -> Result<Value, YamlError>,
    ) -> Result<Value, YamlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return error(span, format!("nested deeper than {MAX_DEPTH}"));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// The anchored value, at the line where it is used.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, YamlError> {
        let Some(node) = self.anchors.get(&anchor) else {
            return error(span, "an alias inside its own anchor");
        };
        let node = Node {
            line: span.start.line(),
            value: node.value.clone(),
        };
        self.count(n_nodes(&node), span)?;
        Ok(node)
    }

    fn list(&mut self) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, span)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span)?;
            match key.value {
                Value::Scalar {
                    text,
                    quoted: false,
                } if text == "<<" => merged.push(value),
                Value::Scalar { text: key, .. } => {
                    if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                        let message = format!("key {key:?} is already at line {}", first.line);
                        return error(span, message);
                    }
                    entries.push(Entry {
                        key,
                        line: span.start.line(),
                        value,
                    });
                }
                _ => return error(span, "a key that is not text"),
            }
        }
        for node in merged {
            merge(&mut entries, node)?;
        }
        Ok(Value::Map(entries))
    }

    fn count(&mut self, n_nodes: usize, span: Span) -> Result<(), YamlError> {
        self.n_nodes += n_nodes;
        if self.n_nodes > MAX_NODES {
            return error(
                span,
                format!("more than {MAX_NODES} values, aliases expanded"),
            );
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let quoted = style != ScalarStyle::Plain;
    match text {
        "" | "~" | "null" | "Null" | "NULL" if !quoted => Value::Null,
        _ => Value::Scalar {
            text: text.to_owned(),
            quoted,
        },
    }
}

/// `<<: *anchor` or `<<: [*first, *second]`: keys that are there already win.
fn merge(entries: &mut Vec<Entry>, node: Node) -> Result<(), YamlError> {
    let line = node.line;
    match node.value {
        Value::Map(merged) => {
            for entry in merged {
                if entries.iter().all(|known| known.key != entry.key) {
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Value::List(nodes) => nodes.into_iter().try_for_each(|node| merge(entries, node)),
        _ => Err(YamlError {
            line,
            message: "\"<<\" takes a mapping".to_owned(),
        }),
    }
}

fn n_nodes(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar { .. } => 0,
        Value::List(items) => items.iter().map(n_nodes).sum(),
        Value::Map(entries) => entries.iter().map(|entry| 1 + n_nodes(&entry.value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(node: &Node) -> &str {
        match &node.value {
            Value::Scalar { text, .. } => text,
            other => panic!("not a scalar: {other:?}"),
        }
    }

    fn entries(node: &Node) -> &[Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("not a mapping: {other:?}"),
        }
    }

    fn check_refused(yaml: &str, line: usize, message: &str) {
        let error = parse(yaml).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(message), "{error}");
    }

    #[test]
    fn keys_and_values_know_their_lines_and_keep_their_text() {
        let node = parse("# comment\nversion: 1.10\nlist:\n  - a\n  - {b: 010}\n").unwrap();
        let map = entries(&node);
        assert_eq!((map[0].line, text(&map[0].value)), (2, "1.10"));
        let Value::List(items) = &map[1].value.value else {
            panic!("not a list")
        };
        assert_eq!(items[1].line, 5);
        assert_eq!(text(&entries(&items[1])[0].value), "010");
    }

    #[test]
    fn merge_keys_fill_in_what_is_not_there() {
        let yaml = "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\n";
        let node = parse(yaml).unwrap();
        let used: Vec<_> = entries(&entries(&node)[1].value)
            .iter()
            .map(|e| (&*e.key, text(&e.value)))
            .collect();
        assert_eq!(used, [("b", "3"), ("a", "1")]);
    }

    #[test]
    fn empty_text_is_null() {
        assert_eq!(parse("# nothing\n").unwrap().value, Value::Null);
        assert_eq!(parse("~").unwrap().value, Value::Null);
    }

    #[test]
    fn malformed_documents_are_refused_with_their_line() {
        check_refused("a: 1\nb: 2\na: 3\n", 3, "already at line 1");
        check_refused("a: 1\n---\nb: 2\n", 3, "more than one document");
        check_refused("a: [1, 2\nb: 3\n", 2, "");
        check_refused("a: &x [*x]\n", 1, "");
        check_refused("? [a]\n: b\n", 1, "a key that is not text");
    }

    #[test]
    fn bombs_are_refused() {
        let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            yaml.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        check_refused(&yaml, 5, "aliases expanded");
        check_refused(
            &format!("{}{}", "[".repeat(100), "]".repeat(100)),
            1,
            "nested deeper",
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[a-c:{}\\[\\]&*!|>'\"\\-?<# \n\t,%0é]{0,80}") {
            let _ = parse(&text);
        }
    }
}
